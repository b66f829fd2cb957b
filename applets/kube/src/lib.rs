//! What ties the node to Kubernetes: the front of kubeadm, and the `systemctl` that kubeadm asks.

mod api;
mod discovery;
mod join;
mod kubeadm;
mod spki;
mod systemctl;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[kubeadm::KUBEADM, systemctl::NAME];
