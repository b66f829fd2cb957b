//! `Status`: asked every five seconds; the node is Ready when both conditions hold. What a handler's features name is what holds.

use std::collections::BTreeMap;

use kit::{Result, paths};
use serde_json::json;

use crate::life::network;
use crate::rpc::run_pod_sandbox::HANDLERS;
use crate::server::Shared;
use cri_api::{
    RuntimeCondition, RuntimeFeatures, RuntimeHandler, RuntimeHandlerFeatures, RuntimeStatus, StatusRequest, StatusResponse,
};

pub async fn status(server: &Shared, request: StatusRequest) -> Result<StatusResponse> {
    let network = network::ready(server).await;
    let conditions = vec![
        RuntimeCondition { r#type: "RuntimeReady".into(), status: true, ..RuntimeCondition::default() },
        RuntimeCondition {
            r#type: "NetworkReady".into(),
            status: network.is_ok(),
            reason: if network.is_ok() { String::new() } else { "NetworkPluginNotReady".into() },
            message: network.err().unwrap_or_default(),
        },
    ];
    let features = RuntimeHandlerFeatures { recursive_read_only_mounts: true, user_namespaces: false };
    Ok(StatusResponse {
        status: Some(RuntimeStatus { conditions }),
        info: if request.verbose { info().await } else { BTreeMap::new() },
        runtime_handlers: HANDLERS.map(|name| RuntimeHandler { name: name.into(), features: Some(features) }).to_vec(),
        features: Some(RuntimeFeatures {
            supplemental_groups_policy: true,
            user_namespaces_host_network: false,
            mount_options: true,
        }),
    })
}

/// Details for a person (`crictl info`).
async fn info() -> BTreeMap<String, String> {
    let config = json!({
        "pods": paths::PODS, "images": paths::IMAGES, "containers": paths::CONTAINERS, "oci": paths::OCI,
        "cniConfDirs": [paths::CNI_CONF, paths::CNI_OWN], "cniBinDir": paths::CNI_BIN, "cgroupDriver": "cgroupfs",
    });
    BTreeMap::from([("config".into(), config.to_string()), ("network".into(), network::info().await.to_string())])
}
