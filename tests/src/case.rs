//! A case of the whole-system tests, and its outcome. The table of all is in `areas.rs`.

use crate::world::World;

/// Reason why a case did not pass.
pub enum Failure {
    /// It does not hold: the evidence.
    Failed(String),
    /// It can't be tried here: why. Allowed only for what is listed in `skips.toml`.
    Skipped(String),
}

impl From<kit::Error> for Failure {
    fn from(e: kit::Error) -> Self {
        Self::Failed(e.to_string())
    }
}

/// Outcome of a case.
pub type Outcome = Result<(), Failure>;

/// Something that must hold. Its function gets the world and the board.
pub struct Case {
    /// Unique within its area.
    pub name: &'static str,
    /// The boards on which it must hold.
    pub boards: &'static [&'static str],
    /// Tries it.
    pub run: fn(&mut World, &str) -> Outcome,
}

/// Both architectures.
pub const BOTH: &[&str] = &["x86_64-qemu", "aarch64-qemu"];
/// One architecture, for cases that say as much on one as on two.
pub const X86: &[&str] = &["x86_64-qemu"];

/// The other architecture, for boards that x86 does not have.
pub const ARM: &[&str] = &["aarch64-qemu"];

/// Fail with these words unless `holds`.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::Failed(otherwise())) }
}
