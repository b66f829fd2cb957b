//! PID 1: boot steps as a table, a supervisor, its control socket, shutdown; and the commands that go with it.
//!
//! It is one thread with one loop and never ends: what takes long, speaks TLS or reads strangers' bytes is a child.

mod attributes;
mod bundle;
mod bus;
mod cgroups;
mod clock;
mod coldplug;
mod consoles;
mod control;
mod end;
mod env_file;
mod grace;
mod identity;
mod init;
mod ip_parameter;
mod join;
mod kubelet;
mod limits;
mod log_query;
mod login;
mod machine;
mod mountinfo;
mod mounts;
mod move_tree;
mod netup;
mod report;
mod restore;
mod ring;
mod root;
mod root_size;
mod sasl;
mod service;
mod shutdown;
mod spawn;
mod steps;
mod supervisor;
mod sysctl;
mod walk;

use kit::Applet;
use machine::Machine;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] =
    &[bundle::NAME, coldplug::NAME, end::HALT, init::NAME, netup::NAME, end::POWEROFF, end::REBOOT, end::SHUTDOWN];
