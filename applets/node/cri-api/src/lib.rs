//! The container runtime interface (runtime.v1): messages and services, a client of a server's socket, and the end of a stream
//! as both sides of it write and read it.

pub mod client;
mod end;
mod messages;

pub use end::{End, Form};
pub use messages::*;

/// Label of pods that a person started by `kutties run`, and of their containers.
///
/// The kubelet ends every pod that it finds in a list and does not know. So lists without a filter leave these out: whoever
/// asks for an id or for this label sees them.
pub const OF_A_PERSON: &str = "dev.kutties.run";
