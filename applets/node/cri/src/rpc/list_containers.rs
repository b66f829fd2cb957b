//! `ListContainers` and `StreamContainers`: the kubelet asks every second.

use kit::Result;
use tonic::codegen::BoxStream;

use crate::filter::{id_fits, is_listed, labels_fit};
use crate::pieces;
use crate::server::Shared;
use crate::store::{Container, ContainerPhase, container_state, image};
use cri_api::{
    Container as Item, ContainerFilter, ListContainersRequest, ListContainersResponse, StreamContainersRequest,
    StreamContainersResponse,
};

pub async fn list_containers(server: &Shared, request: ListContainersRequest) -> Result<ListContainersResponse> {
    Ok(ListContainersResponse { containers: items(server, &request.filter.unwrap_or_default()) })
}

pub async fn stream_containers(server: &Shared, request: StreamContainersRequest) -> Result<BoxStream<StreamContainersResponse>> {
    let items = items(server, &request.filter.unwrap_or_default());
    Ok(pieces::stream(items, |containers| StreamContainersResponse { containers }))
}

fn items(server: &Shared, filter: &ContainerFilter) -> Vec<Item> {
    let known = server.store.containers().into_iter().map(|container| server.store.refreshed(container));
    let fitting = known.filter(|container| container.phase != ContainerPhase::Making && fits(filter, container));
    fitting.map(|container| item(&container)).collect()
}

fn fits(filter: &ContainerFilter, container: &Container) -> bool {
    id_fits(&filter.id, &container.id)
        && id_fits(&filter.pod_sandbox_id, &container.sandbox)
        && filter.state.is_none_or(|asked| asked.state() == container_state(container))
        && labels_fit(&filter.label_selector, &container.config.labels)
        && is_listed(&[&filter.id, &filter.pod_sandbox_id], &filter.label_selector, &container.config.labels)
}

fn item(container: &Container) -> Item {
    Item {
        id: container.id.clone(),
        pod_sandbox_id: container.sandbox.clone(),
        metadata: container.config.metadata.clone(),
        image: Some(image(container)),
        image_ref: container.image_ref.clone(),
        state: container_state(container).into(),
        created_at: container.created_at,
        labels: container.config.labels.clone(),
        annotations: container.config.annotations.clone(),
        image_id: container.image_id.clone(),
    }
}
