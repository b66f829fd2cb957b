//! Records of sandboxes and containers: the interface's own messages, and our additions.

use serde::{Deserialize, Serialize};

use cri_api::{ContainerConfig, LinuxContainerUser, NamespaceMode, NamespaceOption, PodSandboxConfig, PodSandboxMetadata};
use monitor::wire::Exit;

/// The parent of the cgroups of monitors and of pods that name no parent cgroup.
pub const OWN_CGROUPS: &str = "/kutties/pods";
/// A name of a cgroup has at most 255 bytes; Kubernetes' uids have 36.
const UID_LIMIT: usize = 63;

/// A pod sandbox.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The whole request.
    pub config: PodSandboxConfig,
    /// The runtime handler that was asked for.
    pub handler: String,
    /// Its phase.
    pub phase: SandboxPhase,
    /// Time of the request, in nanoseconds since 1970.
    pub created_at: i64,
    /// Its addresses, the first one is the one that Kubernetes shows.
    pub ips: Vec<String>,
    /// The network's plugins were called for it and have not been called to undo that.
    pub networked: bool,
    /// Ranges of the bridge that we made, when it is on that (`10.244.1.0/24`, one a family, commas between); else empty.
    #[serde(default)]
    pub own_ranges: String,
    /// That bridge has other ranges now, or another network has taken its place: the kubelet shall make the pod anew.
    #[serde(default)]
    pub displaced: bool,
    /// The cgroup of its containers' cgroups, below the hierarchy's root.
    pub cgroup: String,
    /// That cgroup was made by us and goes with the sandbox.
    pub own_cgroup: bool,
}

/// Phase of a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SandboxPhase {
    /// Being made: a server that finds this at its start undoes it.
    #[default]
    Making,
    /// Its monitor lives.
    Ready,
    /// Stopped, or its monitor died.
    Stopped,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its sandbox's id.
    pub sandbox: String,
    /// The whole request.
    pub config: ContainerConfig,
    /// Its phase; [`Container::exit`] goes before.
    pub phase: ContainerPhase,
    /// Time of the request, in nanoseconds since 1970.
    pub created_at: i64,
    /// Time of its start, in nanoseconds since 1970; 0 before.
    pub started_at: i64,
    /// Its exit, once it has ended.
    pub exit: Option<Exit>,
    /// Reason of its end, where the exit itself does not say it.
    pub reason: String,
    /// The sentence for a person that goes with the reason.
    pub message: String,
    /// The image's id.
    pub image_id: String,
    /// The image's digest reference where it has one, else its id.
    pub image_ref: String,
    /// Its log file, or empty.
    pub log_path: String,
    /// Its cgroup below the hierarchy's root.
    pub cgroup: String,
    /// User and groups of its first process.
    pub user: LinuxContainerUser,
    /// The number of the signal that asks it to stop.
    pub stop_signal: i32,
}

/// Phase of a container, as long as it has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerPhase {
    /// Being made: a server that finds this at its start undoes it.
    #[default]
    Making,
    /// Made, waits for its start.
    Created,
    /// Started.
    Started,
}

impl Sandbox {
    /// Its name, by which a second request for the same sandbox is known.
    pub fn name(&self) -> String {
        sandbox_name(&self.config.metadata.clone().unwrap_or_default())
    }

    /// The namespaces that were asked for.
    pub fn namespaces(&self) -> NamespaceOption {
        let linux = self.config.linux.clone().unwrap_or_default();
        linux.security_context.and_then(|context| context.namespace_options).unwrap_or_default()
    }

    /// The name that its containers see: the host's when it has none of its own.
    pub fn hostname(&self) -> String {
        let of_host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        if self.config.hostname.is_empty() { of_host() } else { self.config.hostname.clone() }
    }

    /// Tells if it is on our bridge and new pods are not, or on other ranges; `now` is those ranges, empty for another's network.
    pub fn is_displaced_by(&self, now: &str) -> bool {
        !self.own_ranges.is_empty() && !self.displaced && self.own_ranges != now
    }

    /// It shares the host's network.
    pub fn on_host_network(&self) -> bool {
        self.namespaces().network() == NamespaceMode::Node
    }

    /// Its containers share a PID namespace, which is the pod's own.
    pub fn shares_pids(&self) -> bool {
        self.namespaces().pid() == NamespaceMode::Pod
    }

    /// The cgroup of the process that holds the shared PID namespace.
    pub fn init_cgroup(&self) -> String {
        format!("{}/{}", self.cgroup, self.id)
    }

    /// Names for the cgroup of its monitor, beside the pod's own: the pod's uid where that is a name, and one that no other sandbox has.
    pub fn monitor_cgroups(&self) -> Vec<String> {
        let uid = self.config.metadata.as_ref().map(|metadata| metadata.uid.as_str()).unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let names = (!uid.is_empty() && uid.len() <= UID_LIMIT && uid.bytes().all(plain)).then(|| uid.to_owned());
        names.into_iter().chain([format!("monitor-{}", self.id)]).map(|name| format!("{OWN_CGROUPS}/{name}")).collect()
    }

    /// It shares the host's IPC objects.
    pub fn on_host_ipc(&self) -> bool {
        self.namespaces().ipc() == NamespaceMode::Node
    }
}

impl Container {
    /// Its name within its sandbox, by which a second request for the same container is known.
    pub fn name(&self) -> String {
        container_name(&self.sandbox, &self.config)
    }

    /// Tells if it is started and has not ended.
    pub fn is_running(&self) -> bool {
        self.exit.is_none() && self.phase == ContainerPhase::Started
    }
}

/// The name of a sandbox: kubelet counts attempts, so that a request that it repeats has the same name.
pub fn sandbox_name(metadata: &PodSandboxMetadata) -> String {
    format!("{}_{}_{}_{}", metadata.name, metadata.namespace, metadata.uid, metadata.attempt)
}

/// The name of a container of that sandbox.
pub fn container_name(sandbox: &str, config: &ContainerConfig) -> String {
    let metadata = config.metadata.clone().unwrap_or_default();
    format!("{sandbox}_{}_{}", metadata.name, metadata.attempt)
}
