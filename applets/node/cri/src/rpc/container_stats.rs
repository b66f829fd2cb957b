//! `ContainerStats`, `ListContainerStats`, `StreamContainerStats`: what a container uses, from its cgroup's files, and what it wrote.

use std::path::Path;
use std::sync::Arc;

use kit::Result;
use kit::clock::now;
use tonic::codegen::BoxStream;

use crate::cgroup::Cgroup;
use crate::filter::{id_fits, is_listed, labels_fit};
use crate::id::not_found;
use crate::life::rootfs;
use crate::measure::{self, value};
use crate::pieces;
use crate::server::{Server, Shared};
use crate::store::Container;
use crate::task::blocking;
use cri_api::{
    ContainerAttributes, ContainerStats, ContainerStatsFilter, ContainerStatsRequest, ContainerStatsResponse,
    FilesystemIdentifier, FilesystemUsage, ListContainerStatsRequest, ListContainerStatsResponse, StreamContainerStatsRequest,
    StreamContainerStatsResponse,
};

pub async fn container_stats(server: &Shared, request: ContainerStatsRequest) -> Result<ContainerStatsResponse> {
    let id = &request.container_id;
    let container = server.store.container(id).ok_or_else(|| not_found("container", id))?;
    let mut stats = measure(server, vec![container]).await?;
    Ok(ContainerStatsResponse { stats: stats.pop() })
}

pub async fn list_container_stats(server: &Shared, request: ListContainerStatsRequest) -> Result<ListContainerStatsResponse> {
    Ok(ListContainerStatsResponse { stats: running(server, request.filter.unwrap_or_default()).await? })
}

pub async fn stream_container_stats(
    server: &Shared,
    request: StreamContainerStatsRequest,
) -> Result<BoxStream<StreamContainerStatsResponse>> {
    let stats = running(server, request.filter.unwrap_or_default()).await?;
    Ok(pieces::stream(stats, |container_stats| StreamContainerStatsResponse { container_stats }))
}

async fn running(server: &Shared, filter: ContainerStatsFilter) -> Result<Vec<ContainerStats>> {
    let known = server.store.containers().into_iter().map(|container| server.store.refreshed(container));
    measure(server, known.filter(|container| container.is_running() && fits(&filter, container)).collect()).await
}

fn fits(filter: &ContainerStatsFilter, container: &Container) -> bool {
    id_fits(&filter.id, &container.id)
        && id_fits(&filter.pod_sandbox_id, &container.sandbox)
        && labels_fit(&filter.label_selector, &container.config.labels)
        && is_listed(&[&filter.id, &filter.pod_sandbox_id], &filter.label_selector, &container.config.labels)
}

async fn measure(server: &Shared, containers: Vec<Arc<Container>>) -> Result<Vec<ContainerStats>> {
    let server = server.clone();
    blocking(move || Ok(containers.iter().map(|container| of(&server, container)).collect())).await
}

/// Resources that one container uses. Reads many files: not on the event loop.
pub fn of(server: &Server, container: &Container) -> ContainerStats {
    let cgroup = Cgroup::new(&container.cgroup);
    let timestamp = now();
    ContainerStats {
        attributes: Some(ContainerAttributes {
            id: container.id.clone(),
            metadata: container.config.metadata.clone(),
            labels: container.config.labels.clone(),
            annotations: container.config.annotations.clone(),
        }),
        cpu: measure::cpu(&cgroup, &server.rates, &container.id, timestamp),
        memory: measure::memory(&cgroup, timestamp),
        writable_layer: Some(writable(&server.containers.join(&container.id), timestamp)),
        swap: measure::swap(&cgroup, timestamp),
        io: measure::io(&cgroup, timestamp),
    }
}

/// Its changes to its root, and its image's volumes, which it may fill as well.
fn writable(dir: &Path, timestamp: i64) -> FilesystemUsage {
    let (bytes, inodes) = rootfs::used(dir);
    FilesystemUsage {
        timestamp,
        fs_id: Some(FilesystemIdentifier { mountpoint: kit::paths::CONTAINERS.into() }),
        used_bytes: value(bytes),
        inodes_used: value(inodes),
    }
}
