//! Settings that a child process makes for itself between fork and exec.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Steps before exec, after all signals are let through again; all of it is async-signal-safe and
/// allocates nothing.
#[derive(Debug, Default)]
pub struct Before {
    /// Lead a new session.
    pub session: bool,
    /// Take standard input as the session's controlling terminal, away from any other session.
    pub terminal: bool,
    /// An open `cgroup.procs` to move into.
    pub cgroup: Option<OwnedFd>,
    /// `/proc/self/oom_score_adj` as a text, such as `-998`.
    pub oom_score: Option<&'static str>,
}

/// Make `command` do that. What fails makes the spawn fail.
pub fn before_exec(command: &mut Command, before: Before) {
    let act = move || act(&before);
    // SAFETY: the closure makes system calls alone; it neither allocates nor takes locks, and what it owns was opened before.
    unsafe { command.pre_exec(act) };
}

fn act(before: &Before) -> io::Result<()> {
    // The standard library leaves the parent's blocked signals blocked: a child of PID 1 would never hear SIGTERM.
    nix::sys::signal::SigSet::empty().thread_set_mask()?;
    if let Some(cgroup) = &before.cgroup {
        rustix::io::write(cgroup, b"0")?;
    }
    if let Some(score) = before.oom_score {
        let file = rustix::fs::open(c"/proc/self/oom_score_adj", rustix::fs::OFlags::WRONLY, rustix::fs::Mode::empty())?;
        rustix::io::write(file, score.as_bytes())?;
    }
    if before.session {
        rustix::process::setsid()?;
    }
    if before.terminal {
        take_terminal()?;
    }
    Ok(())
}

/// As rustix's `ioctl_tiocsctty`, but with argument 1: root takes the terminal from whoever had it before.
fn take_terminal() -> io::Result<()> {
    // SAFETY: TIOCSCTTY takes a plain number.
    let done = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 1) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
