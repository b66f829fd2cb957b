//! Preparation of a node for specs.

use std::time::Duration;

use kit::{Error, Result};
use lab::control_plane::ControlPlane;
use lab::guest::Guest;
use lab::registry::Registry;
use lab::{tool, until};

/// The controller gives a node its range of addresses at once; a busy machine gets more.
const RANGE: Duration = Duration::from_mins(1);

/// Makes the lab's registry the node's mirror of another, such as [`crate::images::UPSTREAM`].
pub fn mirror(guest: &Guest, of: &str) -> Result<()> {
    let text = format!("[host.\"http://{}\"]\ncapabilities = [\"pull\", \"resolve\"]\n", Registry::plain());
    guest.write(&hosts(of), text.as_bytes(), 0o644)
}

/// Takes the mirror away.
pub fn no_mirror(guest: &Guest, of: &str) -> Result<()> {
    guest.run(&["/bin/rm", "-f", &hosts(of)]).map(drop)
}

fn hosts(of: &str) -> String {
    format!("/etc/containerd/certs.d/{of}/hosts.toml")
}

/// Leads the way to the node's pods: the API server reaches some of them itself, when it is asked to be a proxy.
pub fn route(plane: &ControlPlane, name: &str, address: std::net::Ipv4Addr) -> Result<()> {
    let range = until(RANGE, || {
        let range = plane.ask(&["get", "node", name, "-o", "jsonpath={.spec.podCIDR}"])?;
        if range.is_empty() { Err(Error::new(format!("node {name} has no range of addresses"))) } else { Ok(range) }
    })?;
    tool::run("ip", &["route", "replace", &range, "via", &address.to_string()]).map(drop)
}
