//! `Attach`: where to come for a container's own streams.

use super::exec::{check, running};
use crate::api::{AttachRequest, AttachResponse};
use crate::server::{Answer, Shared};
use crate::streaming::{Order, Streams};

pub async fn attach(server: &Shared, request: AttachRequest) -> Answer<AttachResponse> {
    let AttachRequest { container_id, stdin, tty, stdout, stderr } = request;
    let streams = Streams { stdin, stdout, stderr, tty };
    check(streams)?;
    let container = running(server, &container_id)?;
    Ok(AttachResponse { url: server.streaming.url(Order::Attach { container, streams })? })
}
