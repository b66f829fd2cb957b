//! `ExecSync`: probes and hooks. A late one is DeadlineExceeded, which the kubelet reads as the probe's own timeout.

use kit::{Context, Error, Kind, Result};
use serde_json::Value;

use crate::id::not_found;
use crate::link;
use crate::server::Shared;
use crate::spec;
use crate::store::Container;
use cri_api::{ExecSyncRequest, ExecSyncResponse};
use monitor::wire::Exec;

/// Kept of stdout and of stderr each: bytes. Both must fit the 16 MiB that the kubelet accepts as one message.
const LIMIT: usize = 7 << 20;

pub async fn exec_sync(server: &Shared, request: ExecSyncRequest) -> Result<ExecSyncResponse> {
    let id = &request.container_id;
    let container = server.store.container(id).ok_or_else(|| not_found("container", id))?;
    let container = server.store.refreshed(container);
    if !container.is_running() {
        return Err(Error::of(Kind::Precondition, format!("container {} does not run", container.id)));
    }
    let exec = Exec {
        container: container.id.clone(),
        process: process(server, &container, &request.cmd, false)?,
        timeout: u64::try_from(request.timeout).unwrap_or(0).saturating_mul(1000),
    };
    let (done, stdout, stderr) = link::exec(&server.store.dir(&container.sandbox), &exec, LIMIT).await?;
    if done.timed_out {
        let message = format!("{} did not end within {} s", request.cmd.join(" "), request.timeout);
        return Err(Error::of(Kind::TimedOut, message));
    }
    Ok(ExecSyncResponse { stdout, stderr, exit_code: done.code })
}

/// The container's own process with another command, and perhaps a terminal.
pub fn process(server: &Shared, container: &Container, command: &[String], terminal: bool) -> Result<Value> {
    let path = server.containers.join(&container.id).join("config.json");
    let config: Value = serde_json::from_slice(&std::fs::read(&path).on("read", &path)?).on("decode", &path)?;
    spec::exec(&config, command, terminal)
}
