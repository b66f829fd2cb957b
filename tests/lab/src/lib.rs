//! The lab: private networks, control planes and virtual machines for tests, and for `make run`.

pub mod appliance;
pub mod busybox;
pub mod cluster;
pub mod console;
pub mod control_plane;
pub mod debian;
pub mod flash;
pub mod guest;
mod heartbeat;
mod initrd;
pub mod layout;
pub mod namespace;
pub mod netboot;
pub mod network;
pub mod nfs;
mod nonce;
pub mod phase;
mod plain;
mod qemu;
mod qmp;
pub mod registry;
pub mod run;
pub mod segment;
mod service;
mod socket;
mod terminal;
pub mod test_image;
pub mod time;
pub mod tool;
mod until;
pub mod verdict;
pub mod vm;
pub mod web;

pub use nonce::nonce;
pub use until::until;
