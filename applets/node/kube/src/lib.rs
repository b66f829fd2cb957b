//! Ties of the node to Kubernetes: the front of kubeadm, the `systemctl` that kubeadm asks, backups of
//! a control plane, and the address that several share.

pub mod age;
mod api;
pub mod backup;
pub mod discovery;
pub mod discovery_file;
mod duration;
mod endpoint;
pub mod http;
mod http_stream;
mod init_check;
mod join;
pub mod join_configuration;
mod kubeadm;
pub mod kubeconfig;
mod kubelet_files;
mod native;
mod options;
mod own_ca;
pub mod plan;
mod preflight;
mod ready;
mod resolver;
pub mod restore;
mod retry;
pub mod spki;
mod stale_node;
mod systemctl;
mod time;
mod token;
mod vip;
pub mod yaml;

pub use duration::duration;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] =
    &[backup::NAME, native::JOIN, kubeadm::KUBEADM, restore::NAME, systemctl::NAME, token::NAME, vip::VIP];
