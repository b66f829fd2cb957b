//! Fields of SMBIOS structures about memory (DMTF DSP0134, 7.17 to 7.20).

use crate::dmi::Structure;
use crate::dmi_form::Form::{Handle, Measure, Number, Other, Text, Word};
use crate::dmi_form::{Field, capacity, set};

/// Physical memory array.
pub const ARRAY: &[Field] = &[
    (
        4,
        "Location",
        Word(
            1,
            &[
                "Other",
                "Unknown",
                "System Board Or Motherboard",
                "ISA Add-on Card",
                "EISA Add-on Card",
                "PCI Add-on Card",
                "MCA Add-on Card",
                "PCMCIA Add-on Card",
                "Proprietary Add-on Card",
                "NuBus",
            ],
        ),
    ),
    (
        5,
        "Use",
        Word(1, &["Other", "Unknown", "System Memory", "Video Memory", "Flash Memory", "Non-volatile RAM", "Cache Memory"]),
    ),
    (6, "Error Correction Type", Word(1, &["Other", "Unknown", "None", "Parity", "Single-bit ECC", "Multi-bit ECC", "CRC"])),
    (
        7,
        "Maximum Capacity",
        Other(4, |s| {
            Some(match (s.long(7)?, s.quad(0x0f)) {
                (0x8000_0000, None) => "Unknown".to_owned(),
                (0x8000_0000, Some(bytes)) => capacity(bytes, 0),
                (kibibytes, _) => capacity(kibibytes.into(), 1),
            })
        }),
    ),
    (0x0b, "Error Information Handle", Other(2, |s| error(s, 0x0b))),
    (0x0d, "Number Of Devices", Other(2, |s| s.word(0x0d).map(|count| count.to_string()))),
];

fn error(s: &Structure<'_>, at: usize) -> Option<String> {
    Some(match s.word(at)? {
        0xfffe => "Not Provided".to_owned(),
        0xffff => "No Error".to_owned(),
        handle => format!("0x{handle:04X}"),
    })
}

/// Memory device.
pub const DEVICE: &[Field] = &[
    (4, "Array Handle", Handle),
    (6, "Error Information Handle", Other(2, |s| error(s, 6))),
    (8, "Total Width", Other(2, |s| width(s, 8))),
    (0x0a, "Data Width", Other(2, |s| width(s, 0x0a))),
    (0x0c, "Size", Other(2, size)),
    (0x0e, "Form Factor", Word(1, FACTORS)),
    (
        0x0f,
        "Set",
        Other(1, |s| {
            Some(match s.byte(0x0f)? {
                0 => "None".to_owned(),
                0xff => "Unknown".to_owned(),
                set => set.to_string(),
            })
        }),
    ),
    (0x10, "Locator", Text),
    (0x11, "Bank Locator", Text),
    (0x12, "Type", Word(1, KINDS)),
    (0x13, "Type Detail", Other(2, detail)),
    (0x15, "Speed", Measure(" MT/s")),
    (0x17, "Manufacturer", Text),
    (0x18, "Serial Number", Text),
    (0x19, "Asset Tag", Text),
    (0x1a, "Part Number", Text),
    (
        0x1b,
        "Rank",
        Other(1, |s| {
            Some(match s.byte(0x1b)? & 15 {
                0 => "Unknown".to_owned(),
                rank => rank.to_string(),
            })
        }),
    ),
    (0x20, "Configured Memory Speed", Measure(" MT/s")),
    (0x22, "Minimum Voltage", Other(2, |s| volts(s, 0x22))),
    (0x24, "Maximum Voltage", Other(2, |s| volts(s, 0x24))),
    (0x26, "Configured Voltage", Other(2, |s| volts(s, 0x26))),
];

/// Place from which on the fields of a device say nothing where no module is plugged in.
pub const OF_MODULE: usize = 0x15;

