//! One sentence an error: verb, object, cause (`mount /var: no such device`). Printed once, by `main`.

use std::fmt::{self, Display};
use std::path::Path;

use crate::Exit;

/// A result whose error is a sentence for a person.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and the exit status that says so.
#[derive(Debug)]
pub struct Error {
    message: String,
    exit: Exit,
    /// Help and version texts travel as errors that are none: they go to standard output as they are.
    plain: bool,
}

impl Error {
    /// A sentence: lower case, no full stop. Exit status 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::FAILED, plain: false }
    }

    /// A complaint about the arguments. Exit status 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::USAGE, plain: false }
    }

    /// A text that was asked for, such as help: to standard output, exit status 0.
    pub fn text(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::OK, plain: true }
    }

    /// The same error with another exit status.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The exit status.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether this is a text that was asked for.
    pub const fn is_text(&self) -> bool {
        self.plain
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Puts what was being done in front of a cause.
pub trait Context<T> {
    /// `doing("read the boot log")` makes "read the boot log: no such file or directory".
    fn doing(self, what: impl Display) -> Result<T>;

    /// `on("mount", "/var")` makes "mount /var: no such device".
    fn on(self, verb: &str, object: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Display) -> Result<T> {
        self.map_err(|e| Error::new(format!("{what}: {}", cause(&e))))
    }

    fn on(self, verb: &str, object: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| Error::new(format!("{verb} {}: {}", object.as_ref().display(), cause(&e))))
    }
}

/// A cause in the house's form: without the standard library's "(os error N)", first letter small unless it is a name.
fn cause(e: &impl Display) -> String {
    let mut text = e.to_string();
    if let Some(at) = text.rfind(" (os error ") {
        text.truncate(at);
        if let Some(first) = text.get(..1) {
            let small = first.to_ascii_lowercase();
            text.replace_range(..1, &small);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_cause_is_small_and_without_numbers() {
        let e = std::fs::read("/nonexistent").on("read", "/nonexistent").unwrap_err();
        assert_eq!(e.to_string(), "read /nonexistent: no such file or directory");
    }
}
