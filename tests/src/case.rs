//! What a case is, and the table of all.

use crate::world::World;
use crate::{
    applets, boot, builds, callers, client, clock, cluster, cni, conformance, cri, disk, image, join, kube, kubelets, media,
    netboot, oci, pods, registry, rpcs, ssh, streaming, survive, update,
};

/// Why a case did not pass.
pub enum Failure {
    /// It does not hold: the evidence.
    Failed(String),
    /// It can't be tried here: why. Allowed only for what is listed in `skips.toml`.
    Skipped(String),
}

impl From<kit::Error> for Failure {
    fn from(e: kit::Error) -> Self {
        Self::Failed(e.to_string())
    }
}

/// How a case ends.
pub type Outcome = Result<(), Failure>;

/// Something that must hold. Its function gets the world and the board.
pub struct Case {
    /// Unique within its area.
    pub name: &'static str,
    /// The boards on which it must hold.
    pub boards: &'static [&'static str],
    /// Tries it.
    pub run: fn(&mut World, &str) -> Outcome,
}

/// Both architectures.
pub const BOTH: &[&str] = &["x86_64-qemu", "aarch64-qemu"];
/// Where one architecture says as much as two.
pub const X86: &[&str] = &["x86_64-qemu"];

/// What x86 does not have.
pub const ARM: &[&str] = &["aarch64-qemu"];

/// Cases that run one after the other, beside those of the other lane.
///
/// What joins a machine to the cluster is in one lane: upstream's specs look at all of its nodes. Addresses and ports
/// of the lab's web, time and boot servers are fixed, so that each kind of server is used in one lane alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Machines of the cluster.
    Cluster,
    /// Machines without Kubernetes.
    Alone,
    /// Machines that need both processors: after the other lanes have ended.
    Last,
}

/// Every area with its lane and its cases, in the order in which they run on a board: what wears the warm machines out comes last.
pub const AREAS: &[(&str, Lane, &[Case])] = &[
    ("boot", Lane::Alone, boot::CASES),
    ("applets", Lane::Alone, applets::CASES),
    ("oci", Lane::Alone, oci::CASES),
    ("image", Lane::Alone, image::CASES),
    ("registry", Lane::Cluster, registry::CASES),
    ("kube", Lane::Cluster, kube::CASES),
    ("pods", Lane::Cluster, pods::CASES),
    ("rpcs", Lane::Cluster, rpcs::CASES),
    ("client", Lane::Cluster, client::CASES),
    ("cni", Lane::Cluster, cni::CASES),
    ("cri", Lane::Cluster, cri::CASES),
    ("conformance", Lane::Cluster, conformance::CASES),
    ("streaming", Lane::Cluster, streaming::CASES),
    ("survive", Lane::Alone, survive::CASES),
    ("clock", Lane::Alone, clock::CASES),
    ("ssh", Lane::Alone, ssh::CASES),
    ("disk", Lane::Alone, disk::CASES),
    ("update", Lane::Cluster, update::CASES),
    ("join", Lane::Cluster, join::CASES),
    ("media", Lane::Alone, media::CASES),
    ("end", Lane::Alone, boot::END_CASES),
    // kubeadm init waits a minute for its API server, which is too short beside other lanes.
    ("cluster", Lane::Last, cluster::CASES),
];

/// Areas of whose cases one takes its turn at each commit, beside those that are always tried.
/// `make boot-matrix` and `make soak` try all.
pub const ROTATING: &[(&str, &[&str])] = &[("media/", &["disk-by-uefi", "fit-by-u-boot"])];

/// What takes too long for every time: tried with `--long` alone.
pub const LONG_AREAS: &[(&str, Lane, &[Case])] = &[
    ("soak", Lane::Cluster, streaming::LONG_CASES),
    ("pods", Lane::Cluster, pods::LONG_CASES),
    ("survive", Lane::Alone, survive::LONG_CASES),
    ("join", Lane::Cluster, join::LONG_CASES),
    ("kubelets", Lane::Cluster, kubelets::LONG_CASES),
    ("callers", Lane::Alone, callers::CASES),
    ("disk", Lane::Cluster, disk::LONG_CASES),
    ("media", Lane::Cluster, media::LONG_CASES),
    ("builds", Lane::Alone, builds::LONG_CASES),
    ("update", Lane::Cluster, update::LONG_CASES),
    ("netboot", Lane::Cluster, netboot::CASES),
    ("cluster", Lane::Last, cluster::LONG_CASES),
];

/// Fail with these words unless `holds`.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::Failed(otherwise())) }
}
