//! Mounts, loop devices and what lies on block devices. One file a command.

mod blkid;
mod flags;
mod loops;
mod losetup;
mod mount;
mod mountpoint;
mod signature;
mod table;
mod umount;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[blkid::BLKID, losetup::LOSETUP, mount::MOUNT, mountpoint::MOUNTPOINT, umount::UMOUNT];
