//! The commands of the network.

use kit::Applet;

mod dhclient;
mod ip;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[dhclient::NAME, ip::NAME];
