//! Lanes: cases that run side by side.

/// Cases that run one after the other, beside those of the other lane.
///
/// Cases that join a machine to the cluster are in one lane: upstream's specs look at all of its
/// nodes. Addresses and ports of the lab's web, time and boot servers are fixed, so that each kind
/// of server is used in one lane alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Machines of the cluster.
    Cluster,
    /// Machines without Kubernetes.
    Alone,
    /// Machines that need both processors: after the other lanes have ended.
    Last,
}
