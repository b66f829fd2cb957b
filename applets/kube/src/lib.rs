//! What ties the node to Kubernetes: the front of kubeadm, and the `systemctl` that kubeadm asks.

mod api;
mod discovery;
mod discovery_file;
mod http;
mod join;
mod join_configuration;
mod kubeadm;
mod kubeconfig;
mod kubelet_files;
mod native;
mod old_node;
mod options;
mod patience;
mod plan;
mod preflight;
mod spki;
mod systemctl;
mod yaml;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[native::JOIN, kubeadm::KUBEADM, systemctl::NAME];
