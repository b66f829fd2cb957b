//! The commands of the network.

use kit::Applet;

mod dhclient;
mod ip;
mod nc;
mod netboot;
mod nslookup;
mod ntp;
mod ping;
mod sshd;
mod wget;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] =
    &[dhclient::NAME, ip::NAME, nc::NAME, netboot::NAME, nslookup::NAME, ntp::NAME, ping::NAME, sshd::NAME, wget::NAME];
