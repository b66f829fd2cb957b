//! Fork without exec, for processes with one thread.

use std::io;

/// Side of a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The new process.
    Child,
    /// The old process, and the new one's id.
    Parent(i32),
}

/// Fork. The child must end with [`end`], or it runs its parent's code a second time.
///
/// # Errors
/// A process with more than one thread is refused: in the child the locks of the others would stay locked for ever.
pub fn fork() -> io::Result<Side> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("fork of a process with several threads"));
    }
    // SAFETY: there is one thread, so the child's memory and locks are consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid)),
    }
}

/// Fork, for a shell, which does it for each command: the check for threads is one system call and needs no /proc.
/// The child must end with [`end`] or an exec, or it runs its parent's code a second time.
///
/// # Errors
/// A process with more than one thread is refused, as by [`fork`].
pub fn fork_alone() -> io::Result<Side> {
    // SAFETY: plain numbers. To leave the thread group that a process with one thread is in changes nothing; any other is refused.
    if unsafe { libc::unshare(libc::CLONE_THREAD) } != 0 {
        return fork();
    }
    // SAFETY: there is one thread, so the child's memory and locks are consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid)),
    }
}

/// Close all descriptors, in a forked child that has done with everything it inherited: whatever owned one must not be used any more.
pub fn close_all() -> io::Result<()> {
    // SAFETY: the call takes plain numbers; that no owner uses its descriptor afterwards is what the child promises.
    match unsafe { libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// End a forked child at once, without its parent's exit handlers and buffers.
pub fn end(code: u8) -> ! {
    // SAFETY: _exit takes a plain number and does not return.
    unsafe { libc::_exit(i32::from(code)) }
}
