//! Bytes only, no I/O; without the standard library, for the firmware's own programs read and write the same formats.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod arp;
pub mod bls;
pub mod crc32;
pub mod dbus;
pub mod dhcp;
pub mod dns;
pub mod elf;
pub mod ext4;
pub mod fat;
pub mod fdt;
pub mod fit;
pub mod fv;
pub mod gpt;
pub mod grub;
pub mod http;
pub mod ipxe;
pub mod iso;
pub mod menu;
pub mod ndp;
pub mod newc;
pub mod ntp;
pub mod pe;
pub mod pxe;
pub mod smbios;
pub mod syslinux;
pub mod tftp;
pub mod udp4;
pub mod zboot;
