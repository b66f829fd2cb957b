//! `UpdatePodSandboxResources`: a pod has another sum of resources. The kubelet has changed its own cgroup before it tells; the sum
//! is kept for whoever asks.

use kit::Result;

use crate::id::not_found;
use crate::limits::merged;
use crate::server::Shared;
use crate::step::{Step, reached};
use cri_api::{UpdatePodSandboxResourcesRequest, UpdatePodSandboxResourcesResponse};

pub async fn update_pod_sandbox_resources(
    server: &Shared,
    request: UpdatePodSandboxResourcesRequest,
) -> Result<UpdatePodSandboxResourcesResponse> {
    let id = &request.pod_sandbox_id;
    let known = || server.store.sandbox(id).ok_or_else(|| not_found("sandbox", id));
    let _turn = server.turns.take(&known()?.name()).await;
    let sandbox = known()?;
    server.store.change_sandbox(&sandbox.id, |sandbox| {
        let linux = sandbox.config.linux.get_or_insert_default();
        for (kept, told) in [(&mut linux.overhead, &request.overhead), (&mut linux.resources, &request.resources)] {
            if let Some(told) = told {
                *kept = Some(merged(&kept.take().unwrap_or_default(), told));
            }
        }
    })?;
    reached(Step::SumNoted);
    Ok(UpdatePodSandboxResourcesResponse {})
}
