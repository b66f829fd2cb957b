//! Another kernel, to be started instead of this one.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The call's number, which the C library's crate has for one architecture only.
const KEXEC_FILE_LOAD: libc::c_long = if cfg!(target_arch = "x86_64") { 320 } else { 294 };
const KEXEC_LOAD: libc::c_long = libc::SYS_kexec_load;
/// linux/kexec.h: the segments are for this architecture.
const ARCHITECTURE: libc::c_ulong = if cfg!(target_arch = "aarch64") { 183 << 16 } else { 62 << 16 };
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

/// Bytes with their place in the machine's memory.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Content of the segment.
    pub bytes: &'a [u8],
    /// The physical address, a multiple of the page size.
    pub address: u64,
    /// Size in memory, a multiple of the page size; the space behind the bytes is zeroes.
    pub memory: u64,
}

/// As the kernel reads it.
#[repr(C)]
struct Raw {
    bytes: *const u8,
    len: usize,
    address: usize,
    memory: usize,
}

/// Load what begins at the physical address `entry`, for kernels that don't know kernels' files. The errors are [`load`]'s, and
/// `EADDRNOTAVAIL` for a place that is no memory.
pub fn load_segments(entry: u64, segments: &[Segment<'_>]) -> io::Result<()> {
    let raw = |segment: &Segment<'_>| Raw {
        bytes: segment.bytes.as_ptr(),
        len: segment.bytes.len(),
        address: segment.address as usize,
        memory: segment.memory as usize,
    };
    let table: Vec<Raw> = segments.iter().map(raw).collect();
    // SAFETY: the kernel only reads so many rows of the table, and of each row so many bytes; both outlive the call.
    let result = unsafe { libc::syscall(KEXEC_LOAD, entry as usize, table.len(), table.as_ptr(), ARCHITECTURE) };
    done(result)
}

/// Forget what was loaded; nothing loaded is fine.
pub fn unload() -> io::Result<()> {
    // SAFETY: with this flag the kernel looks at no other argument.
    let result = unsafe { libc::syscall(KEXEC_FILE_LOAD, -1, -1, 0, std::ptr::null::<u8>(), UNLOAD) };
    match done(result) {
        // No segments at all mean the same.
        Err(e) if e.raw_os_error() == Some(libc::ENOSYS) => load_segments(0, &[]),
        done => done,
    }
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
