//! The UEFI program in front of `kutties.efi`: it hands the kernel its command line and initramfs, and starts it.
//!
//! The builder puts the parts into sections of this very program (`.linux`, `.cmdline`, `.initrd`), as the UAPI group's
//! "Unified Kernel Image" describes it. The firmware has loaded all of them into memory when it starts us. In flash they lie in a
//! firmware volume instead, and a section (`.flash`) says where.
#![cfg_attr(target_os = "uefi", no_std, no_main)]
// The place beside applets/lib/sys where it may stand: protocols of the firmware are pointers.
#![cfg_attr(target_os = "uefi", expect(unsafe_code, reason = "protocols of the firmware are pointers"))]

#[cfg(target_os = "uefi")]
extern crate alloc;

#[cfg(target_os = "uefi")]
mod flash;
#[cfg(target_os = "uefi")]
mod initrd;
#[cfg(target_os = "uefi")]
mod parts;
#[cfg(target_os = "uefi")]
mod start;

/// Cargo builds every member for the machine it runs on; there this is no program.
#[cfg(not(target_os = "uefi"))]
fn main() {}
