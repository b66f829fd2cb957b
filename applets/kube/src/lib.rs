//! What ties the node to Kubernetes: the front of kubeadm, and the `systemctl` that kubeadm asks.

mod api;
pub mod discovery;
pub mod discovery_file;
pub mod http;
mod join;
pub mod join_configuration;
mod kubeadm;
pub mod kubeconfig;
mod kubelet_files;
mod native;
mod old_node;
mod options;
mod own_ca;
mod patience;
pub mod plan;
mod preflight;
mod resolver;
pub mod spki;
mod systemctl;
mod token;
pub mod yaml;

pub use options::duration;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[native::JOIN, kubeadm::KUBEADM, systemctl::NAME, token::NAME];
