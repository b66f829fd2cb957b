//! Disk space for images: checks of it, and messages where it ends.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Kind, Result};

/// Free bytes below which a file system counts as full: a few pages did not fit, and others may
/// have freed some meanwhile.
const NOTHING: u64 = 256 << 10;

/// Finds the full one among directories in which an error may have arisen, for a caller who knows no more: its mount point.
pub fn full(directories: &[&Path]) -> Option<PathBuf> {
    let full = |directory: &&&Path| free(directory).is_ok_and(|bytes| bytes < NOTHING);
    directories.iter().find(full).map(|directory| mount(directory))
}

/// Refuse what can't fit before it takes the room away from others. A layer is never smaller unpacked than packed, sparse files aside.
pub fn check(root: &Path, bytes: u64) -> Result<()> {
    let free = free(root)?;
    if bytes <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let text = format!("{} MiB are to come, but {} has {} MiB left", mib(bytes), mount(root).display(), free >> 20);
    Err(Error::of(Kind::Full, text))
}

/// The same error; one for want of room says where.
pub fn explained(e: Error, root: &Path) -> Error {
    if e.kind() == Kind::Full { e.below(format_args!("{} is full", mount(root).display())) } else { e }
}

fn free(root: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(root).on("look at", root)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Returns the mount point of a directory's file system.
fn mount(root: &Path) -> PathBuf {
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    let own = device(root);
    let inside = root.ancestors().take_while(|path| device(path) == own);
    inside.last().unwrap_or(root).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_that_is_full_is_named() {
        // A machine that runs tests has room there.
        let here = std::env::temp_dir();
        assert_eq!(full(&[&here]), None);
        // The kernel's own files have none.
        assert_eq!(full(&[&here, Path::new("/proc/self")]).as_deref(), Some(Path::new("/proc")));
    }

    #[test]
    fn only_an_error_for_want_of_room_says_where() {
        let error = |errno: i32| Error::caused("write a", std::io::Error::from_raw_os_error(errno));
        assert_eq!(explained(error(28), Path::new("/proc/self")).to_string(), "/proc is full: write a");
        assert_eq!(explained(error(13), Path::new("/proc/self")).to_string(), "write a");
    }
}
