//! `PodSandboxStatus`.

use kit::Result;
use kit::clock::now;
use std::collections::BTreeMap;

use serde_json::json;

use crate::id::not_found;
use crate::server::Shared;
use crate::store::{ContainerPhase, container_status, sandbox_status};
use cri_api::{PodSandboxStatusRequest, PodSandboxStatusResponse};
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
    let containers_statuses = made.map(|container| container_status(&container)).collect();
    Ok(PodSandboxStatusResponse { status: Some(sandbox_status(&sandbox)), info, containers_statuses, timestamp })
}
