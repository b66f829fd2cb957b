//! One machine that is a whole cluster: for measurements.

use std::path::Path;
use std::time::{Duration, Instant};

use kit::Result;

use super::checks::{nodes_ready, system_pods};
use super::{Cluster, Machine, Network, Options, wait};
use crate::appliance::Appliance;
use crate::heartbeat::Heartbeat;
use crate::network::Lab;

/// The pod starts: its image is there.
const POD_TIMEOUT: Duration = Duration::from_mins(3);

/// A machine on which all pods are ready, and the time that it took. Dropping it ends the machine.
pub struct Single {
    cluster: Cluster,
    /// From the moment that QEMU was started until the last pod was ready.
    pub ready: Duration,
}

impl Single {
    /// Runs a script on the machine; what it said.
    ///
    /// # Errors
    /// The script failed.
    pub fn ask(&self, script: &str) -> Result<String> {
        wait(&self.cluster.machines[0], script, POD_TIMEOUT)
    }
}

/// Boots a machine of so many MiB and makes it a cluster of one: init, flannel, no taint, one pod of a person's.
///
/// # Errors
/// A command failed, or something was not ready in time.
pub fn single(lab: &Lab, appliance: &Appliance, name: &str, memory: u32, evidence: Option<&Path>) -> Result<Single> {
    let _beat = Heartbeat::begin("waiting");
    let begun = Instant::now();
    let machines = vec![Machine::boot(lab, appliance, name, super::Role::Single(memory), evidence)?];
    let mut cluster = Cluster { machines, checks: super::Checks::default() };
    cluster.up()?;
    let board = appliance.board.name.clone();
    let (network, check) = (Network::Vxlan, true);
    cluster.make(&Options { board, nodes: 1, control_planes: 1, check, evidence: None, network, verbs: false })?;
    let server = &cluster.machines[0];
    nodes_ready(server, 1)?;
    let image = firmware::test_image::NAME;
    wait(server, &format!("kubectl get pod one || kubectl run one --image={image} -- sleep 100000"), POD_TIMEOUT)?;
    system_pods(server)?;
    wait(server, "kubectl wait --for=condition=Ready pod/one --timeout=20s", POD_TIMEOUT)?;
    Ok(Single { cluster, ready: begun.elapsed() })
}
