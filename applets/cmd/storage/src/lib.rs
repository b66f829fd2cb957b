//! Commands for disks, partitions, swap space and the attributes of files. One file a command.

mod attributes;
mod blockdev;
mod chattr;
mod fallocate;
mod fdisk;
mod fsck;
pub mod fuzz;
mod getfattr;
mod lsattr;
mod lsblk;
mod mkfs_vfat;
mod mkswap;
mod partitions;
mod partprobe;
mod setfattr;
mod sfdisk;
mod size;
mod swapoff;
mod swapon;
mod table;
mod xattr;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    blockdev::BLOCKDEV,
    chattr::CHATTR,
    fallocate::FALLOCATE,
    fdisk::FDISK,
    fsck::FSCK,
    getfattr::GETFATTR,
    lsattr::LSATTR,
    lsblk::LSBLK,
    mkfs_vfat::MKFS_VFAT,
    mkswap::MKSWAP,
    partprobe::PARTPROBE,
    setfattr::SETFATTR,
    sfdisk::SFDISK,
    swapoff::SWAPOFF,
    swapon::SWAPON,
];
