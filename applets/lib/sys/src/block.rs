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

/// Numbers that a block device tells by an `ioctl` of linux/fs.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// 1 for a device that can't be written (`BLKROGET`).
    IsReadOnly,
    /// Bytes of a physical block (`BLKPBSZGET`).
    PhysicalBlock,
    /// Bytes of the smallest request that the device likes (`BLKIOMIN`).
    LeastIo,
    /// Bytes of the request that it likes best (`BLKIOOPT`).
    BestIo,
    /// Bytes that the device is off its alignment (`BLKALIGNOFF`).
    AlignmentOffset,
    /// Sectors of a request (`BLKSECTGET`).
    MostSectors,
    /// Bytes of a block of the page cache (`BLKBSZGET`).
    CacheBlock,
    /// Sectors that are read ahead (`BLKRAGET`).
    ReadAhead,
    /// Sectors that the file system reads ahead (`BLKFRAGET`).
    FileReadAhead,
    /// 1 if discarded sectors read as zeroes (`BLKDISCARDZEROES`).
    DiscardZeroes,
}

impl Number {
    const fn request(self) -> u32 {
        match self {
            Self::IsReadOnly => 0x125e,
            Self::PhysicalBlock => 0x127b,
            Self::LeastIo => 0x1278,
            Self::BestIo => 0x1279,
            Self::AlignmentOffset => 0x127a,
            Self::MostSectors => 0x1267,
            Self::CacheBlock => 0x8008_1270,
            Self::ReadAhead => 0x1263,
            Self::FileReadAhead => 0x1265,
            Self::DiscardZeroes => 0x127c,
        }
    }
}

/// Ask a block device for a number.
pub fn number(device: &File, which: Number) -> io::Result<i64> {
    let mut value: [u8; 8] = [0; 8];
    // SAFETY: each of these requests writes a short, an int or a long, all of which fit in eight bytes.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), which.request() as _, value.as_mut_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let [a, b, c, d, ..] = value;
    Ok(match which {
        Number::MostSectors => i64::from(u16::from_ne_bytes([a, b])),
        Number::ReadAhead | Number::FileReadAhead => i64::from_ne_bytes(value),
        _ => i64::from(i32::from_ne_bytes([a, b, c, d])),
    })
}

/// Settings of a block device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Refuse writes, or not (`BLKROSET`).
    ReadOnly(bool),
    /// Bytes of a block of the page cache, for this open file (`BLKBSZSET`).
    CacheBlock(i32),
    /// Sectors to read ahead (`BLKRASET`).
    ReadAhead(u32),
    /// Sectors that the file system reads ahead (`BLKFRASET`).
    FileReadAhead(u32),
    /// Write out and forget the page cache (`BLKFLSBUF`).
    Flush,
}

/// Change a setting.
pub fn set(device: &File, setting: Setting) -> io::Result<()> {
    let by_address = |request: u32, value: i32| {
        // SAFETY: the request reads one int, which outlives the call.
        unsafe { libc::ioctl(device.as_raw_fd(), request as _, &raw const value) }
    };
    let by_value = |request: u32, value: u32| {
        // SAFETY: the request takes a number as its argument.
        unsafe { libc::ioctl(device.as_raw_fd(), request as _, libc::c_ulong::from(value)) }
    };
    let done = match setting {
        Setting::ReadOnly(on) => by_address(0x125d, i32::from(on)),
        Setting::CacheBlock(bytes) => by_address(0x4008_1271, bytes),
        Setting::ReadAhead(sectors) => by_value(0x1262, sectors),
        Setting::FileReadAhead(sectors) => by_value(0x1264, sectors),
        Setting::Flush => by_value(0x1261, 0),
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `FS_IOC_GETVERSION`: generation of a file's inode.
pub fn version(file: &File) -> io::Result<u32> {
    let mut value = 0_u64;
    // SAFETY: the request writes an int or a long, either of which fits.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), 0x8008_7601_u32 as _, &raw mut value) };
    if done == 0 { Ok(value as u32) } else { Err(io::Error::last_os_error()) }
}

/// `FS_IOC_SETVERSION`: set it.
pub fn set_version(file: &File, version: u32) -> io::Result<()> {
    let value = u64::from(version);
    // SAFETY: the request reads an int or a long, which outlives the call.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), 0x4008_7602_u32 as _, &raw const value) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
