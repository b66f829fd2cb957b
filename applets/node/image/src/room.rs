//! Whether there is room for images, and what to say when there is not.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

use crate::registry::fault::{Fault, Kind};

/// The kernel's words for a full filesystem and for a used-up quota.
const FULL: [&str; 2] = ["no space left on device", "quota exceeded"];

/// Whether an error says that there is no room.
pub fn is_full(message: &str) -> bool {
    let message = message.to_lowercase();
    FULL.iter().any(|words| message.contains(words))
}

/// An error's words for a caller who knows no more than the folders in which it may have been written: one for want of room says where.
pub fn told(message: &str, folders: &[&Path]) -> Option<String> {
    if !is_full(message) || message.contains(NAMED) {
        return None;
    }
    let full = folders.iter().find(|folder| free(folder).is_ok_and(|bytes| bytes < NOTHING))?;
    Some(format!("{}{NAMED}{message}", mount(full).display()))
}

/// Between a place and what could not be done there.
const NAMED: &str = " is full: ";
/// What is left where a few pages did not fit, in bytes: others may have given some back meanwhile.
const NOTHING: u64 = 256 << 10;

/// Refuse what can't fit before it takes the room away from others. A layer is never smaller unpacked than packed, sparse files aside.
pub fn check(root: &Path, bytes: u64) -> std::result::Result<(), Fault> {
    let free = free(root)?;
    if bytes <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let text = format!("{} MiB are to come, but {} has {} MiB left", mib(bytes), mount(root).display(), free >> 20);
    Err(Fault::new(Kind::Full, text))
}

/// The same failure; one for want of room says where.
pub fn explained(fault: Fault, root: &Path) -> Fault {
    if fault.kind != Kind::Full && !is_full(&fault.message) {
        return fault;
    }
    let text = format!("{}{NAMED}{}", mount(root).display(), fault.message);
    Fault::new(Kind::Full, text)
}

/// The same for any error of the store.
pub fn named(e: Error, root: &Path) -> Error {
    if is_full(&e.to_string()) { Error::new(format!("{}{NAMED}{e}", mount(root).display())).with_exit(e.exit()) } else { e }
}

fn free(root: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(root).on("look at", root)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Where the filesystem of a folder is mounted.
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
        assert_eq!(told("write a: No space left on device (os error 28)", &[&here]), None);
        // The kernel's own files have none.
        let full = told("write a: No space left on device (os error 28)", &[&here, Path::new("/proc/self")]);
        assert_eq!(full.as_deref(), Some("/proc is full: write a: No space left on device (os error 28)"));
        assert_eq!(told("write a: permission denied", &[Path::new("/proc")]), None);
        assert_eq!(told("/proc is full: write a: No space left on device", &[Path::new("/proc")]), None);
    }
}
