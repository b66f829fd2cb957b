//! SYSAPPEND, formerly IPAPPEND: facts about the machine as words of the command line.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// The machine that boots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its address, the server's, the gateway's, and the network mask.
    pub ip: Option<[Ipv4Addr; 4]>,
    /// The card's hardware address.
    pub mac: Option<[u8; 6]>,
    /// The machine's UUID.
    pub uuid: Option<String>,
    /// Texts of SMBIOS by the name of Linux' file below `/sys/class/dmi/id`.
    pub dmi: Vec<(&'static str, String)>,
}

/// Bits, the words that they stand for, and the files below `/sys/class/dmi/id` that have the text.
pub const DMI: &[(u32, &str, &str)] = &[
    (0x10, "SYSVENDOR", "sys_vendor"),
    (0x20, "SYSPRODUCT", "product_name"),
    (0x40, "SYSVERSION", "product_version"),
    (0x80, "SYSSERIAL", "product_serial"),
    (0x100, "SYSSKU", "product_sku"),
    (0x200, "SYSFAMILY", "product_family"),
    (0x400, "MBVENDOR", "board_vendor"),
    (0x800, "MBPRODUCT", "board_name"),
    (0x1000, "MBVERSION", "board_version"),
    (0x2000, "MBSERIAL", "board_serial"),
    (0x4000, "MBASSET", "board_asset_tag"),
    (0x8000, "BIOSVENDOR", "bios_vendor"),
    (0x1_0000, "BIOSVERSION", "bios_version"),
];

/// Words for the bits of `mask`. A fact that is not known makes no word, as in SYSLINUX; the two
/// about the processor and the chassis (0x8, 0x20000) are never known.
pub fn appended(mask: u32, facts: &Facts) -> Vec<String> {
    let mut words = Vec::new();
    if let Some([own, server, gateway, netmask]) = facts.ip.filter(|_| mask & 1 != 0) {
        words.push(format!("ip={own}:{server}:{gateway}:{netmask}"));
    }
    if let Some(mac) = facts.mac.filter(|_| mask & 2 != 0) {
        words.push(format!("BOOTIF=01-{}", crate::pxe::mac(mac).replace(':', "-")));
    }
    if let Some(uuid) = facts.uuid.as_ref().filter(|_| mask & 4 != 0) {
        words.push(format!("SYSUUID={uuid}"));
    }
    for (bit, name, file) in DMI {
        let text = facts.dmi.iter().find(|(of, _)| of == file).map(|(_, text)| text.trim());
        if let Some(text) = text.filter(|text| mask & bit != 0 && !text.is_empty()) {
            // A word has no spaces; SYSLINUX writes underscores, too.
            words.push(format!("{name}={}", text.replace(char::is_whitespace, "_")));
        }
    }
    words
}
