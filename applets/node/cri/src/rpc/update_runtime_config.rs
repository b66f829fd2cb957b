//! `UpdateRuntimeConfig`: the kubelet brings the node's pod CIDR, from which the bridge of `network.pods` gives addresses.

use crate::api::{UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse};
use crate::life::network;
use crate::server::{Answer, Fault, Shared};

pub async fn update_runtime_config(_: &Shared, request: UpdateRuntimeConfigRequest) -> Answer<UpdateRuntimeConfigResponse> {
    let cidr = request.runtime_config.and_then(|config| config.network_config).unwrap_or_default().pod_cidr;
    if !cidr.is_empty() {
        let text = network::configuration(&cidr).map_err(|e| Fault::invalid(e.to_string()))?;
        network::configure(text).await?;
    }
    Ok(UpdateRuntimeConfigResponse {})
}
