//! Registries: the client of the OCI distribution specification, 1.1, and of docker's registries.
//!
//! [`pull`] goes from a name to an image in the store. [`hosts`] says which servers to ask, [`endpoint`] asks one of them and proves
//! who we are, [`blob`] downloads, `crate::layer` unpacks.

mod agent;
mod blob;
mod challenge;
mod credentials;
mod endpoint;
pub mod fault;
mod hosts;
mod manifest;
pub mod pipe;
mod progress;
mod pull;
mod remote;
mod steady;
#[cfg(test)]
mod tests;
mod url;

pub use credentials::Credentials;
pub use hosts::Overrides;
pub use progress::Progress;
pub use pull::{Request, STALL, pull};
