//! Waiting for a process in the foreground: signals go on to it, its terminal is relayed, its exit status becomes ours.

use std::os::fd::AsFd;

use kit::{Context, Exit, Result};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};

use crate::console::Console;

/// Signals that are passed on to the process.
const PASSED: [Signal; 6] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// Wait until a child has ended. Block its signals only now: the child would have inherited the mask.
pub fn wait(pid: i32, mut console: Option<Console>) -> Result<Exit> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.add(Signal::SIGWINCH);
    for signal in PASSED {
        mask.add(signal);
    }
    mask.thread_block().doing("block signals")?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).doing("await signals")?;
    let pid = Pid::from_raw(pid);
    loop {
        if let Some(exit) = ended(pid)? {
            if let Some(console) = &mut console {
                console.drain();
            }
            return Ok(exit);
        }
        let (output, input) = ready(&signals, console.as_ref())?;
        pass_on(&signals, pid, console.as_ref())?;
        if let Some(console) = &mut console {
            if output {
                console.relay_output();
            }
            if input {
                console.relay_input();
            }
        }
    }
}

/// Wait until something happens; whether there is output and input to relay.
fn ready(signals: &SignalFd, console: Option<&Console>) -> Result<(bool, bool)> {
    let (output, input) = (console.and_then(Console::output), console.and_then(Console::input));
    let mut fds = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
    fds.extend([output, input].into_iter().flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
    match poll(&mut fds, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e).doing("wait for the container"),
    }
    let happened = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    let output_ready = output.is_some() && happened(1);
    Ok((output_ready, input.is_some() && happened(1 + usize::from(output.is_some()))))
}

/// The exit status as a shell has it, 128 and the signal's number for a killed one.
fn ended(pid: Pid) -> Result<Option<Exit>> {
    match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::Exited(_, code)) => Ok(Some(Exit(code as u8))),
        Ok(WaitStatus::Signaled(_, signal, _)) => Ok(Some(Exit(128 + signal as u8))),
        Ok(_) | Err(Errno::EINTR) => Ok(None),
        Err(e) => Err(e).doing("wait for the container"),
    }
}

fn pass_on(signals: &SignalFd, pid: Pid, console: Option<&Console>) -> Result<()> {
    while let Some(info) = signals.read_signal().doing("read a signal")? {
        match Signal::try_from(info.ssi_signo as i32) {
            Ok(Signal::SIGWINCH) => {
                if let Some(console) = console {
                    console.take_size();
                }
            }
            // It may have ended just now: the next round sees that.
            Ok(signal) if signal != Signal::SIGCHLD => drop(kill(pid, signal)),
            _ => {}
        }
    }
    Ok(())
}
