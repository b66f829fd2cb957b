//! `Version`: who answers. The kubelet refuses a runtime of which a field is empty.

use kit::Result;

use crate::server::Shared;
use cri_api::{VersionRequest, VersionResponse};

/// The version of the kubelet's side of the interface, which never changed.
const KUBELET_API: &str = "0.1.0";

pub async fn version(_: &Shared, _: VersionRequest) -> Result<VersionResponse> {
    Ok(VersionResponse {
        version: KUBELET_API.into(),
        runtime_name: "kutties".into(),
        runtime_version: kit::version_number().into(),
        runtime_api_version: "v1".into(),
    })
}
