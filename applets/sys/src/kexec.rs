//! Another kernel, to be started instead of this one.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The call's number, which the C library's crate has for one architecture only.
const KEXEC_FILE_LOAD: libc::c_long = if cfg!(target_arch = "x86_64") { 320 } else { 294 };
/// linux/kexec.h: forget what was loaded.
const UNLOAD: libc::c_ulong = 1;
/// The kernel comes without an initramfs.
const NO_INITRAMFS: libc::c_ulong = 4;

/// Load a kernel and its initramfs; rebooting with the kexec command then starts it. Errors are the kernel's: `ENOSYS` without
/// `CONFIG_KEXEC_FILE`, `EPERM` in lockdown, `ENOEXEC` for what is no kernel, `EBUSY` while somebody else loads one.
pub fn load(kernel: &File, initramfs: Option<&File>, command_line: &CStr) -> io::Result<()> {
    let (initramfs, flags) = match initramfs {
        Some(file) => (file.as_raw_fd(), 0),
        None => (-1, NO_INITRAMFS),
    };
    let bytes = command_line.to_bytes_with_nul();
    // SAFETY: the kernel only reads the descriptors and so many bytes of the command line, which ends with its zero.
    let result = unsafe { libc::syscall(KEXEC_FILE_LOAD, kernel.as_raw_fd(), initramfs, bytes.len(), bytes.as_ptr(), flags) };
    done(result)
}

/// Forget what was loaded; nothing loaded is fine.
pub fn unload() -> io::Result<()> {
    // SAFETY: with this flag the kernel looks at no other argument.
    let result = unsafe { libc::syscall(KEXEC_FILE_LOAD, -1, -1, 0, std::ptr::null::<u8>(), UNLOAD) };
    done(result)
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
