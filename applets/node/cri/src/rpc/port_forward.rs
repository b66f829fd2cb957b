//! `PortForward`: where to come for connections to a pod's ports.

use tonic::Code;

use crate::api::{PortForwardRequest, PortForwardResponse};
use crate::server::{Answer, Fault, Shared};
use crate::store::SandboxPhase;
use crate::streaming::Order;

pub async fn port_forward(server: &Shared, request: PortForwardRequest) -> Answer<PortForwardResponse> {
    let id = &request.pod_sandbox_id;
    let sandbox = server.store.sandbox(id).ok_or_else(|| Fault::not_found("sandbox", id))?;
    if sandbox.phase != SandboxPhase::Ready {
        return Err(Fault::new(Code::FailedPrecondition, format!("sandbox {} is not ready", sandbox.id)));
    }
    let port = |port: &i32| u16::try_from(*port).ok().filter(|port| *port > 0);
    let ports = request.port.iter().map(|number| port(number).ok_or_else(|| Fault::invalid(format!("{number} is no port"))));
    let ports = ports.collect::<Answer<_>>()?;
    Ok(PortForwardResponse { url: server.streaming.url(Order::Forward { sandbox: sandbox.id.clone(), ports })? })
}
