//! One file, link or device of a layer, with all that belongs to it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, fchown, lchown};
use std::path::Path;

use kit::{Context, Result};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;

use crate::tarball::{Entry, Kind, Tar};

/// The attribute without which a program lacks the rights that it came with.
const CAPABILITY: &[u8] = b"security.capability";

/// A file with its content. The owner goes first: changing it clears set-user-ID bits and capabilities.
pub fn file(entry: &Entry, tar: &mut Tar<impl Read>, path: &Path) -> Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path).on("make", path)?;
    match &entry.sparse {
        Some(sparse) => sparse.write(tar, &mut file),
        None => tar.write_to(&mut file, u64::MAX).map(drop),
    }
    .on("write", path)?;
    fchown(&file, Some(entry.uid), Some(entry.gid)).on("change the owner of", path)?;
    file.set_permissions(fs::Permissions::from_mode(entry.mode)).on("change the mode of", path)?;
    attributes(entry, path)?;
    rustix::fs::futimens(&file, &times(entry.time)).on("set the time of", path)
}

/// A device or a named pipe.
pub fn special(entry: &Entry, path: &Path) -> Result<()> {
    let (major, minor) = entry.device;
    let (kind, device) = match entry.kind {
        Kind::Block => (FileType::BlockDevice, rustix::fs::makedev(major, minor)),
        // 0:0 is no device but overlayfs's mark of something deleted: containerd makes it as it stands, so it deletes.
        Kind::Character => (FileType::CharacterDevice, rustix::fs::makedev(major, minor)),
        _ => (FileType::Fifo, 0),
    };
    rustix::fs::mknodat(CWD, path, kind, Mode::empty(), device).on("make", path)
}

/// Owner, mode and extended attributes of what is no file.
pub fn dress(entry: &Entry, path: &Path) -> Result<()> {
    lchown(path, Some(entry.uid), Some(entry.gid)).on("change the owner of", path)?;
    if entry.kind != Kind::Symlink {
        fs::set_permissions(path, fs::Permissions::from_mode(entry.mode)).on("change the mode of", path)?;
    }
    attributes(entry, path)
}

fn attributes(entry: &Entry, path: &Path) -> Result<()> {
    entry.attributes.iter().try_for_each(|(name, value)| attribute(path, name, value))
}

/// Set one attribute. Those that begin with `trusted.` are left out, as containerd does: overlayfs's own among them would lead
/// lookups out of the layer. Its marks in `user.` mean nothing to our mounts and stay. What the filesystem can't keep is left out, as
/// everybody does, unless a program would lose its rights.
pub fn attribute(path: &Path, name: &[u8], value: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(name);
    if name.starts_with(b"trusted.") {
        return Ok(());
    }
    match rustix::fs::lsetxattr(path, OsStr::from_bytes(name), value, XattrFlags::empty()) {
        Err(Errno::OPNOTSUPP | Errno::PERM) if name != CAPABILITY => Ok(()),
        result => result.doing(format_args!("set {text} of {}", path.display())),
    }
}

/// Sets the time of the last change.
pub fn set_time(path: &Path, time: (i64, u32)) -> Result<()> {
    rustix::fs::utimensat(CWD, path, &times(time), AtFlags::SYMLINK_NOFOLLOW).on("set the time of", path)
}

fn times((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
