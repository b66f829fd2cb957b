//! The CRI server, its monitors, and what both say to each other.

use kit::Applet;

pub mod api;
mod cgroup;
pub mod client;
mod filter;
mod images;
mod life;
mod link;
pub mod monitor;
mod pulls;
mod rpc;
mod serve;
mod server;
mod service;
mod spec;
mod store;
mod streaming;
mod usage;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[serve::CRI];
