//! Descriptors by their numbers, as the shell's language names them: `2>&1`, `exec 3<file`.
//!
//! None of these calls touches memory but the buffer that it gets. Who calls them owns the numbers: a number that Rust's
//! library or a crate holds as an owned descriptor must not be closed or replaced here.

use std::ffi::CStr;
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};

use libc::c_int;

/// Descriptor of a file, opened close-on-exec.
///
/// # Errors
/// As open(2).
pub fn open(path: &CStr, flags: c_int, mode: u32) -> io::Result<c_int> {
    // SAFETY: the path ends in a zero byte, which CStr holds.
    check(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode) })
}

/// Makes `to` a copy of `from`, which an exec leaves open.
///
/// # Errors
/// As dup2(2).
pub fn copy_to(from: c_int, to: c_int) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::dup2(from, to) }).map(drop)
}

/// Copy with the lowest free number that is `least` or more; an exec closes it.
///
/// # Errors
/// As fcntl(2), F_DUPFD_CLOEXEC.
pub fn copy_above(from: c_int, least: c_int) -> io::Result<c_int> {
    // SAFETY: plain numbers.
    check(unsafe { libc::fcntl(from, libc::F_DUPFD_CLOEXEC, least) })
}

/// Closes a number; one that is not open is no error.
pub fn close(number: c_int) {
    // SAFETY: a plain number that the caller owns.
    unsafe { libc::close(number) };
}

/// True when the number is open and an exec would close it.
pub fn closes_on_exec(number: c_int) -> bool {
    // SAFETY: a plain number.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC != 0
}

/// True when the number is open.
pub fn is_open(number: c_int) -> bool {
    // SAFETY: a plain number.
    unsafe { libc::fcntl(number, libc::F_GETFD) >= 0 }
}

/// Says if an exec closes the number.
pub fn set_close_on_exec(number: c_int, closes: bool) {
    let flags = if closes { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: plain numbers.
    unsafe { libc::fcntl(number, libc::F_SETFD, flags) };
}

/// Ends of a new pipe, the one to read from first; an exec closes both.
///
/// # Errors
/// As pipe2(2).
pub fn pipe() -> io::Result<(c_int, c_int)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for both numbers.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((ends[0], ends[1]))
}

/// Number of an owned descriptor, from now on the caller's.
pub fn give(owned: OwnedFd) -> c_int {
    owned.into_raw_fd()
}

/// Reads once; 0 is the end.
///
/// # Errors
/// As read(2).
pub fn read(number: c_int, to: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is as long as said.
    let len = unsafe { libc::read(number, to.as_mut_ptr().cast(), to.len()) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// Writes all of it.
///
/// # Errors
/// As write(2).
pub fn write_all(number: c_int, mut from: &[u8]) -> io::Result<()> {
    while !from.is_empty() {
        // SAFETY: the buffer is as long as said.
        let len = unsafe { libc::write(number, from.as_ptr().cast(), from.len()) };
        match usize::try_from(len) {
            Ok(len) => from = from.get(len..).unwrap_or_default(),
            Err(_) => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e => return Err(e),
            },
        }
    }
    Ok(())
}

/// Moves the place of the next read or write; an error for what has none.
///
/// # Errors
/// As lseek(2).
pub fn seek_by(number: c_int, distance: i64) -> io::Result<()> {
    // SAFETY: plain numbers.
    match unsafe { libc::lseek(number, distance, libc::SEEK_CUR) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Waits until something can be read, for so many milliseconds; -1 is for ever.
///
/// # Errors
/// As poll(2).
pub fn wait_readable(number: c_int, milliseconds: c_int) -> io::Result<bool> {
    let mut wanted = libc::pollfd { fd: number, events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, which outlives the call.
    check(unsafe { libc::poll(&raw mut wanted, 1, milliseconds) }).map(|ready| ready > 0)
}

/// True for a terminal.
pub fn is_terminal(number: c_int) -> bool {
    // SAFETY: a plain number.
    unsafe { libc::isatty(number) == 1 }
}

/// Type and mode bits of what the number stands for.
///
/// # Errors
/// As fstat(2).
pub fn mode(number: c_int) -> io::Result<u32> {
    let mut status = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the structure has the size that the call fills.
    check(unsafe { libc::fstat(number, status.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so all of it was filled.
    Ok(unsafe { status.assume_init() }.st_mode)
}

/// Process group in the foreground of a terminal.
///
/// # Errors
/// As tcgetpgrp(3).
pub fn foreground(terminal: c_int) -> io::Result<c_int> {
    // SAFETY: a plain number.
    check(unsafe { libc::tcgetpgrp(terminal) })
}

/// Makes a process group the one in the foreground of a terminal.
///
/// # Errors
/// As tcsetpgrp(3).
pub fn set_foreground(terminal: c_int, group: c_int) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::tcsetpgrp(terminal, group) }).map(drop)
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
