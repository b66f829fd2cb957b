//! `Exec`: where to come for a process in a container.

use kit::{Error, Kind, Result};

use crate::id::not_found;
use crate::server::Shared;
use crate::streaming::{Order, Streams};
use cri_api::{ExecRequest, ExecResponse};

pub async fn exec(server: &Shared, request: ExecRequest) -> Result<ExecResponse> {
    let ExecRequest { container_id, cmd, tty, stdin, stdout, stderr } = request;
    let streams = Streams { stdin, stdout, stderr, tty };
    check(streams)?;
    if cmd.is_empty() {
        return Err(Error::of(Kind::Invalid, "an exec needs a command"));
    }
    let container = running(server, &container_id)?;
    Ok(ExecResponse { url: server.streaming.url(Order::Exec { container, command: cmd, streams })? })
}

/// Refuse what no client can mean.
pub fn check(streams: Streams) -> Result<()> {
    if streams.tty && streams.stderr {
        return Err(Error::of(Kind::Invalid, "a terminal has no stderr of its own: tty and stderr can't both be asked for"));
    }
    if !streams.stdin && !streams.stdout && !streams.stderr {
        return Err(Error::of(Kind::Invalid, "at least one of stdin, stdout and stderr must be asked for"));
    }
    Ok(())
}

/// The whole id of a container that runs.
pub fn running(server: &Shared, id: &str) -> Result<String> {
    let container = server.store.container(id).ok_or_else(|| not_found("container", id))?;
    let container = server.store.refreshed(container);
    if !container.is_running() {
        return Err(Error::of(Kind::Precondition, format!("container {} does not run", container.id)));
    }
    Ok(container.id.clone())
}
