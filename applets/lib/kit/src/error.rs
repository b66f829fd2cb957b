//! One sentence an error: verb, object, cause (`mount /var: no such device`). Printed once, by `main`. Its kind and its
//! source are for code, which never reads the sentence.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Exit;
use crate::kind::{Kind, Source, known};

/// A result whose error is a sentence for a person.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: a sentence for a person, a kind for code, and the error below it.
#[derive(Debug)]
pub struct Error {
    message: String,
    kind: Kind,
    /// Exit status where it is not the kind's.
    exit: Option<Exit>,
    /// Help and version texts travel as errors that are none: they go to standard output as they are.
    plain: bool,
    source: Option<Source>,
}

/// Error in the form in which one process hands it to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Kind, which the reader acts on.
    pub kind: Kind,
    /// Sentence, which a person reads.
    pub message: String,
}

impl Error {
    /// A sentence: lower case, no full stop. Of no special kind.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(Kind::Internal, message)
    }

    /// A sentence and its kind.
    pub fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind, exit: None, plain: false, source: None }
    }

    /// A complaint about the arguments. Exit status 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::of(Kind::Usage, message)
    }

    /// A sentence of our own about `cause`, whose kind it keeps.
    pub fn caused<E: 'static>(message: impl Into<String>, cause: E) -> Self {
        let (kind, source) = known(cause);
        Self { source, ..Self::of(kind, message) }
    }

    /// A text that was asked for, such as help: to standard output, exit status 0.
    pub fn text(message: impl Into<String>) -> Self {
        Self { exit: Some(Exit::OK), plain: true, ..Self::new(message) }
    }

    /// The same error with another exit status.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = Some(exit);
        self
    }

    /// The same error as one of another kind.
    #[must_use]
    pub const fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same error with words in front of its sentence, kind and source as by [`Context`].
    #[must_use]
    pub fn below(mut self, what: impl Display) -> Self {
        self.kind = self.kind.of_cause();
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same error with another sentence.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The kind, which code decides by.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The exit status: the kind's, unless another was given.
    pub fn exit(&self) -> Exit {
        self.exit.unwrap_or_else(|| self.kind.exit())
    }

    /// Whether this is a text that was asked for.
    pub const fn is_text(&self) -> bool {
        self.plain
    }

    /// Number of the kernel's error at the bottom of this one (`ENOSPC`), if there is one.
    pub fn errno(&self) -> Option<i32> {
        let mut next = std::error::Error::source(self);
        while let Some(e) = next {
            if let Some(errno) = e.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
                return Some(errno);
            }
            next = e.source();
        }
        None
    }

    /// The form for another process.
    pub fn report(&self) -> Report {
        Report { kind: self.kind, message: self.message.clone() }
    }
}

impl Report {
    /// The error of the other process, as one of this process.
    pub fn into_error(self) -> Error {
        Error::of(self.kind, self.message)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

/// Puts what was being done in front of a cause, whose kind stays.
pub trait Context<T> {
    /// `doing("read the boot log")` makes "read the boot log: no such file or directory".
    fn doing(self, what: impl Display) -> Result<T>;

    /// `on("mount", "/var")` makes "mount /var: no such device".
    fn on(self, verb: &str, object: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Display + 'static> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Display) -> Result<T> {
        self.map_err(|e| Error::caused(format!("{what}: {}", cause(&e)), e))
    }

    fn on(self, verb: &str, object: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| Error::caused(format!("{verb} {}: {}", object.as_ref().display(), cause(&e)), e))
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

    #[test]
    fn a_cause_stays_known_below_its_sentence() {
        let e = std::fs::read("/nonexistent").on("read", "/nonexistent");
        let e = e.doing("look").unwrap_err();
        assert_eq!((e.kind(), e.errno(), e.exit()), (Kind::Missing, Some(2), Exit::FAILED));
        let full: Result<()> = Err(rustix::io::Errno::NOSPC).doing("write");
        assert_eq!((full.as_ref().unwrap_err().kind(), full.unwrap_err().errno()), (Kind::Full, Some(28)));
        let wrong: Result<()> = Err(Error::usage("no")).doing("read the list");
        assert_eq!((wrong.as_ref().unwrap_err().kind(), wrong.unwrap_err().exit()), (Kind::Invalid, Exit::FAILED));
        let unknown: Result<()> = Err("no").doing("say");
        assert_eq!(unknown.unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let full = Error::of(Kind::Full, "write a: no space left on device");
        let text = serde_json::to_string(&full.report()).unwrap();
        assert_eq!(text, r#"{"kind":"full","message":"write a: no space left on device"}"#);
        let again = serde_json::from_str::<Report>(&text).unwrap().into_error();
        assert_eq!((again.kind(), again.message()), (full.kind(), full.message()));
    }
}
