//! `pause`: stop all processes of a container where they are.

use clap::Args;
use kit::{Error, Exit, Result};
use libcontainer::container::ContainerStatus;

use crate::context::Oci;
use crate::directory::Known;
use crate::errors::failed;

/// Options of `pause`.
#[derive(Debug, Args)]
pub struct Options {
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let mut known = Known::load(&oci.root, &options.id)?;
    if known.status() != ContainerStatus::Running {
        return Err(Error::new("container not running"));
    }
    let paused = known.inner()?.pause().map_err(|e| failed("pause", &options.id, &e));
    paused.map(|()| Exit::OK)
}
