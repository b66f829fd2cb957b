//! Signals by number to a process held by descriptor, so that a number used again hits no stranger.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Send signal `number`, real-time ones too. ESRCH when the process has ended.
pub fn send_signal(process: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    let none: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: a null siginfo asks for what kill(2) would send; the descriptor is open for the call.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), number, none, 0_u32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
