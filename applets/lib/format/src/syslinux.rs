//! SYSLINUX's configurations, as EXTLINUX, ISOLINUX, PXELINUX and U-Boot's "distro boot" read them.
//!
//! Each label is an entry, also one that can't be started here (a COM32 module, a boot sector):
//! defaults name labels, and nothing takes the place of the one that they name.

mod append;
mod default;
mod entry;
mod read;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::menu::Menu;

pub use append::{DMI, Facts, appended};

/// The program that the configuration is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// SYSLINUX, ISOLINUX, PXELINUX: without a default they wait.
    Syslinux,
    /// EXTLINUX's file, which U-Boot reads, too: without a default it takes the first entry.
    Extlinux,
}

/// Read a configuration. `include` gives the text of another file.
pub fn parse(text: &str, reader: Reader, include: &mut dyn FnMut(&str) -> Option<String>) -> Menu {
    read::parse(text, reader, include)
}

/// The configurations that PXELINUX looks for, best first, below `pxelinux.cfg/`.
pub fn pxelinux_names(uuid: Option<&str>, mac: [u8; 6], address: core::net::Ipv4Addr) -> Vec<String> {
    let mut names: Vec<String> = uuid.map(ToString::to_string).into_iter().collect();
    names.push(alloc::format!("01-{}", crate::pxe::mac(mac).replace(':', "-")));
    let hex = alloc::format!("{:08X}", address.to_bits());
    names.extend((1..=hex.len()).rev().map(|len| hex[..len].to_string()));
    names.push("default".to_string());
    names
}

#[cfg(test)]
mod tests;
