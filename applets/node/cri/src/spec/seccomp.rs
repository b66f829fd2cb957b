//! The system call filter that was asked for: none, ours, or a file on the node.

use std::fs;

use kit::{Context, Error, Result};
use serde_json::Value;

use super::{capabilities, profile, seccomp_default};
use cri_api::LinuxContainerSecurityContext;
use cri_api::security_profile::ProfileType;

/// A profile on the node is read up to here: bytes. The default profile as JSON takes 10 KiB.
const LIMIT: u64 = 1 << 20;

/// The `seccomp` section, or none for an unconfined container. What can't be read is an error: nothing runs unfiltered by mistake.
pub fn build(security: &LinuxContainerSecurityContext) -> Result<Option<Value>> {
    let Some(profile) = profile::asked(security.seccomp.as_ref(), &security.seccomp_profile_path)? else { return Ok(None) };
    match profile.profile_type() {
        ProfileType::Unconfined => Ok(None),
        ProfileType::RuntimeDefault => Ok(Some(seccomp_default::build(&capabilities::effective(security)?))),
        ProfileType::Localhost => read(profile.localhost_ref.trim_start_matches("localhost/")).map(Some),
    }
}

fn read(path: &str) -> Result<Value> {
    if fs::metadata(path).on("read seccomp profile", path)?.len() > LIMIT {
        return Err(Error::new(format!("read seccomp profile {path}: it is larger than a megabyte")));
    }
    let profile: Value =
        serde_json::from_slice(&fs::read(path).on("read seccomp profile", path)?).on("decode seccomp profile", path)?;
    if profile["defaultAction"].is_string() {
        Ok(profile)
    } else {
        Err(Error::new(format!("seccomp profile {path} has no defaultAction")))
    }
}
