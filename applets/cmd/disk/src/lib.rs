//! Mounts, loop devices and what lies on block devices. One file a command.

mod blkid;
pub mod disks;
pub mod empty;
mod flags;
mod loops;
mod losetup;
pub mod make;
mod mkfs;
mod mount;
mod mountpoint;
mod nfs;
pub mod signature;
pub mod table;
mod umount;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] =
    &[blkid::BLKID, disks::DISKS, losetup::LOSETUP, mkfs::MKFS_EXT4, mount::MOUNT, mountpoint::MOUNTPOINT, umount::UMOUNT];
