//! `PodSandboxStatus`.

use kit::Result;
use kit::clock::now;
use std::collections::BTreeMap;

use serde_json::json;

use super::container_status;
use super::list_pod_sandbox::state;
use crate::server::{Shared, not_found};
use crate::store::{ContainerPhase, Sandbox};
use cri_api::{
    LinuxPodSandboxStatus, Namespace, PodIp, PodSandboxNetworkStatus, PodSandboxStatus, PodSandboxStatusRequest,
    PodSandboxStatusResponse,
};
use monitor::wire;

pub async fn pod_sandbox_status(server: &Shared, request: PodSandboxStatusRequest) -> Result<PodSandboxStatusResponse> {
    let id = &request.pod_sandbox_id;
    let sandbox = server.store.sandbox(id).ok_or_else(|| not_found("sandbox", id))?;
    let mut info = BTreeMap::new();
    if request.verbose {
        let netns = wire::namespace(&server.store.dir(&sandbox.id), "net");
        info.insert("info".into(), json!({ "netns": netns, "cgroup": sandbox.cgroup, "config": sandbox.config }).to_string());
    }
    let timestamp = now();
    let containers = server.store.containers_of(&sandbox.id).into_iter().map(|container| server.store.refreshed(container));
    let made = containers.filter(|container| container.phase != ContainerPhase::Making);
    let containers_statuses = made.map(|container| container_status::of(&container)).collect();
    Ok(PodSandboxStatusResponse { status: Some(of(&sandbox)), info, containers_statuses, timestamp })
}

/// The status. A pod on the host's network has no address of its own.
pub fn of(sandbox: &Sandbox) -> PodSandboxStatus {
    let mut ips = sandbox.ips.iter().cloned();
    let network =
        PodSandboxNetworkStatus { ip: ips.next().unwrap_or_default(), additional_ips: ips.map(|ip| PodIp { ip }).collect() };
    let namespaces = Namespace { options: Some(sandbox.namespaces()) };
    PodSandboxStatus {
        id: sandbox.id.clone(),
        metadata: sandbox.config.metadata.clone(),
        state: state(sandbox).into(),
        created_at: sandbox.created_at,
        network: Some(network),
        linux: Some(LinuxPodSandboxStatus { namespaces: Some(namespaces) }),
        labels: sandbox.config.labels.clone(),
        annotations: sandbox.config.annotations.clone(),
        runtime_handler: sandbox.handler.clone(),
    }
}
