//! Exit status of a call that goes on after a failure, and its messages.

use std::cell::Cell;
use std::io::{self, Write};

/// Outcome of a call: what was said on the way decides.
pub(crate) struct Status {
    command: &'static str,
    failed: u8,
    now: Cell<u8>,
}

impl Status {
    /// Status of a command, and what a failure makes of it.
    pub(crate) const fn new(command: &'static str, failed: u8) -> Self {
        Self { command, failed, now: Cell::new(0) }
    }

    /// Something went wrong with a file: the others go on.
    pub(crate) fn fail(&self, e: impl std::fmt::Display) {
        self.now.set(self.failed);
        tell(self.command, e);
    }

    /// Files differ, or changed meanwhile.
    pub(crate) fn differ(&self) {
        self.now.set(self.now.get().max(1));
    }

    /// The status that it ends with.
    pub(crate) fn exit(&self) -> kit::Exit {
        kit::Exit(self.now.get())
    }
}

/// A message of tar.
pub(crate) fn say(text: impl std::fmt::Display) {
    tell("tar", text);
}

/// A message of a command.
pub(crate) fn tell(command: &str, text: impl std::fmt::Display) {
    // A closed standard error loses the message.
    let _ = writeln!(io::stderr(), "{command}: {text}");
}
