//! Properties that pass an exec: descriptors, and signals that are ignored.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

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

/// The descriptors after the standard streams that whoever started this process left open for it; none when they were taken before.
/// From now on an exec closes them. They are told by that an exec would have left them open, which is true of none that this
/// program or Rust's library opens; still this is for the start of a process.
pub fn inherited() -> Vec<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    let open = std::fs::read_dir("/proc/self/fd")
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok()).collect());
    // Without /proc, those that people write into scripts.
    let numbers: Vec<RawFd> = open.unwrap_or_else(|_| (3..10).collect());
    // SAFETY: a plain number; what is not open is an error, which drops out.
    let left_open = |number: &RawFd| *number > 2 && unsafe { libc::fcntl(*number, libc::F_GETFD) } == 0;
    let taken = numbers.into_iter().filter(left_open).map(|number| {
        // SAFETY: plain numbers, and a descriptor that is open.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        // SAFETY: the descriptor is open, and nobody's: owners in this program have theirs closed by an exec.
        unsafe { OwnedFd::from_raw_fd(number) }
    });
    taken.collect()
}

/// Let what a keyboard sends (SIGINT, SIGQUIT) do nothing to this process and to the programs that it becomes or starts: it is in the
/// background of a shell without job control.
pub fn ignore_keyboard() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: SIG_IGN is a valid disposition, and no handler of ours runs in its place.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Let the end of the terminal (SIGHUP) do nothing to this process: it finds out by reading, and has something to save.
pub fn ignore_hangup() {
    // SAFETY: SIG_IGN is a valid disposition, and no handler of ours runs in its place.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}
