//! Causes below sentences: how an error says what was being done.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, Result};

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
    use crate::{Exit, Kind};

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
}
