//! The place of a file's bytes on its disk (FIEMAP).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `FS_IOC_FIEMAP`
const FIEMAP: u32 = 0xC020_660B;
/// Write the file's data out first.
const SYNC: u32 = 1;
/// The last extent of the file, which says nothing about its place.
const LAST: u32 = 1;
/// Several extents are reported as one, which says nothing about its place either.
const MERGED: u32 = 0x1000;

/// `struct fiemap` with room for one `struct fiemap_extent`.
#[repr(C)]
#[derive(Default)]
struct Map {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
    logical: u64,
    physical: u64,
    extent_length: u64,
    reserved64: [u64; 2],
    extent_flags: u32,
    reserved32: [u32; 3],
}

/// Returns the position of a file's first `len` bytes on the file system's device, in bytes; none
/// when they are in pieces, not written yet, or kept in another form than as plain blocks.
pub fn place(file: &File, len: u64) -> io::Result<Option<u64>> {
    let mut map = Map { length: len, flags: SYNC, count: 1, ..Map::default() };
    // SAFETY: FS_IOC_FIEMAP reads and writes one `struct fiemap` with the one extent that `count`
    // says there is room for; `map` outlives the call.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), FIEMAP as _, &raw mut map) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let plain = map.extent_flags & !(LAST | MERGED) == 0;
    let whole = map.mapped == 1 && map.logical == 0 && map.extent_length >= len;
    Ok((plain && whole).then_some(map.physical))
}
