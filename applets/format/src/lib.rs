//! Bytes only, no I/O.

pub mod dhcp;
pub mod dns;
pub mod elf;
pub mod smbios;
pub mod udp4;
