//! Block devices and file systems on them: what has no system call of its own (linux/fs.h,
//! fs/ext4/ext4.h).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `BLKRRPART`
const READ_PARTITIONS: u32 = 0x125f;
/// `EXT4_IOC_RESIZE_FS`: `_IOW('f', 16, __u64)`.
const RESIZE_EXT4: u32 = 0x4008_6610;

/// Read a disk's partition table again. While one of its partitions is in use that is an error of
/// kind `ResourceBusy`.
pub fn read_partitions(disk: &File) -> io::Result<()> {
    // SAFETY: BLKRRPART takes no argument.
    let done = unsafe { libc::ioctl(disk.as_raw_fd(), READ_PARTITIONS as _, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Make a mounted ext4 file system as large as so many of its blocks; `root` is any of its files.
/// It takes `CAP_SYS_RESOURCE`.
pub fn grow_ext4(root: &File, blocks: u64) -> io::Result<()> {
    // SAFETY: EXT4_IOC_RESIZE_FS reads one u64, which outlives the call.
    let done = unsafe { libc::ioctl(root.as_raw_fd(), RESIZE_EXT4 as _, &raw const blocks) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
