//! Feeds parsers of strangers' bytes with damaged input until one breaks. See the README for how to run it.

pub mod corpus;
mod files;
mod kernels;
pub mod mutate;
mod network;
mod spdy;
pub mod targets;
