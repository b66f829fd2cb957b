//! `ContainerStatus`.

use std::collections::BTreeMap;

use kit::Result;
use serde_json::json;

use crate::id::not_found;
use crate::server::Shared;
use crate::store::{self, ContainerPhase};
use cri_api::{ContainerStatusRequest, ContainerStatusResponse};

pub async fn container_status(server: &Shared, request: ContainerStatusRequest) -> Result<ContainerStatusResponse> {
    let id = &request.container_id;
    let known = server.store.container(id).filter(|container| container.phase != ContainerPhase::Making);
    let container = server.store.refreshed(known.ok_or_else(|| not_found("container", id))?);
    let mut info = BTreeMap::new();
    if request.verbose {
        let bundle = server.containers.join(&container.id);
        let text =
            json!({ "sandboxID": container.sandbox, "bundle": bundle, "cgroup": container.cgroup, "config": container.config });
        info.insert("info".into(), text.to_string());
    }
    Ok(ContainerStatusResponse { status: Some(store::container_status(&container)), info })
}
