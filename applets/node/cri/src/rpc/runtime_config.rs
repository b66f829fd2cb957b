//! `RuntimeConfig`: the kubelet asks once, at its start, which cgroup driver to use. Without an answer it would take systemd's.

use kit::Result;

use crate::server::Shared;
use cri_api::{CgroupDriver, LinuxRuntimeConfiguration, RuntimeConfigRequest, RuntimeConfigResponse};

pub async fn runtime_config(_: &Shared, _: RuntimeConfigRequest) -> Result<RuntimeConfigResponse> {
    Ok(RuntimeConfigResponse { linux: Some(LinuxRuntimeConfiguration { cgroup_driver: CgroupDriver::Cgroupfs.into() }) })
}
