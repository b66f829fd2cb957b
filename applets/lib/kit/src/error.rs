//! One sentence an error: verb, object, cause (`mount /var: no such device`). Printed once, by `main`. Its kind and its
//! source are for code, which never reads the sentence.

use std::any::Any;
use std::fmt::{self, Display};
use std::io;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::kind::Kind;

/// A result whose error is a sentence for a person.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error: a sentence for a person, a kind for code, and the error below it.
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

    /// The same error with words in front of its sentence, kind and source as by [`crate::Context`].
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

    /// Tells if this is a text that was asked for.
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

/// Kinds of errors that are none of ours.
impl Kind {
    /// Kind of an error of the standard library, which may carry one of ours.
    pub fn of_io(e: &io::Error) -> Self {
        if let Some(errno) = e.raw_os_error() {
            return Self::of_errno(rustix::io::Errno::from_raw_os_error(errno));
        }
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Forbidden,
            _ => e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map_or(Self::Internal, Error::kind),
        }
    }

    /// Kind of the first error in a chain of sources that has one.
    pub fn of_chain(e: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(e);
        while let Some(e) = next {
            let kind = if let Some(e) = e.downcast_ref::<io::Error>() {
                Self::of_io(e)
            } else if let Some(e) = e.downcast_ref::<Error>() {
                e.kind()
            } else {
                of_errnos(e)
            };
            if kind != Self::Internal {
                return kind;
            }
            next = e.source();
        }
        Self::Internal
    }
}

fn of_errnos(e: &(dyn std::error::Error + 'static)) -> Kind {
    if let Some(errno) = e.downcast_ref::<nix::errno::Errno>() {
        return Kind::of_errno(rustix::io::Errno::from_raw_os_error(*errno as i32));
    }
    e.downcast_ref::<rustix::io::Errno>().copied().map_or(Kind::Internal, Kind::of_errno)
}

/// Source of an error, to be kept below the sentence that it becomes a part of.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// Takes what is known of any cause: its kind, and itself where it is an error that can be kept.
fn known<E: 'static>(cause: E) -> (Kind, Option<Source>) {
    // Taken out by type: the standard library has no cast from a value of unknown type that does not allocate.
    let mut cause = Some(cause);
    let any: &mut dyn Any = &mut cause;
    if let Some(e) = any.downcast_mut::<Option<io::Error>>().and_then(Option::take) {
        return (Kind::of_io(&e), Some(Box::new(e)));
    }
    if let Some(e) = any.downcast_mut::<Option<Error>>().and_then(Option::take) {
        return (e.kind().of_cause(), Some(Box::new(e)));
    }
    if let Some(errno) = any.downcast_mut::<Option<rustix::io::Errno>>().and_then(Option::take) {
        return (Kind::of_errno(errno), Some(Box::new(io::Error::from(errno))));
    }
    if let Some(errno) = any.downcast_mut::<Option<nix::errno::Errno>>().and_then(Option::take) {
        let e = io::Error::from(errno);
        return (Kind::of_io(&e), Some(Box::new(e)));
    }
    if let Some(e) = any.downcast_mut::<Option<serde_json::Error>>().and_then(Option::take) {
        let kind = e.io_error_kind().map_or(Kind::Internal, |kind| Kind::of_io(&kind.into()));
        return (kind, Some(Box::new(e)));
    }
    (Kind::Internal, None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let full = Error::of(Kind::Full, "write a: no space left on device");
        let text = serde_json::to_string(&full.report()).unwrap();
        assert_eq!(text, r#"{"kind":"full","message":"write a: no space left on device"}"#);
        let again = serde_json::from_str::<Report>(&text).unwrap().into_error();
        assert_eq!((again.kind(), again.message()), (full.kind(), full.message()));
    }

    #[test]
    fn kinds_are_found_below_other_errors() {
        let full = || io::Error::from_raw_os_error(28);
        assert_eq!(Kind::of_io(&full()), Kind::Full);
        assert_eq!(Kind::of_io(&io::Error::other(Error::of(Kind::Denied, "no"))), Kind::Denied);
        assert_eq!(Kind::of_chain(&Error::caused("a", full())), Kind::Full);
        assert_eq!(Kind::of_chain(&nix::errno::Errno::ENOSPC), Kind::Full);
        assert_eq!(Kind::of_chain(&std::fmt::Error), Kind::Internal);
    }
}
