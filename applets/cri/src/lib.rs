//! The CRI server, its monitors, and what both say to each other.

use kit::Applet;

pub mod api;
pub mod monitor;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[];
