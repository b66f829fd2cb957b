//! `RemovePodSandbox`: all that belongs to it goes; no error when it is gone.

use kit::Result;

use crate::life::sandbox;
use crate::server::Shared;
use cri_api::{RemovePodSandboxRequest, RemovePodSandboxResponse};

pub async fn remove_pod_sandbox(server: &Shared, request: RemovePodSandboxRequest) -> Result<RemovePodSandboxResponse> {
    if let Some(found) = server.store.sandbox(&request.pod_sandbox_id) {
        let _turn = server.turns.take(&found.name()).await;
        if let Some(now) = server.store.sandbox(&found.id) {
            sandbox::remove(server, now).await?;
        }
    }
    Ok(RemovePodSandboxResponse {})
}
