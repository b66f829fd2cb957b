//! The person's terminal while a process of a container has it: keys go through as they are, and its size is followed.

use std::os::fd::{AsFd, BorrowedFd};

use kit::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

/// Event of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The terminal has another size.
    Resized,
    /// It is time to end, by the signal of that number.
    End(u8),
}

/// The terminal; its settings come back when this is dropped.
pub struct Terminal {
    saved: Option<Termios>,
    signals: SignalFd,
}

impl Terminal {
    /// Take the terminal at the standard input; where that is none, only its size is missing.
    pub fn open() -> Result<Self> {
        // Those that end us must come here, too: the settings have to come back.
        let mask: SigSet = [Signal::SIGWINCH, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        mask.thread_block().doing("block signals")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&mask, flags).doing("listen for signals")?;
        let stdin = std::io::stdin();
        let saved = if isatty(&stdin) { Some(raw(stdin.as_fd())?) } else { None };
        Ok(Self { saved, signals })
    }

    /// Columns and rows, where there is a terminal.
    pub fn size() -> Option<(u16, u16)> {
        let size = tcgetwinsize(std::io::stdin()).or_else(|_| tcgetwinsize(std::io::stdout())).ok()?;
        (size.ws_col > 0).then_some((size.ws_col, size.ws_row))
    }

    /// Returns the next signal's event; none when there is none.
    pub fn heard(&self) -> Result<Option<Heard>> {
        let signal = self.signals.read_signal().doing("read a signal")?;
        Ok(signal.map(|signal| match signal.ssi_signo {
            number if number == Signal::SIGWINCH as u32 => Heard::Resized,
            number => Heard::End(number as u8),
        }))
    }
}

/// Settings that let every key through: those that there were.
fn raw(stdin: BorrowedFd<'_>) -> Result<Termios> {
    let saved = tcgetattr(stdin).doing("ask for the terminal's settings")?;
    let mut raw = saved.clone();
    raw.make_raw();
    tcsetattr(stdin, OptionalActions::Drain, &raw).doing("set the terminal")?;
    Ok(saved)
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            // Nobody is left who could be told.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, saved);
        }
    }
}
