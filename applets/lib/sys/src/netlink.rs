//! Options of netlink sockets.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Ask the kernel for errors with a sentence in them, and without the request repeated.
pub fn explain_errors(socket: BorrowedFd<'_>) -> io::Result<()> {
    for option in [libc::NETLINK_CAP_ACK, libc::NETLINK_EXT_ACK] {
        let on: libc::c_int = 1;
        let len = size_of_val(&on) as libc::socklen_t;
        // SAFETY: the pointer leads to `on`, which outlives the call, and `len` is its size.
        let done = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_NETLINK, option, (&raw const on).cast(), len) };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
