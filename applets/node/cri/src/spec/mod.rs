//! The OCI runtime specification of a container (`config.json`), from what Kubernetes asks, the image's configuration and the
//! sandbox. One file a section; each is a function without effects, so that a test can hold its answer against the question.

pub mod apparmor;
mod capabilities;
mod devices;
pub mod host;
mod input;
mod mounts;
mod namespaces;
mod process;
mod profile;
mod resources;
mod seccomp;
mod seccomp_default;
mod user;

use kit::{Error, Result};
use serde_json::{Value, json};

pub use input::Input;
pub use process::exec;
pub use resources::limits;
pub use user::{number, resolve as resolve_user};

use cri_api::{LinuxContainerSecurityContext, NamespaceMode};

/// The whole specification. What can't be given is refused: nothing that was asked for is dropped in silence.
pub fn build(input: &Input) -> Result<Value> {
    let security = input.security();
    refuse_unknown(input, &security)?;
    let mounts = mounts::build(input, &security)?;
    let (nodes, rules) = devices::build(&input.config.devices, security.privileged)?;
    let mut linux = json!({
        "cgroupsPath": input.cgroup,
        "namespaces": namespaces::build(input, &security)?,
        "devices": nodes,
        "resources": resources::build(&input.resources(), rules, input.cgroup),
        "rootfsPropagation": mounts.propagation,
    });
    if !security.privileged {
        linux["maskedPaths"] = json!(masked(security.masked_paths.clone(), &host::command_line()));
        linux["readonlyPaths"] = json!(security.readonly_paths);
        if let Some(filter) = seccomp::build(&security)? {
            linux["seccomp"] = filter;
        }
    }
    Ok(json!({
        "ociVersion": "1.2.0",
        "process": process::build(input, &security)?,
        "root": { "path": input.rootfs, "readonly": security.readonly_rootfs },
        "mounts": mounts.list,
        "annotations": annotations(input),
        "linux": linux,
    }))
}

/// Masked paths, which a container does not see: also the kernel's command line, when a cluster's token stands there.
fn masked(mut paths: Vec<String>, command_line: &str) -> Vec<String> {
    if command_line.contains("kutties.join=") {
        paths.push("/proc/cmdline".to_owned());
    }
    paths
}

/// Annotations of a bundle for `crictl ps` and other tools on the node.
fn annotations(input: &Input) -> Value {
    let pod = input.sandbox.config.metadata.clone().unwrap_or_default();
    let name = input.config.metadata.clone().unwrap_or_default().name;
    json!({
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.sandbox-id": input.sandbox.id,
        "io.kubernetes.cri.sandbox-name": pod.name,
        "io.kubernetes.cri.sandbox-namespace": pod.namespace,
        "io.kubernetes.cri.container-name": name,
    })
}

fn refuse_unknown(input: &Input, security: &LinuxContainerSecurityContext) -> Result<()> {
    if !input.config.cdi_devices.is_empty() {
        return Err(Error::new("CDI devices are not implemented yet"));
    }
    if security.selinux_options.is_some() && host::has_selinux() {
        return Err(Error::new("SELinux labels are not implemented yet"));
    }
    let Some(asked) = &security.namespace_options else { return Ok(()) };
    let pods = input.sandbox.namespaces();
    for (kind, asked, pods) in [("network", asked.network(), pods.network()), ("IPC", asked.ipc(), pods.ipc())] {
        // The pod's is whatever the pod has, the host's too.
        if asked != NamespaceMode::Pod && asked != pods {
            let wanted = asked.as_str_name();
            return Err(Error::new(format!(
                "{kind} namespace {wanted}: a container has its pod's, which is {}",
                pods.as_str_name()
            )));
        }
    }
    if asked.userns_options.as_ref().is_some_and(|user| user.mode() != NamespaceMode::Node) {
        return Err(Error::new("user namespaces are not implemented yet"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
