//! `ContainerStats` and `ListContainerStats`: what a container uses, from its cgroup's files, and what it wrote.

use std::path::Path;
use std::sync::Arc;

use kit::Result;

use crate::api::{
    ContainerAttributes, ContainerStats, ContainerStatsFilter, ContainerStatsRequest, ContainerStatsResponse, CpuUsage,
    FilesystemIdentifier, FilesystemUsage, ListContainerStatsRequest, ListContainerStatsResponse, MemoryUsage, SwapUsage,
    UInt64Value,
};
use crate::cgroup::Cgroup;
use crate::filter::{id_fits, labels_fit};
use crate::life::rootfs;
use crate::server::{Answer, Fault, Shared, blocking, now};
use crate::store::Container;

pub async fn container_stats(server: &Shared, request: ContainerStatsRequest) -> Answer<ContainerStatsResponse> {
    let id = &request.container_id;
    let container = server.store.container(id).ok_or_else(|| Fault::not_found("container", id))?;
    let mut stats = measure(server, vec![container]).await?;
    Ok(ContainerStatsResponse { stats: stats.pop() })
}

pub async fn list_container_stats(server: &Shared, request: ListContainerStatsRequest) -> Answer<ListContainerStatsResponse> {
    let filter = request.filter.unwrap_or_default();
    let known = server.store.containers().into_iter().map(|container| server.store.refreshed(container));
    let running = known.filter(|container| container.is_running() && fits(&filter, container)).collect();
    Ok(ListContainerStatsResponse { stats: measure(server, running).await? })
}

fn fits(filter: &ContainerStatsFilter, container: &Container) -> bool {
    id_fits(&filter.id, &container.id)
        && id_fits(&filter.pod_sandbox_id, &container.sandbox)
        && labels_fit(&filter.label_selector, &container.config.labels)
}

async fn measure(server: &Shared, containers: Vec<Arc<Container>>) -> Result<Vec<ContainerStats>> {
    let root = server.containers.clone();
    blocking(move || Ok(containers.iter().map(|container| of(container, &root.join(&container.id))).collect())).await
}

fn of(container: &Container, dir: &Path) -> ContainerStats {
    let cgroup = Cgroup::new(&container.cgroup);
    let timestamp = now();
    ContainerStats {
        attributes: Some(ContainerAttributes {
            id: container.id.clone(),
            metadata: container.config.metadata.clone(),
            labels: container.config.labels.clone(),
            annotations: container.config.annotations.clone(),
        }),
        cpu: cgroup.cpu_nanoseconds().map(|used| CpuUsage {
            timestamp,
            usage_core_nano_seconds: value(used),
            ..CpuUsage::default()
        }),
        memory: memory(&cgroup, timestamp),
        writable_layer: Some(writable(&rootfs::upper(dir), timestamp)),
        swap: cgroup.swap().map(|used| SwapUsage { timestamp, swap_usage_bytes: value(used), ..SwapUsage::default() }),
        io: None,
    }
}

fn memory(cgroup: &Cgroup, timestamp: i64) -> Option<MemoryUsage> {
    let memory = cgroup.memory()?;
    Some(MemoryUsage {
        timestamp,
        working_set_bytes: value(memory.working_set),
        available_bytes: memory.limit.and_then(|limit| value(limit.saturating_sub(memory.working_set))),
        usage_bytes: value(memory.usage),
        rss_bytes: value(memory.anonymous),
        page_faults: value(memory.faults),
        major_page_faults: value(memory.major_faults),
        psi: None,
    })
}

fn writable(upper: &Path, timestamp: i64) -> FilesystemUsage {
    let (bytes, inodes) = crate::usage::of(upper);
    FilesystemUsage {
        timestamp,
        fs_id: Some(FilesystemIdentifier { mountpoint: kit::paths::CONTAINERS.into() }),
        used_bytes: value(bytes),
        inodes_used: value(inodes),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the interface's fields are optional")]
fn value(value: u64) -> Option<UInt64Value> {
    Some(UInt64Value { value })
}
