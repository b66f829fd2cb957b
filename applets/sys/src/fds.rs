//! Descriptors just before an exec.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Close every descriptor but the standard streams, `preserved` ones after them and `kept`, which moves behind those and is
/// closed by an exec. Whoever owned the others must not be dropped any more: after this comes an exec or the end.
pub fn close_all_but(preserved: u32, kept: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let place = RawFd::try_from(3_u64 + u64::from(preserved)).map_err(io::Error::other)?;
    if kept.as_raw_fd() != place {
        // SAFETY: plain numbers; what was at that place is closed, which the caller was told.
        if unsafe { libc::dup3(kept.as_raw_fd(), place, libc::O_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: plain numbers; what is closed belongs to owners that the caller keeps from being dropped.
    if unsafe { libc::syscall(libc::SYS_close_range, place + 1, libc::c_uint::MAX, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was made above, or was at that place already and its owner is not dropped.
    Ok(unsafe { OwnedFd::from_raw_fd(place) })
}
