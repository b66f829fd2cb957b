//! Makes the interface's types and services from `proto/api.proto`, in Rust alone.

use std::error::Error;

/// The messages that the records on disk hold (see `src/store`), and all that is in those.
const KEPT: &[&str] = &[
    "Capability",
    "CDIDevice",
    "ContainerConfig",
    "ContainerMetadata",
    "DNSConfig",
    "Device",
    "HugepageLimit",
    "IDMapping",
    "ImageSpec",
    "Int64Value",
    "KeyValue",
    "LinuxContainerConfig",
    "LinuxContainerResources",
    "LinuxContainerSecurityContext",
    "LinuxContainerUser",
    "LinuxPodSandboxConfig",
    "LinuxSandboxSecurityContext",
    "Mount",
    "NamespaceOption",
    "PodSandboxConfig",
    "PodSandboxMetadata",
    "PortMapping",
    "SELinuxOption",
    "SecurityProfile",
    "UserNamespace",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto/api.proto");
    let files = protox::compile(["proto/api.proto"], ["proto"])?;
    let mut builder = tonic_prost_build::configure();
    for message in KEPT {
        let path = format!(".runtime.v1.{message}");
        builder = builder
            .message_attribute(&path, "#[derive(serde::Serialize, serde::Deserialize)]")
            .message_attribute(&path, "#[serde(default)]");
    }
    builder.build_transport(false).btree_map(".").compile_fds(files)?;
    Ok(())
}
