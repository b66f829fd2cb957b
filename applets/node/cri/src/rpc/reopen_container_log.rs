//! `ReopenContainerLog`: the kubelet has renamed the log file.

use kit::{Error, Kind, Result};

use crate::id::not_found;
use crate::life::PATIENCE;
use crate::link;
use crate::server::Shared;
use crate::step::{Step, reached};
use cri_api::{ReopenContainerLogRequest, ReopenContainerLogResponse};
use monitor::wire::Request;

pub async fn reopen_container_log(server: &Shared, request: ReopenContainerLogRequest) -> Result<ReopenContainerLogResponse> {
    let id = &request.container_id;
    let container = server.store.container(id).ok_or_else(|| not_found("container", id))?;
    let container = server.store.refreshed(container);
    if !container.is_running() {
        return Err(Error::of(Kind::Precondition, format!("container {} does not run", container.id)));
    }
    let request = Request::ReopenLog { container: container.id.clone() };
    link::order(&server.store.dir(&container.sandbox), &request, PATIENCE).await?;
    reached(Step::LogReopened);
    Ok(ReopenContainerLogResponse {})
}
