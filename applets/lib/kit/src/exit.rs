//! Exit statuses that several commands share.

/// A process's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// All was done.
    pub const OK: Self = Self(0);
    /// Some part failed, and was said.
    pub const FAILED: Self = Self(1);
    /// The arguments were wrong.
    pub const USAGE: Self = Self(2);
    /// The program to run was found but could not be run.
    pub const NOT_RUN: Self = Self(126);
    /// The program to run was not found.
    pub const NOT_FOUND: Self = Self(127);
}
