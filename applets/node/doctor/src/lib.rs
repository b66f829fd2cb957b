//! Commands that show how the node is, and how its boot went.

mod boot_chart;
mod boot_log;
mod certificate;
mod checks;
mod doctor;
mod finding;
mod node;
mod screen;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[boot_chart::BOOT_CHART, doctor::DOCTOR, screen::SCREEN];