const FACTORS: &[&str] = &[
    "Other",
    "Unknown",
    "SIMM",
    "SIP",
    "Chip",
    "DIP",
    "ZIP",
    "Proprietary Card",
    "DIMM",
    "TSOP",
    "Row Of Chips",
    "RIMM",
    "SODIMM",
    "SRIMM",
    "FB-DIMM",
    "Die",
];

const KINDS: &[&str] = &[
    "Other",
    "Unknown",
    "DRAM",
    "EDRAM",
    "VRAM",
    "SRAM",
    "RAM",
    "ROM",
    "Flash",
    "EEPROM",
    "FEPROM",
    "EPROM",
    "CDRAM",
    "3DRAM",
    "SDRAM",
    "SGRAM",
    "RDRAM",
    "DDR",
    "DDR2",
    "DDR2 FB-DIMM",
    "Reserved",
    "Reserved",
    "Reserved",
    "DDR3",
    "FBD2",
    "DDR4",
    "LPDDR",
    "LPDDR2",
    "LPDDR3",
    "LPDDR4",
    "Logical non-volatile device",
    "HBM",
    "HBM2",
    "DDR5",
    "LPDDR5",
];

fn width(s: &Structure<'_>, at: usize) -> Option<String> {
    Some(match s.word(at)? {
        0 | 0xffff => "Unknown".to_owned(),
        bits => format!("{bits} bits"),
    })
}

fn size(s: &Structure<'_>) -> Option<String> {
    Some(match s.word(0x0c)? {
        0 => "No Module Installed".to_owned(),
        0xffff => "Unknown".to_owned(),
        0x7fff => capacity(u64::from(s.long(0x1c)? & 0x7fff_ffff), 2),
        small if small & 0x8000 != 0 => capacity(u64::from(small & 0x7fff), 1),
        mebibytes => capacity(mebibytes.into(), 2),
    })
}

fn detail(s: &Structure<'_>) -> Option<String> {
    const DETAILS: &[&str] = &[
        "",
        "Other",
        "Unknown",
        "Fast-paged",
        "Static Column",
        "Pseudo-static",
        "RAMBus",
        "Synchronous",
        "CMOS",
        "EDO",
        "Window DRAM",
        "Cache DRAM",
        "Non-Volatile",
        "Registered (Buffered)",
        "Unbuffered (Unregistered)",
        "LRDIMM",
    ];
    let words = set(s.word(0x13)?.into(), DETAILS);
    Some(if words.is_empty() { "None".to_owned() } else { words.join(" ") })
}

fn volts(s: &Structure<'_>, at: usize) -> Option<String> {
    Some(match s.word(at)? {
        0 => "Unknown".to_owned(),
        millivolts if millivolts % 100 == 0 => format!("{}.{} V", millivolts / 1000, millivolts % 1000 / 100),
        millivolts => format!("{} V", format!("{}.{:03}", millivolts / 1000, millivolts % 1000).trim_end_matches('0')),
    })
}

/// Memory array mapped address.
pub const MAPPED: &[Field] = &[
    (4, "Starting Address", Other(8, |s| Some(format!("0x{:011X}", bounds(s)?.0)))),
    (8, "Ending Address", Other(4, |s| Some(format!("0x{:011X}", bounds(s)?.1)))),
    (
        4,
        "Range Size",
        Other(8, |s| {
            let (first, last) = bounds(s)?;
            Some(
                last.checked_sub(first)
                    .and_then(|size| size.checked_add(1))
                    .map_or_else(|| "Invalid".to_owned(), |size| capacity(size, 0)),
            )
        }),
    ),
    (0x0c, "Physical Array Handle", Handle),
    (0x0e, "Partition Width", Number),
];

/// First and last byte of the range.
fn bounds(s: &Structure<'_>) -> Option<(u64, u64)> {
    match (s.long(4)?, s.quad(0x0f), s.quad(0x17)) {
        (0xffff_ffff, Some(first), Some(last)) => Some((first, last)),
        (first, ..) => Some((u64::from(first) << 10, u64::from(s.long(8)?) << 10 | 0x3ff)),
    }
}
