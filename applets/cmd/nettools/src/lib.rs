//! Commands that look at the network and talk over it. One file a command.

mod address;
mod arping;
mod httpd;
mod ss;
mod telnet;
mod tftp;
mod traceroute;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[arping::ARPING, httpd::HTTPD, ss::SS, telnet::TELNET, tftp::TFTP, traceroute::TRACEROUTE];
