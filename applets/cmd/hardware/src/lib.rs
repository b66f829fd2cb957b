//! Commands that show the machine and work its parts.

mod attribute;
mod classes;
mod columns;
mod cpu;
mod cpu_model;
mod cpu_summary;
mod ids;
mod lscpu;
mod lsmem;
mod lspci;
mod pci;
mod pci_detail;
mod pci_label;
mod pci_tree;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[lscpu::LSCPU, lsmem::LSMEM, lspci::LSPCI];
