//! A container's root: the image's layers below, a directory of its own above (overlayfs).

use std::ffi::CString;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kit::{Context, Error, Result};
use rustix::fs::statvfs;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use super::overlay::{mount_layers, unmount_all};
use super::volumes;
use crate::step::{Step, reached};
use crate::store::remove_directory;
use crate::usage;

/// The type of a file system in memory (linux/magic.h).
const TMPFS: i64 = 0x0102_1994;
/// The least of bytes and inodes that a container gets: overlayfs's own files must fit.
const LEAST: u64 = 1 << 20;
const LEAST_INODES: u64 = 1024;
/// An inode for so many bytes, where the containers' directory has any number: tmpfs's own default, of half of the RAM.
const BYTES_AN_INODE: u64 = 8192;

/// Mount point of a container's root, in the container's directory.
pub fn root(dir: &Path) -> PathBuf {
    dir.join("rootfs")
}

/// Directory of the writable layer: all that the container may fill is below it.
pub fn layer(dir: &Path) -> PathBuf {
    dir.join("layer")
}

/// Directory of the container's changes to its root.
pub fn upper(dir: &Path) -> PathBuf {
    layer(dir).join("upper")
}

/// The size of one container's writable layer, where the containers' directory is in memory: a full one has no space left for that
/// container alone.
/// On a disk all containers share its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// So many hundredths of the file system's size.
    Percent(u64),
    /// Bytes.
    Bytes(u64),
}

impl fmt::Display for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Bytes(bytes) => write!(f, "{bytes}"),
        }
    }
}

impl FromStr for Writable {
    type Err = Error;

    /// A percentage from 1 % to 100 %, or bytes with k, m or g, as tmpfs takes them.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("{text:?} is no size: a percentage, or bytes with k, m or g"));
        if let Some(number) = text.strip_suffix('%') {
            let percent = number.parse().ok().filter(|percent| (1..=100).contains(percent));
            return percent.map(Self::Percent).ok_or_else(wrong);
        }
        let (number, shift) = match text.char_indices().next_back() {
            Some((at, 'k' | 'K')) => (&text[..at], 10),
            Some((at, 'm' | 'M')) => (&text[..at], 20),
            Some((at, 'g' | 'G')) => (&text[..at], 30),
            _ => (text, 0),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        bytes.filter(|bytes| *bytes >= LEAST).map(Self::Bytes).ok_or_else(wrong)
    }
}

impl Writable {
    /// A quarter of the file system.
    pub const DEFAULT: Self = Self::Percent(25);

    /// The limits of bytes and of inodes where the file system has that many. Bytes that are named take their share of inodes.
    fn of(self, bytes: u64, inodes: u64) -> (u64, u64) {
        let share = |of: u64, part: u64, whole: u64| {
            u64::try_from(u128::from(of) * u128::from(part) / u128::from(whole)).unwrap_or(u64::MAX)
        };
        let (size, count) = match self {
            Self::Percent(percent) => (share(bytes, percent, 100), share(inodes, percent, 100)),
            Self::Bytes(size) => (size, if bytes == 0 { inodes } else { share(inodes, size, bytes) }),
        };
        (size.max(LEAST), count.max(LEAST_INODES))
    }
}

/// Make the writable layer. In memory it is a file system of its own, with a size and a number of inodes: its end is one unmount.
pub fn make_layer(dir: &Path, writable: Writable) -> Result<()> {
    let dir = &layer(dir);
    fs::create_dir_all(dir).on("make", dir)?;
    let around = statvfs(dir).on("look at", dir)?;
    if rustix::fs::statfs(dir).on("look at", dir)?.f_type != TMPFS {
        return Ok(());
    }
    if around.f_bavail == 0 {
        // A container has more than its root there: its log, its volumes.
        return Err(Errno::NOSPC).on("make", dir);
    }
    let bytes = around.f_blocks * around.f_frsize;
    // One that has no limit of inodes says 0.
    let inodes = if around.f_files == 0 { bytes / BYTES_AN_INODE } else { around.f_files };
    let (size, inodes) = writable.of(bytes, inodes);
    let options = CString::new(format!("mode=755,size={size},nr_inodes={inodes}")).doing("encode mount options")?;
    mount("container", dir, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, &*options).on("mount", dir)
}

/// The room that a container's writable layer takes: bytes and inodes.
pub fn used(dir: &Path) -> (u64, u64) {
    of_own_system(dir).unwrap_or_else(|| usage::of(&layer(dir)))
}

/// The room that all of a container's directory takes: bytes and inodes. Measuring enters no mount.
pub fn held(dir: &Path) -> (u64, u64) {
    let (around, own) = (usage::of(dir), of_own_system(dir).unwrap_or_default());
    (around.0 + own.0, around.1 + own.1)
}

