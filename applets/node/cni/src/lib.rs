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
mod version;
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
pub use version::VERSIONS;
pub(crate) use version::{at_least, rank};

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[bridge::NAME, flannel::NAME, host_local::NAME, loopback::NAME, portmap::NAME, ptp::NAME];
