//! What goes wrong with registries, in the kinds that callers act on.

use kit::Error;
use serde::{Deserialize, Serialize};

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The registry has no such image, tag or blob.
    NotFound,
    /// The credentials are missing or wrong.
    Denied,
    /// The registry can't be reached, stalls, or is overloaded: another time it may go well.
    Unavailable,
    /// The image or the registry's answer is not what it should be.
    Invalid,
    /// There is no room for the image.
    Full,
    /// Anything of this machine.
    Internal,
}

/// A failure: a sentence and its kind.
#[derive(Debug)]
pub struct Fault {
    /// What callers act on.
    pub kind: Kind,
    /// What a person reads.
    pub message: String,
}

impl Fault {
    /// A failure of that kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The same with words in front.
    #[must_use]
    pub fn of(self, what: impl std::fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::new(Kind::Internal, e.to_string())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(fault.message)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
