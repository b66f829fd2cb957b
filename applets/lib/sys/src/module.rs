//! Kernel modules in and out.

use std::ffi::CStr;
use std::fs::File;
use std::io;

/// linux/module.h: the file is compressed (xz, zstd or gzip, whichever the kernel was built for) and the kernel unpacks it.
const COMPRESSED: i32 = 4;

/// Insert the module in `file` with its parameters. The kernel unpacks a compressed one. A module that is in already is an
/// error of kind `AlreadyExists`.
pub fn insert(file: &File, parameters: &CStr, compressed: bool) -> io::Result<()> {
    Ok(rustix::system::finit_module(file, parameters, if compressed { COMPRESSED } else { 0 })?)
}

/// Remove a module by name; one in use is an error of kind `WouldBlock`.
pub fn remove(name: &CStr) -> io::Result<()> {
    Ok(rustix::system::delete_module(name, libc::O_NONBLOCK)?)
}
