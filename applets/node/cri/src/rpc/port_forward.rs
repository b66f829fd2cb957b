//! `PortForward`: where to come for connections to a pod's ports.

use kit::{Error, Kind, Result};

use crate::id::not_found;
use crate::server::Shared;
use crate::store::SandboxPhase;
use crate::streaming::Order;
use cri_api::{PortForwardRequest, PortForwardResponse};

pub async fn port_forward(server: &Shared, request: PortForwardRequest) -> Result<PortForwardResponse> {
    let id = &request.pod_sandbox_id;
    let sandbox = server.store.sandbox(id).ok_or_else(|| not_found("sandbox", id))?;
    if sandbox.phase != SandboxPhase::Ready {
        return Err(Error::of(Kind::Precondition, format!("sandbox {} is not ready", sandbox.id)));
    }
    let port = |port: &i32| u16::try_from(*port).ok().filter(|port| *port > 0);
    let ports =
        request.port.iter().map(|number| port(number).ok_or_else(|| Error::of(Kind::Invalid, format!("{number} is no port"))));
    let ports = ports.collect::<Result<_>>()?;
    Ok(PortForwardResponse { url: server.streaming.url(Order::Forward { sandbox: sandbox.id.clone(), ports })? })
}
