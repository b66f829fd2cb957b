//! An OCI runtime over libcontainer with runc's command line; one file a verb. See README.md.

mod cgroup;
mod check;
mod checkpoint;
mod config;
mod console;
mod context;
mod copyup;
mod create;
mod delete;
mod devices;
mod directory;
mod errors;
mod events;
mod exec;
mod features;
mod hooks;
mod keyring;
mod kill;
mod launch;
mod list;
mod oci;
mod pause;
mod ps;
mod resources;
mod resume;
mod rootfs;
mod run;
mod seccomp;
mod spec;
mod start;
mod state;
mod stats;
mod trace;
mod update;
mod wait;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[oci::NAME];
