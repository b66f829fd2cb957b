//! Watching a pod's monitor: exits are taken from its journal at once, and its death ends the pod.

use std::fs;
use std::path::Path;

use crate::api::ContainerEventType;
use crate::link::Watch;
use crate::monitor::wire::Exit;
use crate::server::{Shared, now};
use crate::spec::HIERARCHY;
use crate::store::{Container, SandboxPhase};

/// Watch from now on.
pub fn begin(server: &Shared, sandbox: &str, mut watch: Watch) {
    let (server, sandbox) = (server.clone(), sandbox.to_owned());
    tokio::spawn(async move {
        while let Some(id) = watch.next().await {
            if let Some(container) = server.store.container(&id) {
                server.store.refreshed(container);
            }
        }
        died(&server, &sandbox);
    });
}

/// A pod without its monitor has nobody who reaps it and writes its logs: kill it, so that the kubelet makes it anew.
/// Nothing happens when the sandbox was stopped before.
pub fn died(server: &Shared, sandbox: &str) {
    if server.store.sandbox(sandbox).is_none_or(|sandbox| sandbox.phase != SandboxPhase::Ready) {
        return;
    }
    tracing::error!(sandbox, "the monitor died: its pod is killed");
    for container in server.store.containers_of(sandbox) {
        let container = server.store.refreshed(container);
        kill(&container);
        if container.exit.is_none() {
            let exit = Exit { code: 137, signal: 9, started_at: container.started_at, finished_at: now(), oom_killed: false };
            note(server.store.ended(&container.id, exit, "MonitorDied", "the pod's monitor died").err());
        }
    }
    note(server.store.change_sandbox(sandbox, |sandbox| sandbox.phase = SandboxPhase::Stopped).err());
    server.store.tell(ContainerEventType::ContainerStoppedEvent, sandbox, sandbox);
}

fn kill(container: &Container) {
    let file = Path::new(HIERARCHY).join(container.cgroup.trim_start_matches('/')).join("cgroup.kill");
    if let Err(e) = fs::write(&file, "1")
        && e.kind() != std::io::ErrorKind::NotFound
    {
        tracing::error!(container = container.id, error = %e, "kill what a dead monitor left");
    }
}

fn note(error: Option<kit::Error>) {
    if let Some(e) = error {
        tracing::error!(error = %e, "keep the end of a pod whose monitor died");
    }
}
