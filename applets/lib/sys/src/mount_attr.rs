//! mount_setattr(2): attributes and propagation of a mount that a descriptor leads to.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `MOUNT_ATTR_RDONLY`
pub const READ_ONLY: u64 = 0x1;
/// `MOUNT_ATTR_NOSUID`
pub const NO_SUID: u64 = 0x2;
/// `MOUNT_ATTR_NODEV`
pub const NO_DEV: u64 = 0x4;
/// `MOUNT_ATTR_NOEXEC`
pub const NO_EXEC: u64 = 0x8;
/// `MOUNT_ATTR__ATIME`: all bits of the access time; they must be cleared to set one.
pub const ATIME: u64 = 0x70;
/// `MOUNT_ATTR_NOATIME`
pub const NO_ATIME: u64 = 0x10;
/// `MOUNT_ATTR_STRICTATIME`
pub const STRICT_ATIME: u64 = 0x20;
/// `MOUNT_ATTR_NODIRATIME`
pub const NO_DIR_ATIME: u64 = 0x80;
/// `MOUNT_ATTR_NOSYMFOLLOW`
pub const NO_SYMFOLLOW: u64 = 0x0020_0000;

/// `struct mount_attr`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Attributes to set.
    pub set: u64,
    /// Attributes to clear.
    pub clear: u64,
    /// `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE` or `MS_UNBINDABLE`; 0 keeps what it is.
    pub propagation: u64,
    /// Descriptor of a user namespace for `MOUNT_ATTR_IDMAP`.
    pub user_namespace: u64,
}

/// Changes the mount that the descriptor leads to; with `recursive` those below it too, all or none.
pub fn set(mount: BorrowedFd<'_>, attributes: &Attributes, recursive: bool) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the empty path and the attributes outlive the call, which only reads them; the size is theirs.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attributes),
            size_of::<Attributes>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
