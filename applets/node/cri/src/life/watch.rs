//! Watching a pod's monitor: exits are taken from its journal at once, and its death ends the pod.

use crate::link::Watch;
use crate::server::Shared;
use crate::store::SandboxPhase;
use cri_api::ContainerEventType;
use kit::cgroup::Cgroup;
use kit::clock::now;
use monitor::wire::{Exit, Reply};

/// Watch from now on.
pub fn begin(server: &Shared, sandbox: &str, mut watch: Watch) {
    let (server, sandbox) = (server.clone(), sandbox.to_owned());
    tokio::spawn(async move {
        while let Some(news) = watch.next().await {
            match news {
                Reply::Running { container, at } => note(server.store.started(&container, at).err()),
                Reply::Exited { container } => drop(server.store.container(&container).map(|one| server.store.refreshed(one))),
                _ => {}
            }
        }
        died(&server, &sandbox);
    });
}

/// A pod without its monitor has nobody who reaps it and writes its logs: kill it, so that the kubelet makes it anew.
/// Nothing happens when the sandbox was stopped before.
pub fn died(server: &Shared, sandbox: &str) {
    let Some(record) = server.store.sandbox(sandbox).filter(|sandbox| sandbox.phase == SandboxPhase::Ready) else { return };
    tracing::error!(sandbox, "the monitor died: its pod is killed");
    for container in server.store.containers_of(sandbox) {
        let container = server.store.refreshed(container);
        kill(&container.cgroup);
        if container.exit.is_none() {
            let exit = Exit { code: 137, signal: 9, started_at: container.started_at, finished_at: now(), oom_killed: false };
            note(server.store.ended(&container.id, exit, "MonitorDied", "the pod's monitor died").err());
        }
    }
    if record.shares_pids() {
        // Nobody else ends the process that holds the namespace.
        kill(&record.init_cgroup());
    }
    note(server.store.change_sandbox(sandbox, |sandbox| sandbox.phase = SandboxPhase::Stopped).err());
    server.store.tell(ContainerEventType::ContainerStoppedEvent, sandbox, sandbox);
}

fn kill(cgroup: &str) {
    if let Err(e) = Cgroup::at(cgroup).kill() {
        tracing::error!(cgroup, error = %e, "kill what a dead monitor left");
    }
}

fn note(error: Option<kit::Error>) {
    if let Some(e) = error {
        tracing::error!(error = %e, "keep what a monitor told, or that it died");
    }
}