/// The room that a writable layer takes that is a file system of its own.
fn of_own_system(dir: &Path) -> Option<(u64, u64)> {
    let device = |path: &Path| fs::symlink_metadata(path).map(|meta| std::os::unix::fs::MetadataExt::dev(&meta)).ok();
    let layer = layer(dir);
    let own = statvfs(&layer).ok().filter(|_| device(&layer) != device(dir))?;
    Some(((own.f_blocks - own.f_bfree) * own.f_frsize, own.f_files - own.f_ffree))
}

/// Mount the root in the container's directory, and return where.
pub fn make(dir: &Path, layers: &[PathBuf]) -> Result<PathBuf> {
    let (root, upper, work) = (root(dir), upper(dir), layer(dir).join("work"));
    for directory in [&root, &upper, &work] {
        fs::create_dir_all(directory).on("make", directory)?;
    }
    // An image may have no layers: then there is nothing below, which overlayfs wants to see.
    let nothing = [dir.join("nothing")];
    let layers: &[PathBuf] = if layers.is_empty() {
        fs::create_dir_all(&nothing[0]).on("make", &nothing[0])?;
        fs::set_permissions(&nothing[0], fs::Permissions::from_mode(0o755)).on("set the mode of", &nothing[0])?;
        &nothing
    } else {
        layers
    };
    // The upper directory's mode is the mode of the container's `/`: the topmost layer knows it.
    let top = layers.last().unwrap_or(&upper);
    let mode = fs::metadata(top).on("look at", top)?.permissions().mode();
    fs::set_permissions(&upper, fs::Permissions::from_mode(mode & 0o7777)).on("set the mode of", &upper)?;
    mount_layers(layers, Some((&upper, &work)), &root).on("mount", &root)?;
    Ok(root)
}

/// Unmount the root, if it is mounted, and remove the container's directory.
pub fn remove(dir: &Path) -> Result<()> {
    volumes::release(dir)?;
    unmount_all(&root(dir))?;
    reached(Step::RootUnmounted);
    unmount_all(&layer(dir))?;
    remove_directory(dir)?;
    reached(Step::ContainerDirectoryRemoved);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use rustix::mount::{UnmountFlags, unmount};

    #[test]
    fn a_root_without_layers_is_empty_and_writable() {
        let base = std::env::temp_dir().join(format!("cri-rootfs-{}", std::process::id()));
        kit::tree::remove(&base).unwrap();
        fs::create_dir_all(&base).unwrap();
        // A file system that overlayfs takes for writing, wherever the test runs.
        if mount("none", &base, "tmpfs", MountFlags::empty(), None).is_err() {
            // Only root may mount.
            return;
        }
        let dir = base.join("c");
        let root = make(&dir, &[]).unwrap();
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o7777, 0o755);
        fs::write(root.join("f"), "f").unwrap();
        assert_eq!(fs::read_to_string(upper(&dir).join("f")).unwrap(), "f");
        remove(&dir).unwrap();
        assert!(!dir.exists());
        unmount(&base, UnmountFlags::DETACH).unwrap();
        kit::tree::remove(&base).unwrap();
    }

    #[test]
    fn a_size_is_a_percentage_or_bytes() {
        let of = |text: &str| text.parse::<Writable>().ok();
        assert_eq!(of("25%"), Some(Writable::Percent(25)));
        assert_eq!(of("64m"), Some(Writable::Bytes(64 << 20)));
        assert_eq!(of("2G"), Some(Writable::Bytes(2 << 30)));
        assert_eq!(of("2097152"), Some(Writable::Bytes(2 << 20)));
        for wrong in ["", "0%", "101%", "%", "12x", "k", "512k", "-1m", "99999999999g", "1.5g"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_container_gets_its_part_of_both() {
        assert_eq!(Writable::Percent(25).of(400 << 20, 100_000), (100 << 20, 25_000));
        assert_eq!(Writable::Bytes(100 << 20).of(400 << 20, 100_000), (100 << 20, 25_000));
        // The directories that overlayfs makes itself must fit.
        assert_eq!(Writable::Percent(1).of(1 << 20, 100), (LEAST, LEAST_INODES));
    }

    #[test]
    fn a_directory_that_is_no_file_system_is_counted_entry_by_entry() {
        let dir = std::env::temp_dir().join(format!("cri-rootfs-used-{}", std::process::id()));
        fs::create_dir_all(upper(&dir)).unwrap();
        fs::write(upper(&dir).join("file"), [1; 5000]).unwrap();
        let (bytes, inodes) = used(&dir);
        fs::remove_dir_all(dir).unwrap();
        assert!((5000..100_000).contains(&bytes) && inodes == 3, "{bytes} bytes, {inodes} inodes");
    }
}
