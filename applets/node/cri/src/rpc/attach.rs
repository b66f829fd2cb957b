//! `Attach`: where to come for a container's own streams.

use kit::{Error, Kind, Result};

use super::exec::check;
use crate::id::not_found;
use crate::server::Shared;
use crate::store::ContainerPhase;
use crate::streaming::{Order, Streams};
use cri_api::{AttachRequest, AttachResponse};

pub async fn attach(server: &Shared, request: AttachRequest) -> Result<AttachResponse> {
    let AttachRequest { container_id, stdin, tty, stdout, stderr } = request;
    let streams = Streams { stdin, stdout, stderr, tty };
    check(streams)?;
    let container = attachable(server, &container_id)?;
    Ok(AttachResponse { url: server.streaming.url(Order::Attach { container, streams })? })
}

/// The whole id of a container that runs, or that is made and not started yet: whoever comes before the start misses nothing.
fn attachable(server: &Shared, id: &str) -> Result<String> {
    let container = server.store.container(id).ok_or_else(|| not_found("container", id))?;
    let container = server.store.refreshed(container);
    let is_made = container.phase == ContainerPhase::Created && container.exit.is_none();
    if !container.is_running() && !is_made {
        return Err(Error::of(Kind::Precondition, format!("container {} does not run", container.id)));
    }
    Ok(container.id.clone())
}
