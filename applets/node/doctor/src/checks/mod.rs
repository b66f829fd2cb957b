//! Checks of `kutties doctor`.

pub mod cluster;
pub mod kernel;
pub mod machine;
pub mod service;
