//! The segment that makes a machine a certain node: the same on both sides but for the name of the socket that is asked.

use std::path::{Path, PathBuf};

use kit::{Context, Result};
use lab::control_plane::ControlPlane;
use lab::segment;

/// Path of the prober, and of its orders; `tests/agent/src/bin/cri-probe.rs` says the same.
pub const PROBER: &str = "/usr/lib/kutties-test/cri-probe";
const ORDERS: &str = "/usr/lib/kutties-test/cri-probe.orders";

/// The prober with its orders.
pub fn prober(program: &Path, nonce: &str, socket: &str, to: &Path) -> Result<PathBuf> {
    let program = std::fs::read(program).on("read", program)?;
    let orders = format!("{nonce}\n{socket}\n");
    segment::files(to, &[(PROBER, &program), (ORDERS, orders.as_bytes())])
}

/// Makes the segment that lets a kubelet join without kubeadm.
pub fn identity(plane: &ControlPlane, to: &Path) -> Result<PathBuf> {
    let (bootstrap, ca, config) = (plane.bootstrap_kubeconfig()?, plane.ca()?, plane.kubelet_config()?);
    let files: [(&str, &[u8]); 3] = [
        ("/etc/kubernetes/bootstrap-kubelet.conf", bootstrap.as_bytes()),
        ("/etc/kubernetes/pki/ca.crt", ca.as_bytes()),
        ("/var/lib/kubelet/config.yaml", config.as_bytes()),
    ];
    segment::files(to, &files)
}
