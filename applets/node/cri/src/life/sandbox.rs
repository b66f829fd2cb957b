//! Stopping and removing a sandbox.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::Result;
use kit::cgroup::Cgroup;
use tokio::time::sleep;

use super::{PATIENCE, container, network, sandbox_dir};
use crate::link;
use crate::server::Server;
use crate::step::{Step, reached};
use crate::store::{Sandbox, SandboxPhase};
use crate::task::blocking;
use cri_api::ContainerEventType;
use monitor::wire::{self, Request};

/// The time that a monitor's process may take to be gone after its last word.
const MONITOR_END_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two looks.
const MONITOR_END_POLL: Duration = Duration::from_millis(2);

/// End all that runs in a sandbox, give its addresses back, end its monitor. May be repeated.
pub async fn stop(server: &Server, sandbox: &Sandbox) -> Result<()> {
    if sandbox.phase == SandboxPhase::Ready {
        for one in server.store.containers_of(&sandbox.id) {
            container::stop(server, one, Duration::ZERO).await?;
        }
    }
    let dir = server.store.dir(&sandbox.id);
    if sandbox.networked {
        network::detach(sandbox, &dir).await?;
        reached(Step::NetworkDetached);
    }
    let id = sandbox.id.as_str();
    if sandbox.phase != SandboxPhase::Making {
        // Written before the monitor goes, whose death then surprises nobody. A half-made one is undone where there may be no room for it.
        server.store.change_sandbox(id, |sandbox| {
            sandbox.networked = false;
            sandbox.phase = SandboxPhase::Stopped;
        })?;
        reached(Step::SandboxStopped);
    }
    if sandbox.phase == SandboxPhase::Ready {
        server.store.tell(ContainerEventType::ContainerStoppedEvent, id, id);
    }
    if wire::socket(&dir).exists()
        && let Err(e) = link::order(&dir, &Request::Shutdown, PATIENCE).await
        && sandbox.phase == SandboxPhase::Ready
    {
        tracing::warn!(sandbox = id, error = %e, "the monitor did not end in order");
    }
    reached(Step::MonitorEnded);
    if sandbox.shares_pids() {
        remove_cgroup(&sandbox.init_cgroup());
    }
    remove_monitor_cgroup(sandbox).await;
    blocking(move || sandbox_dir::release(&dir)).await?;
    reached(Step::SandboxReleased);
    Ok(())
}

/// Remove a sandbox, its containers and all that they left.
pub async fn remove(server: &Server, sandbox: Arc<Sandbox>) -> Result<()> {
    stop(server, &sandbox).await?;
    for one in server.store.containers_of(&sandbox.id) {
        container::remove(server, one).await?;
    }
    if sandbox.own_cgroup {
        remove_cgroup(&sandbox.cgroup);
        reached(Step::PodCgroupRemoved);
    }
    if sandbox.phase != SandboxPhase::Making {
        // While it can still be described.
        server.store.tell(ContainerEventType::ContainerDeletedEvent, &sandbox.id, &sandbox.id);
    }
    server.store.forget_sandbox(&sandbox.id)
}

/// Remove the monitor's cgroup. The monitor has said its last word, and ends now; another sandbox's monitor is left alone.
async fn remove_monitor_cgroup(sandbox: &Sandbox) {
    let groups = sandbox.monitor_cgroups().into_iter().map(|name| Cgroup::at(name).dir().to_owned());
    for group in groups {
        let due = Instant::now() + MONITOR_END_TIMEOUT;
        // One that is busy at the due time is another sandbox's of the same pod.
        while fs::remove_dir(&group).is_err_and(|e| e.kind() == ErrorKind::ResourceBusy) && Instant::now() < due {
            sleep(MONITOR_END_POLL).await;
        }
    }
}

/// A cgroup that still holds somebody stays: the kernel refuses, and the leak is seen from outside.
fn remove_cgroup(cgroup: &str) {
    let path = Cgroup::at(cgroup).dir().to_owned();
    if let Err(e) = fs::remove_dir(&path)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(cgroup, error = %e, "a pod's cgroup stays");
    }
}
