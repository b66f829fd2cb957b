//! `StopContainer`: its signal, then its grace, then the kill; no error when it has ended or is gone.

use kit::Result;
use std::time::Duration;

use crate::life::container;
use crate::server::Shared;
use cri_api::{StopContainerRequest, StopContainerResponse};

pub async fn stop_container(server: &Shared, request: StopContainerRequest) -> Result<StopContainerResponse> {
    if let Some(found) = server.store.container(&request.container_id) {
        let grace = Duration::from_secs(u64::try_from(request.timeout).unwrap_or(0));
        // Not while it is being made or started; but a second stop, with a shorter grace, does not wait for the first.
        drop(server.turns.take(&found.name()).await);
        if let Some(now) = server.store.container(&found.id) {
            container::stop(server, now, grace).await?;
        }
    }
    Ok(StopContainerResponse {})
}
