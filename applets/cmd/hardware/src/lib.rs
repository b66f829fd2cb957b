//! Commands that show the machine and work its parts.

mod attribute;
mod classes;
mod ids;
mod lspci;
mod pci;
mod pci_detail;
mod pci_label;
mod pci_tree;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[lspci::LSPCI];
