//! A descriptor that is passed to a program by its number.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};

/// Leave a descriptor open in the program that `command` starts, under its number, which is returned. No other child of ours
/// gets it.
pub fn pass(command: &mut Command, fd: OwnedFd) -> RawFd {
    let number = fd.as_raw_fd();
    let open = move || Ok(fcntl_setfd(&fd, FdFlags::empty())?);
    // SAFETY: the closure makes one system call, on a descriptor that it owns.
    unsafe { command.pre_exec(open) };
    number
}

/// Takes a descriptor that was passed under that number. From now on an exec closes it. Only for the start of a process, and
/// once for a number: nobody else may own it.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: a plain number; what is not open is an error.
    if number <= 2 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is open, and the caller says that nobody owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Leave a descriptor open for the program that this process becomes.
pub fn keep(fd: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfd(fd, FdFlags::empty())?)
}
