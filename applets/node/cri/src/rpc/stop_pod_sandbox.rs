//! `StopPodSandbox`: no error when it is stopped or gone, because the kubelet repeats it until it succeeds. One that is
//! being made is stopped when it is made.

use kit::Result;

use crate::life::sandbox;
use crate::server::Shared;
use cri_api::{StopPodSandboxRequest, StopPodSandboxResponse};

pub async fn stop_pod_sandbox(server: &Shared, request: StopPodSandboxRequest) -> Result<StopPodSandboxResponse> {
    if let Some(found) = server.store.sandbox(&request.pod_sandbox_id) {
        let _turn = server.turns.take(&found.name()).await;
        if let Some(now) = server.store.sandbox(&found.id) {
            sandbox::stop(server, &now).await?;
        }
    }
    Ok(StopPodSandboxResponse {})
}
