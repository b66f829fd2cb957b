//! `delete`: remove a container and all that was made for it.

use clap::Args;
use kit::{Error, Exit, Result};
use libcontainer::container::ContainerStatus;

use crate::context::Oci;
use crate::directory::{Directory, Known};
use crate::errors::failed;
use crate::hooks::Time;

/// Options of `delete`.
#[derive(Debug, Args)]
pub struct Options {
    /// Kill it first if it runs; no error if it is not there
    #[arg(long, short)]
    force: bool,
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    delete(oci, &options.id, options.force).map(|()| Exit::OK)
}

/// Remove it.
pub fn delete(oci: &Oci, id: &str, force: bool) -> Result<()> {
    let mut known = match Known::load(&oci.root, id) {
        Ok(known) => known,
        // The remains of an interrupted create are removed too.
        Err(_) if force => return Directory::of(&oci.root, id)?.remove(),
        Err(e) => return Err(e),
    };
    let idle = matches!(known.status(), ContainerStatus::Stopped | ContainerStatus::Created);
    if !idle && !force {
        return Err(Error::new(format!("cannot delete container {id} that is not stopped: {}", known.status_name())));
    }
    let hooks = known.hooks();
    known.cgroup().remove()?;
    if let Some(inner) = &mut known.inner {
        // A process that just ended may not be reaped yet.
        inner.state.pid = None;
        inner.delete(true).map_err(|e| failed("delete", id, &e))?;
    }
    known.directory.remove()?;
    // The container is gone, whatever its hooks say to that. One whose creation broke off may have no configuration.
    let warnings = hooks.map_or_else(|_| Vec::new(), |hooks| hooks.run_all(Time::Poststop, None));
    for warning in warnings {
        oci.log.warn(&warning.to_string());
    }
    Ok(())
}
