//! The CRI server, its monitors, and what both say to each other.

use kit::Applet;

pub mod api;
mod cgroup;
mod cli;
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

pub use streaming::strangers;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[
    cli::ATTACH,
    serve::CRI,
    cli::EVENTS,
    cli::EXEC,
    cli::IMAGES,
    cli::INFO,
    cli::INSPECT,
    cli::INSPECTP,
    cli::LOGS,
    cli::PODS,
    cli::PS,
    cli::PULL,
    cli::RM,
    cli::RMI,
    cli::RMP,
    cli::RUN,
    cli::STATS,
    cli::STOP,
    cli::STOPP,
    cli::VERSION,
];
