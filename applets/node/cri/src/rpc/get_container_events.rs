//! `GetContainerEvents`: what happens from now on, until the listener goes.

use kit::Result;
use tonic::codegen::BoxStream;

use crate::api::{ContainerEventResponse, GetEventsRequest};
use crate::server::Shared;

pub async fn get_container_events(server: &Shared, _: GetEventsRequest) -> Result<BoxStream<ContainerEventResponse>> {
    Ok(Box::pin(server.store.events.listen()))
}
