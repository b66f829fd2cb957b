//! Feeds parsers of strangers' bytes with damaged input until one breaks. See the README for how to run it.

pub mod corpus;
mod join;
pub mod mutate;
mod smbios;
mod spdy;
pub mod targets;
