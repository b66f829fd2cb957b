//! The CRI server, its monitors, and what both say to each other.

use kit::Applet;

pub mod api;
mod cgroup;
pub mod client;
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
mod rates;
mod rpc;
mod serve;
mod server;
mod service;
mod signal;
mod spec;
mod store;
mod usage;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[serve::CRI];
