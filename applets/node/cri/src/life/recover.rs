//! The server's start: what the last server left is taken over, half-made things are undone, rubbish is swept.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{container, rootfs, sandbox, sandbox_dir, watch};
use crate::link::Watch;
use crate::server::Shared;
use crate::step::{Step, reached};
use crate::store::{Container, ContainerPhase, OWN_CGROUPS, Sandbox, SandboxPhase, remove_directory};
use crate::task::blocking;
use kit::cgroup::Cgroup;
use kit::clock::now;
use monitor::wire::State;

/// Timeout of a monitor that tells its name. It only ever waits for its own children, and never long.
const GREETING: Duration = Duration::from_secs(20);

/// Take over all that is on disk. A failure is said and the rest goes on: the kubelet will ask again for what is left.
pub async fn all(server: &Shared) {
    reached(Step::StartBegun);
    for record in server.store.sandboxes() {
        match record.phase {
            SandboxPhase::Ready => take_over(server, &record).await,
            SandboxPhase::Making => {
                if let Err(e) = sandbox::remove(server, record.clone()).await {
                    tracing::error!(sandbox = record.id, error = %e, "undo a half-made sandbox");
                }
            }
            SandboxPhase::Stopped => {}
        }
        reached(Step::StartTookOver);
    }
    sweep(server).await;
    reached(Step::StartSwept);
}

async fn take_over(server: &Shared, sandbox: &Sandbox) {
    let dir = server.store.dir(&sandbox.id);
    let (info, watch) = match Watch::open(&dir, GREETING).await {
        Ok(answer) => answer,
        Err(e) => {
            tracing::error!(sandbox = sandbox.id, error = %e, "take over a sandbox");
            return watch::died(server, &sandbox.id);
        }
    };
    for container in server.store.containers_of(&sandbox.id) {
        let seen = info.containers.iter().find(|seen| seen.id == container.id);
        let result = match (container.phase, seen) {
            (ContainerPhase::Making, _) => container::remove(server, container.clone()).await,
            // The last server died between the order to start and the note of it.
            (ContainerPhase::Created, Some(seen)) if seen.state != State::Created => {
                server.store.started(&container.id, seen.started_at)
            }
            (_, None) => lost(server, &container),
            _ => Ok(()),
        };
        if let Err(e) = result {
            tracing::error!(container = container.id, error = %e, "take over a container");
        }
        if let Some(container) = server.store.container(&container.id) {
            server.store.refreshed(container);
        }
    }
    watch::begin(server, &sandbox.id, watch);
}

/// A container of which its living monitor knows nothing was being removed when the last server died.
fn lost(server: &Shared, container: &Arc<Container>) -> kit::Result<()> {
    if server.store.refreshed(container.clone()).exit.is_some() {
        return Ok(());
    }
    let exit = monitor::wire::Exit { code: 137, signal: 9, finished_at: now(), ..Default::default() };
    server.store.ended(&container.id, exit, "Lost", "the pod's monitor does not know it").map(|_| ())
}

/// Remove directories that no record explains: of an earlier boot, where /var outlives it, or of what a killed server was about to note or had
/// forgotten.
async fn sweep(server: &Shared) {
    let known: HashSet<String> = server.store.containers().into_iter().map(|container| container.id.clone()).collect();
    let of_sandbox = |sandbox: Arc<Sandbox>| sandbox.monitor_cgroups().into_iter().chain([sandbox.cgroup.clone()]);
    let monitored: HashSet<String> = server.store.sandboxes().into_iter().flat_map(of_sandbox).collect();
    let (root, strays) = (server.containers.clone(), server.store.strays());
    let swept = blocking(move || {
        // One that can't be removed keeps no other from going.
        let told = |result: kit::Result<()>| {
            if let Err(e) = result {
                tracing::error!(error = %e, "sweep what no record explains");
            }
        };
        match strays {
            Ok(pods) => pods.iter().for_each(|pod| told(sandbox_dir::release(pod).and_then(|()| remove_directory(pod)))),
            Err(e) => told(Err(e)),
        }
        for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_none_or(|name| !known.contains(name)) {
                told(rootfs::remove(&entry.path()));
            }
        }
        sweep_cgroups(&monitored);
        Ok(())
    });
    if let Err(e) = swept.await {
        tracing::error!(error = %e, "sweep what no record explains");
    }
}

/// Remove cgroups of monitors that are gone with their sandboxes. One that holds somebody stays.
fn sweep_cgroups(known: &HashSet<String>) {
    let dir = Cgroup::at(OWN_CGROUPS).dir().to_owned();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| !known.contains(&format!("{OWN_CGROUPS}/{name}"))) {
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}
