//! `RunPodSandbox`: a monitor with the pod's namespaces, then the pod's addresses.

use std::sync::Arc;

use kit::clock::now;
use kit::{Error, Kind, Result};

use crate::id::new_id;
use crate::life::{PATIENCE, network, sandbox, sandbox_dir, watch};
use crate::link::Watch;
use crate::server::Shared;
use crate::spec::host;
use crate::step::{Step, reached};
use crate::store::{OWN_CGROUPS, Sandbox, SandboxPhase, sandbox_name};
use crate::task::blocking;
use cri_api::{
    ContainerEventType, NamespaceMode, NamespaceOption, PodSandboxConfig, RunPodSandboxRequest, RunPodSandboxResponse,
};

/// The runtime handlers that a RuntimeClass may name: the default one, and the same by name.
pub const HANDLERS: [&str; 2] = ["", "kutties"];

pub async fn run_pod_sandbox(server: &Shared, request: RunPodSandboxRequest) -> Result<RunPodSandboxResponse> {
    let config = request.config.unwrap_or_default();
    check(&config, &request.runtime_handler)?;
    let name = sandbox_name(&config.metadata.clone().unwrap_or_default());
    let _turn = server.turns.take(&name).await;
    // The kubelet repeats a request whose answer came too late for it.
    if let Some(earlier) = server.store.sandbox_named(&name) {
        if earlier.phase == SandboxPhase::Ready {
            return Ok(RunPodSandboxResponse { pod_sandbox_id: earlier.id.clone() });
        }
        if earlier.phase == SandboxPhase::Stopped {
            return Err(Error::of(Kind::AlreadyExists, format!("sandbox {name} is there already, as {}", earlier.id)));
        }
        // Nobody makes it, since it is our turn: an attempt that could not even be undone.
        sandbox::remove(server, earlier).await?;
    }
    let sandbox = server.store.put_sandbox(record(config, request.runtime_handler)?)?;
    reached(Step::SandboxNoted);
    let id = sandbox.id.clone();
    match make(server, &sandbox).await {
        Ok(watch) => {
            watch::begin(server, &id, watch);
            server.store.tell(ContainerEventType::ContainerCreatedEvent, &id, &id);
            server.store.tell(ContainerEventType::ContainerStartedEvent, &id, &id);
            Ok(RunPodSandboxResponse { pod_sandbox_id: id })
        }
        Err(e) => {
            undo(server, &id).await;
            Err(e)
        }
    }
}

fn check(config: &PodSandboxConfig, handler: &str) -> Result<()> {
    let Some(metadata) = &config.metadata else { return Err(Error::of(Kind::Invalid, "a sandbox needs metadata")) };
    if metadata.name.is_empty() || metadata.namespace.is_empty() || metadata.uid.is_empty() {
        return Err(Error::of(Kind::Invalid, "a sandbox's metadata needs a name, a namespace and a uid"));
    }
    if !HANDLERS.contains(&handler) {
        return Err(Error::of(Kind::Invalid, format!("there is no runtime handler {handler}")));
    }
    let linux = config.linux.clone().unwrap_or_default();
    let security = linux.security_context.unwrap_or_default();
    if security.run_as_group.is_some() && security.run_as_user.is_none() {
        return Err(Error::of(Kind::Invalid, "a runAsGroup needs a runAsUser"));
    }
    if security.selinux_options.is_some() && host::has_selinux() {
        return Err(Error::of(Kind::Unsupported, "SELinux labels are not implemented yet"));
    }
    let namespaces = security.namespace_options.unwrap_or_default();
    check_namespaces(&namespaces)?;
    let net_sysctl = linux.sysctls.keys().find(|name| name.starts_with("net.") || name.starts_with("net/"));
    match net_sysctl {
        Some(name) if namespaces.network() == NamespaceMode::Node => {
            Err(Error::of(Kind::Invalid, format!("sysctl {name} would change the host's network")))
        }
        _ => Ok(()),
    }
}

fn check_namespaces(asked: &NamespaceOption) -> Result<()> {
    use NamespaceMode::{Container, Target};
    if asked.userns_options.as_ref().is_some_and(|user| user.mode() != NamespaceMode::Node) {
        return Err(Error::of(Kind::Unsupported, "user namespaces are not implemented yet"));
    }
    for (kind, mode) in [("network", asked.network()), ("IPC", asked.ipc())] {
        if matches!(mode, Container | Target) {
            return Err(Error::of(
                Kind::Invalid,
                format!("{kind} namespace {}: a sandbox has its own or the node's", mode.as_str_name()),
            ));
        }
    }
    if asked.pid() == Target {
        return Err(Error::of(Kind::Invalid, "PID namespace TARGET: a sandbox has no container to join"));
    }
    Ok(())
}

fn record(config: PodSandboxConfig, handler: String) -> Result<Sandbox> {
    let id = new_id()?;
    let given = config.linux.as_ref().map(|linux| linux.cgroup_parent.clone()).unwrap_or_default();
    let own_cgroup = given.is_empty();
    let cgroup = if own_cgroup { format!("{OWN_CGROUPS}/{id}") } else { format!("/{}", given.trim_matches('/')) };
    Ok(Sandbox { id, config, handler, created_at: now(), cgroup, own_cgroup, ..Sandbox::default() })
}

async fn make(server: &Shared, sandbox: &Arc<Sandbox>) -> Result<Watch> {
    let dir = server.store.dir(&sandbox.id);
    let (made, directory) = (sandbox.clone(), dir.clone());
    blocking(move || sandbox_dir::make(&directory, &made)).await?;
    reached(Step::SandboxDirectoryMade);
    let (_, watch) = server.zygote.spawn(&dir, PATIENCE).await?;
    reached(Step::MonitorMade);
    let mut attached = network::Attached { addresses: Vec::new(), own_ranges: String::new() };
    if !sandbox.on_host_network() {
        // Noted before it is tried: half an attachment must be undone as well.
        server.store.change_sandbox(&sandbox.id, |sandbox| sandbox.networked = true)?;
        reached(Step::NetworkNoted);
        attached = network::attach(sandbox, &dir).await?;
        reached(Step::NetworkAttached);
    }
    // Before the sandbox counts as ready: its first container mounts that file.
    sandbox_dir::write_hosts(&dir, sandbox, &attached.addresses)?;
    reached(Step::HostsWritten);
    server.store.change_sandbox(&sandbox.id, |sandbox| {
        sandbox.ips = attached.addresses;
        sandbox.own_ranges = attached.own_ranges;
        sandbox.phase = SandboxPhase::Ready;
    })?;
    reached(Step::SandboxReady);
    Ok(watch)
}

/// Undoes the request. The part that can't be undone now stays on disk as half-made; the next start of the server tries again.
async fn undo(server: &Shared, id: &str) {
    let Some(sandbox) = server.store.sandbox(id) else { return };
    if let Err(e) = sandbox::remove(server, sandbox).await {
        tracing::error!(sandbox = id, error = %e, "undo a half-made sandbox");
    }
}
