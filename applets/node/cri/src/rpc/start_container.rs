//! `StartContainer`: a container that can't be started has ended, with exit code 128 and reason StartError, as the kubelet shows it.

use kit::clock::now;
use kit::{Error, Kind, Result};

use crate::id::not_found;
use crate::life::PATIENCE;
use crate::link;
use crate::server::Shared;
use crate::step::{Step, reached};
use crate::store::ContainerPhase;
use cri_api::{StartContainerRequest, StartContainerResponse};
use monitor::wire::{Exit, Reply, Request};

/// The exit code of a container that never ran, as other runtimes report it.
const NOT_STARTED: i32 = 128;

pub async fn start_container(server: &Shared, request: StartContainerRequest) -> Result<StartContainerResponse> {
    let id = &request.container_id;
    let container = server.store.container(id).ok_or_else(|| not_found("container", id))?;
    let _turn = server.turns.take(&container.name()).await;
    let container = server.store.container(&container.id).ok_or_else(|| not_found("container", id))?;
    let container = server.store.refreshed(container);
    if container.exit.is_some() || container.phase != ContainerPhase::Created {
        let message = format!("container {} waits for no start", container.id);
        return Err(Error::of(Kind::Precondition, message));
    }
    let request = Request::Start { container: container.id.clone() };
    let answer = link::call(&server.store.dir(&container.sandbox), &request, PATIENCE).await;
    let failed = match answer {
        Ok(Reply::Started { at }) => {
            reached(Step::ContainerStarted);
            server.store.started(&container.id, at)?;
            reached(Step::StartNoted);
            return Ok(StartContainerResponse {});
        }
        Ok(other) => link::unexpected(other),
        Err(e) => e,
    };
    let exit = Exit { code: NOT_STARTED, finished_at: now(), ..Exit::default() };
    server.store.ended(&container.id, exit, "StartError", &failed.to_string())?;
    Err(failed)
}
