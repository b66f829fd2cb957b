//! `GetContainerEvents`: what happens from now on, until the listener goes.

use tonic::codegen::BoxStream;

use crate::api::{ContainerEventResponse, GetEventsRequest};
use crate::server::{Answer, Shared};

pub async fn get_container_events(server: &Shared, _: GetEventsRequest) -> Answer<BoxStream<ContainerEventResponse>> {
    Ok(Box::pin(server.store.events.listen()))
}
