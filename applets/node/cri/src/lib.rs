//! The CRI server.

use kit::Applet;

mod cgroup;
mod events;
mod filter;
mod id;
mod images;
mod life;
mod limits;
mod link;
mod measure;
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
mod task;
mod turns;
mod usage;

pub use streaming::fuzz;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[serve::CRI];
