//! `UpdateRuntimeConfig`: the kubelet brings the node's pod CIDR, from which the bridge of `network.pods` gives addresses.

use kit::{Error, Kind, Result};

use crate::life::network;
use crate::server::Shared;
use cri_api::{UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse};

pub async fn update_runtime_config(_: &Shared, request: UpdateRuntimeConfigRequest) -> Result<UpdateRuntimeConfigResponse> {
    let cidr = request.runtime_config.and_then(|config| config.network_config).unwrap_or_default().pod_cidr;
    if !cidr.is_empty() {
        let text = network::configuration(&cidr).map_err(|e| Error::of(Kind::Invalid, e.to_string()))?;
        network::configure(text).await?;
    }
    Ok(UpdateRuntimeConfigResponse {})
}
