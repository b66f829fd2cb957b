//! The CRI server, its monitors, and what both say to each other.

use kit::Applet;

pub mod api;
mod cgroup;
pub mod client;
mod crictl;
mod events;
mod filter;
mod images;
mod life;
mod limits;
mod link;
mod measure;
pub mod monitor;
mod netns;
mod pieces;
mod pulls;
mod rates;
mod rpc;
mod serve;
mod server;
mod service;
mod spec;
mod status;
pub mod step;
mod store;
mod streaming;
mod usage;

pub use crictl::MOVED;
pub use streaming::strangers;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[serve::CRI, crictl::CRICTL, crictl::RUN];
