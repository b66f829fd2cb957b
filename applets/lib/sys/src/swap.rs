//! Swap areas, by system calls that rustix lacks.

use std::ffi::CStr;
use std::io;

/// Flags of [`on`], from linux/swap.h: a priority stands in the low bits with this one.
pub const PREFER: i32 = 0x8000;
/// Largest priority.
pub const MOST: i32 = 0x7fff;
/// Discard the area once, now.
pub const DISCARD_ONCE: i32 = 0x1_0000 | 0x2_0000;
/// Discard pages when they become free.
pub const DISCARD_PAGES: i32 = 0x1_0000 | 0x4_0000;
/// Both.
pub const DISCARD: i32 = 0x1_0000;

/// Use an area.
pub fn on(path: &CStr, flags: i32) -> io::Result<()> {
    // SAFETY: the path ends in zero and outlives the call.
    if unsafe { libc::swapon(path.as_ptr(), flags) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Use it no more: what it holds goes back to memory.
pub fn off(path: &CStr) -> io::Result<()> {
    // SAFETY: the path ends in zero and outlives the call.
    if unsafe { libc::swapoff(path.as_ptr()) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
