//! Feeds parsers of strangers' bytes with damaged input until one breaks. See the README for how to run it.

mod archives;
mod backups;
mod boots;
pub mod corpus;
mod files;
mod join;
mod kernels;
pub mod mutate;
mod network;
mod smbios;
mod spdy;
pub mod targets;
mod updates;
