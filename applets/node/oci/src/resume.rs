//! `resume`: let a paused container go on.

use clap::Args;
use kit::{Error, Exit, Result};
use libcontainer::container::ContainerStatus;

use crate::context::Oci;
use crate::directory::Known;
use crate::errors::failed;

/// Options of `resume`.
#[derive(Debug, Args)]
pub struct Options {
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let mut known = Known::load(&oci.root, &options.id)?;
    if known.status() != ContainerStatus::Paused {
        return Err(Error::new("container not paused"));
    }
    let resumed = known.inner()?.resume().map_err(|e| failed("resume", &options.id, &e));
    resumed.map(|()| Exit::OK)
}
