//! Bytes only, no I/O.

pub mod dhcp;
pub mod elf;
pub mod udp4;
