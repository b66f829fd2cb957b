//! Mounts through descriptors, as far as rustix has no function for them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use rustix::fs::StatVfsMountFlags;
use rustix::mount::OpenTreeFlags;
use rustix::path::Arg;

use crate::mount_attr::{self, Attributes, READ_ONLY};

/// Make the one mount that `root` is the root of read-only (mount_setattr(2)). Other mounts of its
/// file system stay as they are.
///
/// # Errors
/// `EINVAL` when `root` is not the root of a mount, `EBUSY` while files are open for writing
/// through it.
pub fn make_read_only(root: impl AsFd) -> io::Result<()> {
    mount_attr::set(root.as_fd(), &Attributes { set: READ_ONLY, ..Attributes::default() }, false)
}

/// Returns a new read-only mount of what lies at `path` below `dir`. It is attached nowhere, and
/// ends with its descriptor.
///
/// # Errors
/// Those of open_tree(2) and mount_setattr(2); `ENOTSUP` when the new mount is not read-only after
/// all.
pub fn read_only_clone(dir: impl AsFd, path: impl Arg) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let mount = rustix::mount::open_tree(dir, path, flags)?;
    make_read_only(&mount)?;
    if is_read_only(&mount)? { Ok(mount) } else { Err(Errno::ENOTSUP.into()) }
}

/// True when nothing can be written through the mount that `file` was opened by, or to its file
/// system.
pub fn is_read_only(file: impl AsFd) -> io::Result<bool> {
    Ok(rustix::fs::fstatvfs(file)?.f_flag.contains(StatVfsMountFlags::RDONLY))
}
