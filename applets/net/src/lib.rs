//! The commands of the network.

use kit::Applet;

mod dhclient;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[dhclient::NAME];
