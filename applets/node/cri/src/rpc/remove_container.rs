//! `RemoveContainer`: it is killed if it runs; no error when it is gone.

use kit::Result;

use crate::life::container;
use crate::server::Shared;
use cri_api::{RemoveContainerRequest, RemoveContainerResponse};

pub async fn remove_container(server: &Shared, request: RemoveContainerRequest) -> Result<RemoveContainerResponse> {
    if let Some(found) = server.store.container(&request.container_id) {
        let _turn = server.turns.take(&found.name()).await;
        if let Some(now) = server.store.container(&found.id) {
            container::remove(server, now).await?;
        }
    }
    Ok(RemoveContainerResponse {})
}
