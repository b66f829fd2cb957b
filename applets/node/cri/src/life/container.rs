//! Stopping and removing a container.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::calls::CRI_OCI;
use kit::{Error, Result, paths};

use super::{PATIENCE, rootfs};
use crate::link;
use crate::server::Server;
use crate::step::{Step, reached};
use crate::store::{Container, ContainerPhase, SandboxPhase};
use crate::task::blocking;
use cri_api::ContainerEventType;
use monitor::wire::Request;

/// Time beyond the grace that a stop may take, until the kill has been carried out.
const AFTER_GRACE: Duration = Duration::from_mins(1);

/// Bring a container to its end. Nothing to do when it has ended.
pub async fn stop(server: &Server, container: Arc<Container>, grace: Duration) -> Result<()> {
    let container = server.store.refreshed(container);
    if container.exit.is_some() {
        return Ok(());
    }
    let dir = server.store.dir(&container.sandbox);
    let grace = if container.is_running() { grace } else { Duration::ZERO };
    let request = Request::Stop {
        container: container.id.clone(),
        signal: container.stop_signal,
        grace: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
    };
    let making = container.phase == ContainerPhase::Making;
    let stopped = link::order(&dir, &request, grace.saturating_add(AFTER_GRACE)).await;
    reached(Step::ContainerStopped);
    // The watcher of a monitor that died ends its containers too, and may have been faster.
    if server.store.refreshed(container).exit.is_some() {
        return Ok(());
    }
    stopped?;
    if making {
        // It is never made, and leaves no journal entry; whoever makes it sees to the rest.
        return Ok(());
    }
    Err(Error::new("the monitor says that the container has ended, its journal does not"))
}

/// Remove a container with all that it left, whatever it is doing.
pub async fn remove(server: &Server, container: Arc<Container>) -> Result<()> {
    let sandbox = server.store.sandbox(&container.sandbox);
    if sandbox.is_some_and(|sandbox| sandbox.phase == SandboxPhase::Ready) {
        if container.phase != ContainerPhase::Making {
            stop(server, container.clone(), Duration::ZERO).await?;
        }
        let request = Request::Delete { container: container.id.clone() };
        link::order(&server.store.dir(&container.sandbox), &request, PATIENCE).await?;
        reached(Step::ContainerDeleted);
    }
    let (id, dir) = (container.id.clone(), server.containers.join(&container.id));
    blocking(move || {
        delete_without_monitor(&id)?;
        rootfs::remove(&dir)
    })
    .await?;
    // The kubelet removes the logs of containers that it knows: an empty one of each failed attempt would stay for ever.
    if container.phase == ContainerPhase::Making && fs::metadata(&container.log_path).is_ok_and(|log| log.len() == 0) {
        let _ = fs::remove_file(&container.log_path);
    }
    server.store.forget_container(&container)?;
    if container.phase != ContainerPhase::Making {
        server.store.tell(ContainerEventType::ContainerDeletedEvent, &container.sandbox, &container.id);
    }
    Ok(())
}

/// Delete from the OCI runtime what a monitor, which died, did not.
fn delete_without_monitor(id: &str) -> Result<()> {
    if !Path::new(paths::OCI).join(id).exists() {
        return Ok(());
    }
    let deleted = CRI_OCI.run(["--root", paths::OCI, "delete", "--force", id]);
    deleted.map(drop).map_err(|e| e.below(format_args!("delete container {id}")))
}
