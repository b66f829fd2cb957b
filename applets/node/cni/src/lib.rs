//! The pod network by the Container Network Interface: [`Network`] runs a chain of plugins as libcni does, and the plugins
//! `bridge`, `flannel`, `ptp`, `host-local`, `loopback` and `portmap` are applets, interchangeable with the reference ones.

mod answer;
mod cache;
mod configuration;
mod exec;
mod host_local;
mod ipam;
mod lease;
mod masquerade;
mod network;
mod own;
mod plugin;
mod range;
mod veth;

mod bridge;
mod flannel;
mod loopback;
mod portmap;
mod ptp;

pub use answer::{Answer, Dns, Interface, Ip, Route};
pub use configuration::Network;
pub use network::{Attachment, PortMapping, delete_cached};
pub use own::own_conflist;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[bridge::NAME, flannel::NAME, host_local::NAME, loopback::NAME, portmap::NAME, ptp::NAME];

/// The versions of the specification that we speak, oldest first. Before 0.3 answers had another form.
pub const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// A spec version's rank: its place in [`VERSIONS`], or none when we do not speak it.
pub(crate) fn rank(version: &str) -> Option<usize> {
    VERSIONS.iter().position(|v| *v == version)
}

/// Whether `version` is `least` or newer.
pub(crate) fn at_least(version: &str, least: &str) -> bool {
    rank(version) >= rank(least)
}
