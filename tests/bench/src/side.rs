//! The two sides of the comparison, and what differs between them.

use std::fmt;
use std::path::PathBuf;

use lab::appliance::Appliance;

use crate::hand_made;

/// Appliance that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    /// kutties.
    Ours,
    /// busybox, containerd, runc and a shell script.
    HandMade,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "ours",
            Self::HandMade => "hand-made",
        })
    }
}

impl Side {
    /// In the order in which they boot.
    pub const BOTH: [Self; 2] = [Self::HandMade, Self::Ours];

    /// For file and node names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::HandMade => "hand-made",
        }
    }

    /// The segment that is this side's own: programs, init, configuration.
    pub fn core(self, appliance: &Appliance) -> PathBuf {
        match self {
            Self::Ours => appliance.core(),
            Self::HandMade => hand_made::segment(appliance),
        }
    }

    /// The segment with the Kubernetes bundle `worker` or `node`: the same programs, as a file system in ours, as plain files in the other.
    pub fn kube(self, appliance: &Appliance, variant: &str) -> PathBuf {
        match self {
            Self::Ours if variant == "worker" => appliance.kube_worker(),
            Self::Ours => appliance.kube_node(),
            Self::HandMade => hand_made::kube(appliance, variant),
        }
    }

    /// A worker's segments without kernel and test image.
    pub fn worker(self, appliance: &Appliance) -> Vec<PathBuf> {
        vec![self.core(appliance), appliance.modules(), self.kube(appliance, "worker")]
    }

    /// The CRI server's socket.
    pub const fn socket(self) -> &'static str {
        match self {
            Self::Ours => "/run/kutties/cri.sock",
            Self::HandMade => "/run/containerd/containerd.sock",
        }
    }

    /// The join line's words.
    pub fn join(self, line: &str) -> Vec<String> {
        let front = match self {
            Self::Ours => Some("/bin/kutties"),
            Self::HandMade => None,
        };
        front.into_iter().chain(line.split(' ')).map(str::to_owned).collect()
    }

    /// Tells if a process is the runtime's server.
    pub fn is_server(self, comm: &str, cgroup: &str) -> bool {
        match self {
            Self::Ours => cgroup.starts_with("/kutties/services/cri"),
            Self::HandMade => comm == "containerd",
        }
    }

    /// Tells if a process belongs to the container runtime: the server and the processes that it
    /// leaves beside each pod.
    pub fn is_runtime(self, comm: &str, cgroup: &str) -> bool {
        match self {
            Self::Ours => {
                ["/kutties/services/cri", "/kutties/monitors", "/kutties/pods"].iter().any(|group| cgroup.starts_with(group))
            }
            Self::HandMade => comm.starts_with("containerd"),
        }
    }
}
