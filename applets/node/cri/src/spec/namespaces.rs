//! Namespaces: the pod's by path, the container's own, or the host's by leaving them out.

use kit::{Error, Result};
use serde_json::{Value, json};

use super::input::Input;
use cri_api::{LinuxContainerSecurityContext, NamespaceMode};
use monitor::wire;

/// The list of the namespaces that differ from the host's.
pub fn build(input: &Input, security: &LinuxContainerSecurityContext) -> Result<Vec<Value>> {
    let options = security.namespace_options.clone().unwrap_or_else(|| input.sandbox.namespaces());
    let mut list = vec![json!({ "type": "mount" })];
    let pods = |kind: &str, name: &str| json!({ "type": kind, "path": wire::namespace(input.dir, name) });
    if !input.sandbox.on_host_network() {
        list.push(pods("network", "net"));
        list.push(pods("uts", "uts"));
    }
    if !input.sandbox.on_host_ipc() {
        list.push(pods("ipc", "ipc"));
    }
    match (options.pid(), input.target) {
        (NamespaceMode::Container, _) => list.push(json!({ "type": "pid" })),
        (NamespaceMode::Node, _) => {}
        (NamespaceMode::Pod, _) if input.sandbox.namespaces().pid() == NamespaceMode::Node => {}
        (NamespaceMode::Target, Some(pid)) => list.push(json!({ "type": "pid", "path": format!("/proc/{pid}/ns/pid") })),
        (NamespaceMode::Target, None) => return Err(Error::new("join a container's PID namespace: it does not run")),
        (NamespaceMode::Pod, _) if input.sandbox.shares_pids() => list.push(pods("pid", "pid")),
        (NamespaceMode::Pod, _) => return Err(Error::new("the pod's containers share no PID namespace")),
    }
    if !security.privileged {
        list.push(json!({ "type": "cgroup" }));
    }
    Ok(list)
}
