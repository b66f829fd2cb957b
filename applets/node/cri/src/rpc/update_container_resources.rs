//! `UpdateContainerResources`: a pod's resize in place. What was written is kept, so that the container's status tells what holds.

use kit::{Error, Kind, Result};

use crate::id::not_found;
use crate::limits;
use crate::server::Shared;
use crate::spec;
use crate::step::{Step, reached};
use crate::store::ContainerPhase;
use crate::task::blocking;
use cri_api::{UpdateContainerResourcesRequest, UpdateContainerResourcesResponse};

pub async fn update_container_resources(
    server: &Shared,
    request: UpdateContainerResourcesRequest,
) -> Result<UpdateContainerResourcesResponse> {
    let id = &request.container_id;
    let known = || server.store.container(id).ok_or_else(|| not_found("container", id));
    if let Some(name) = request.annotations.keys().next() {
        return Err(Error::of(Kind::Invalid, format!("annotation {name} names no resource that can be updated")));
    }
    let Some(change) = request.linux else { return Err(Error::of(Kind::Invalid, "an update of resources needs resources")) };
    let _turn = server.turns.take(&known()?.name()).await;
    let container = server.store.refreshed(known()?);
    if container.exit.is_some() || container.phase == ContainerPhase::Making {
        return Err(Error::of(Kind::Precondition, format!("container {} has no limits to change: it is no more", container.id)));
    }
    let now = container.config.linux.clone().unwrap_or_default().resources.unwrap_or_default();
    let all = limits::merged(&now, &change);
    // The whole, not the change: a swap limit says nothing without the memory limit that it is counted with.
    let section = spec::limits(&all, &container.cgroup);
    let (of, score) = (container.clone(), (all.oom_score_adj != now.oom_score_adj).then_some(all.oom_score_adj));
    let bundle = server.containers.join(&container.id);
    blocking(move || {
        limits::write(&of.id, &section)?;
        score.map_or(Ok(()), |score| limits::set_score(&of.cgroup, &bundle, score))
    })
    .await?;
    reached(Step::LimitsWritten);
    server.store.change_container(&container.id, |container| {
        container.config.linux.get_or_insert_default().resources = Some(all);
    })?;
    reached(Step::LimitsNoted);
    Ok(UpdateContainerResourcesResponse {})
}
