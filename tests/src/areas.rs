//! Table of all areas and their cases.

use crate::case::Case;
use crate::lane::Lane;
use crate::{
    applets, boot, builds, callers, client, clock, cluster, cni, conformance, cri, disk, image, join, kube, kubelets, media,
    netboot, oci, pods, registry, rpcs, ssh, streaming, survive, update,
};

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

/// Cases that take too long for every time: tried with `--long` alone.
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
