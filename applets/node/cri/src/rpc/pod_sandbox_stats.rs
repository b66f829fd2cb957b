//! `PodSandboxStats`, `ListPodSandboxStats`, `StreamPodSandboxStats`: what a pod uses in all, what goes through its links, and what its
//! running containers use.

use std::sync::Arc;

use kit::Result;
use kit::clock::now;
use tonic::codegen::BoxStream;

use super::container_stats;
use crate::cgroup::Cgroup;
use crate::filter::{id_fits, is_listed, labels_fit};
use crate::id::not_found;
use crate::life::network;
use crate::measure::{self, value};
use crate::netns::{self, Link};
use crate::pieces;
use crate::server::{Server, Shared};
use crate::store::{Sandbox, SandboxPhase};
use crate::task::blocking;
use cri_api::{
    LinuxPodSandboxStats, ListPodSandboxStatsRequest, ListPodSandboxStatsResponse, NetworkInterfaceUsage, NetworkUsage,
    PodSandboxAttributes, PodSandboxStats, PodSandboxStatsFilter, PodSandboxStatsRequest, PodSandboxStatsResponse, ProcessUsage,
    StreamPodSandboxStatsRequest, StreamPodSandboxStatsResponse,
};
use monitor::wire;

pub async fn pod_sandbox_stats(server: &Shared, request: PodSandboxStatsRequest) -> Result<PodSandboxStatsResponse> {
    let id = &request.pod_sandbox_id;
    let sandbox = server.store.sandbox(id).ok_or_else(|| not_found("sandbox", id))?;
    Ok(PodSandboxStatsResponse { stats: measure(server, vec![sandbox]).await?.pop() })
}

pub async fn list_pod_sandbox_stats(server: &Shared, request: ListPodSandboxStatsRequest) -> Result<ListPodSandboxStatsResponse> {
    Ok(ListPodSandboxStatsResponse { stats: ready(server, request.filter.unwrap_or_default()).await? })
}

pub async fn stream_pod_sandbox_stats(
    server: &Shared,
    request: StreamPodSandboxStatsRequest,
) -> Result<BoxStream<StreamPodSandboxStatsResponse>> {
    let stats = ready(server, request.filter.unwrap_or_default()).await?;
    Ok(pieces::stream(stats, |pod_sandbox_stats| StreamPodSandboxStatsResponse { pod_sandbox_stats }))
}

async fn ready(server: &Shared, filter: PodSandboxStatsFilter) -> Result<Vec<PodSandboxStats>> {
    let known = server.store.sandboxes().into_iter();
    let fitting = known.filter(|sandbox| sandbox.phase == SandboxPhase::Ready && fits(&filter, sandbox));
    measure(server, fitting.collect()).await
}

fn fits(filter: &PodSandboxStatsFilter, sandbox: &Sandbox) -> bool {
    id_fits(&filter.id, &sandbox.id)
        && labels_fit(&filter.label_selector, &sandbox.config.labels)
        && is_listed(&[&filter.id], &filter.label_selector, &sandbox.config.labels)
}

async fn measure(server: &Shared, sandboxes: Vec<Arc<Sandbox>>) -> Result<Vec<PodSandboxStats>> {
    let server = server.clone();
    blocking(move || {
        let namespaces = sandboxes.iter().map(|sandbox| wire::namespace(&server.store.dir(&sandbox.id), "net")).collect();
        let links = netns::links(namespaces)?;
        Ok(sandboxes.iter().zip(links).map(|(sandbox, links)| of(&server, sandbox, links)).collect())
    })
    .await
}

fn of(server: &Server, sandbox: &Sandbox, links: Vec<Link>) -> PodSandboxStats {
    let cgroup = Cgroup::new(&sandbox.cgroup);
    let timestamp = now();
    let containers = server.store.containers_of(&sandbox.id).into_iter().map(|container| server.store.refreshed(container));
    let containers = containers.filter(|container| container.is_running());
    PodSandboxStats {
        attributes: Some(PodSandboxAttributes {
            id: sandbox.id.clone(),
            metadata: sandbox.config.metadata.clone(),
            labels: sandbox.config.labels.clone(),
            annotations: sandbox.config.annotations.clone(),
        }),
        linux: Some(LinuxPodSandboxStats {
            cpu: measure::cpu(&cgroup, &server.rates, &sandbox.id, timestamp),
            memory: measure::memory(&cgroup, timestamp),
            // Traffic of a pod on the host's network can't be told from that of others there.
            network: if sandbox.on_host_network() { None } else { network(links, timestamp) },
            process: Some(ProcessUsage { timestamp, process_count: value(cgroup.processes().unwrap_or(0)) }),
            containers: containers.map(|container| container_stats::of(server, &container)).collect(),
            io: measure::io(&cgroup, timestamp),
        }),
    }
}

/// The pod's own link is the default one; what else was given to it is listed beside.
fn network(links: Vec<Link>, timestamp: i64) -> Option<NetworkUsage> {
    let (own, others): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| link.name == network::LINK);
    let default_interface = own.into_iter().next().map(interface)?;
    Some(NetworkUsage {
        timestamp,
        default_interface: Some(default_interface),
        interfaces: others.into_iter().map(interface).collect(),
    })
}

fn interface(link: Link) -> NetworkInterfaceUsage {
    NetworkInterfaceUsage {
        name: link.name,
        rx_bytes: value(link.rx_bytes),
        rx_errors: value(link.rx_errors),
        tx_bytes: value(link.tx_bytes),
        tx_errors: value(link.tx_errors),
    }
}
