//! `Exec`: where to come for a process in a container.

use tonic::Code;

use crate::api::{ExecRequest, ExecResponse};
use crate::server::{Answer, Fault, Shared};
use crate::streaming::{Order, Streams};

pub async fn exec(server: &Shared, request: ExecRequest) -> Answer<ExecResponse> {
    let ExecRequest { container_id, cmd, tty, stdin, stdout, stderr } = request;
    let streams = Streams { stdin, stdout, stderr, tty };
    check(streams)?;
    if cmd.is_empty() {
        return Err(Fault::invalid("an exec needs a command"));
    }
    let container = running(server, &container_id)?;
    Ok(ExecResponse { url: server.streaming.url(Order::Exec { container, command: cmd, streams })? })
}

/// Refuse what no client can mean.
pub fn check(streams: Streams) -> Answer<()> {
    if streams.tty && streams.stderr {
        return Err(Fault::invalid("a terminal has no stderr of its own: tty and stderr can't both be asked for"));
    }
    if !streams.stdin && !streams.stdout && !streams.stderr {
        return Err(Fault::invalid("at least one of stdin, stdout and stderr must be asked for"));
    }
    Ok(())
}

/// The whole id of a container that runs.
pub fn running(server: &Shared, id: &str) -> Answer<String> {
    let container = server.store.container(id).ok_or_else(|| Fault::not_found("container", id))?;
    let container = server.store.refreshed(container);
    if !container.is_running() {
        return Err(Fault::new(Code::FailedPrecondition, format!("container {} does not run", container.id)));
    }
    Ok(container.id.clone())
}
