//! Loading a seccomp filter into the calling thread, for good.

use std::io;

/// One classic BPF instruction, as the kernel reads it (`struct sock_filter`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Operation code.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// Its constant.
    pub k: u32,
}

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    len: u16,
    filter: *const Insn,
}

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
pub const MOST: usize = 4096;

/// `SECCOMP_SET_MODE_FILTER`
const SET_MODE_FILTER: libc::c_uint = 1;

/// Load `filter` with the kernel's `SECCOMP_FILTER_FLAG_*` in `flags`. Needs `CAP_SYS_ADMIN` or no_new_privs (EACCES).
pub fn load(filter: &[Insn], flags: u32) -> io::Result<()> {
    let len = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = Program { len, filter: filter.as_ptr() };
    // SAFETY: the program points to `len` instructions that outlive the call; the kernel copies and checks them.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, libc::c_ulong::from(flags), &raw const program) };
    match answer {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        // With TSYNC the kernel names a thread that could not be brought along.
        thread => Err(io::Error::other(format!("thread {thread} could not take the filter"))),
    }
}
