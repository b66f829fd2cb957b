//! Commands that show the machine and work its parts.

mod attribute;
mod caches;
mod classes;
mod columns;
mod cpu;
mod cpu_model;
mod cpu_summary;
mod devmem;
mod dmi;
mod dmi_fields;
mod dmi_form;
mod dmi_memory;
mod dmi_processor;
mod dmidecode;
mod efi_entry;
mod efi_path;
mod efi_store;
mod efibootmgr;
mod efivar;
mod elf;
mod elf_dynamic;
mod elf_headers;
mod elf_symbols;
mod elf_versions;
mod elf_words;
mod flash;
mod flash_erase;
mod flashcp;
mod hwclock;
mod i2cdetect;
mod ids;
mod lscpu;
mod lsmem;
mod lspci;
mod lsusb;
mod mtdinfo;
mod nanddump;
mod output;
mod pci;
mod pci_detail;
mod pci_label;
mod pci_tree;
mod readelf;
mod usb;
mod usb_descriptor;
mod usb_tree;
mod watchdog;

use kit::Applet;

/// Parsers of bytes that come from elsewhere, for the fuzzer: each takes anything.
pub mod fuzz {
    pub use crate::dmidecode::any as smbios;
    pub use crate::efibootmgr::any as load_option;
    pub use crate::readelf::any as elf;
}

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    devmem::DEVMEM,
    dmidecode::DMIDECODE,
    efibootmgr::EFIBOOTMGR,
    efivar::EFIVAR,
    flash_erase::FLASH_ERASE,
    flashcp::FLASHCP,
    hwclock::HWCLOCK,
    i2cdetect::I2CDETECT,
    lscpu::LSCPU,
    lsmem::LSMEM,
    lspci::LSPCI,
    lsusb::LSUSB,
    mtdinfo::MTDINFO,
    nanddump::NANDDUMP,
    readelf::READELF,
    watchdog::WATCHDOG,
];
