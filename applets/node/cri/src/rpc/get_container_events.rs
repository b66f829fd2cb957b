//! `GetContainerEvents`: what happens from now on, until the listener goes.

use kit::Result;
use tonic::codegen::BoxStream;

use crate::server::Shared;
use cri_api::{ContainerEventResponse, GetEventsRequest};

pub async fn get_container_events(server: &Shared, _: GetEventsRequest) -> Result<BoxStream<ContainerEventResponse>> {
    Ok(Box::pin(server.store.events.listen()))
}
