//! Upstream's specs of nodes and storage against a node of ours: which, from what images, how they are run, and how they ended.

mod fake_registry;
pub mod host;
pub mod images;
pub mod journal;
pub mod node;
pub mod specs;
pub mod suite;

use kit::Error;

/// The builders' errors as the lab's.
fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}
