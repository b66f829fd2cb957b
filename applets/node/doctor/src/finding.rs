//! Outcome of a check.

use std::fmt;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing to do.
    Good,
    /// Not wanted on this node, or not there yet.
    Idle,
    /// Works, but will not for long, or not as it should.
    Warning,
    /// Does not work.
    Bad,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "ok",
            Self::Idle => "-",
            Self::Warning => "warning",
            Self::Bad => "BAD",
        })
    }
}

/// Finding: one sentence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Severity.
    pub grade: Grade,
    /// Sentence without its subject, which is the check's name.
    pub text: String,
    /// Commands or steps that help; empty where nothing is wrong.
    pub advice: String,
}

impl Finding {
    /// All is well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { grade: Grade::Good, text: text.into(), advice: String::new() }
    }

    /// Nothing is wrong, and nothing runs.
    pub fn idle(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Idle, text: text.into(), advice: advice.into() }
    }

    /// Something needs attention.
    pub fn warning(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Warning, text: text.into(), advice: advice.into() }
    }

    /// Something does not work.
    pub fn bad(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Bad, text: text.into(), advice: advice.into() }
    }
}
