//! `ReopenContainerLog`: the kubelet has renamed the log file.

use tonic::Code;

use crate::api::{ReopenContainerLogRequest, ReopenContainerLogResponse};
use crate::life::PATIENCE;
use crate::link;
use crate::monitor::wire::Request;
use crate::server::{Answer, Fault, Shared};
use crate::step::{Step, reached};

pub async fn reopen_container_log(server: &Shared, request: ReopenContainerLogRequest) -> Answer<ReopenContainerLogResponse> {
    let id = &request.container_id;
    let container = server.store.container(id).ok_or_else(|| Fault::not_found("container", id))?;
    let container = server.store.refreshed(container);
    if !container.is_running() {
        return Err(Fault::new(Code::FailedPrecondition, format!("container {} does not run", container.id)));
    }
    let request = Request::ReopenLog { container: container.id.clone() };
    link::order(&server.store.dir(&container.sandbox), &request, PATIENCE).await?;
    reached(Step::LogReopened);
    Ok(ReopenContainerLogResponse {})
}
