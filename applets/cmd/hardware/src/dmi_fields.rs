//! Fields of SMBIOS structures by type (DMTF DSP0134, chapter 7): place, name and form of each. A field that lies beyond
//! the end of a structure, as older firmware has them, is left out.

use crate::dmi::Structure;
use crate::dmi_form::Form::{Bits, Handle, Other, Text, Word};
use crate::dmi_form::{Field, capacity, listed, set, word};
use crate::{dmi_memory, dmi_processor};

/// Names of the types.
const TITLES: [&str; 44] = [
    "BIOS Information",
    "System Information",
    "Base Board Information",
    "Chassis Information",
    "Processor Information",
    "Memory Controller Information",
    "Memory Module Information",
    "Cache Information",
    "Port Connector Information",
    "System Slot Information",
    "On Board Device Information",
    "OEM Strings",
    "System Configuration Options",
    "BIOS Language Information",
    "Group Associations",
    "System Event Log",
    "Physical Memory Array",
    "Memory Device",
    "32-bit Memory Error Information",
    "Memory Array Mapped Address",
    "Memory Device Mapped Address",
    "Built-in Pointing Device",
    "Portable Battery",
    "System Reset",
    "Hardware Security",
    "System Power Controls",
    "Voltage Probe",
    "Cooling Device",
    "Temperature Probe",
    "Electrical Current Probe",
    "Out-of-band Remote Access",
    "Boot Integrity Services Entry Point",
    "System Boot Information",
    "64-bit Memory Error Information",
    "Management Device",
    "Management Device Component",
    "Management Device Threshold Data",
    "Memory Channel",
    "IPMI Device Information",
    "System Power Supply",
    "Additional Information",
    "Onboard Device",
    "Management Controller Host Interface",
    "TPM Device",
];

/// Name of a type.
pub fn title(kind: u8) -> &'static str {
    match kind {
        127 => "End Of Table",
        128.. => "OEM-specific Type",
        kind => TITLES.get(usize::from(kind)).copied().unwrap_or("Unknown Type"),
    }
}

/// Fields of a type; none for one that is shown in bytes.
pub fn fields(kind: u8) -> Option<&'static [Field]> {
    Some(match kind {
        0 => BIOS,
        1 => SYSTEM,
        2 => BOARD,
        3 => CHASSIS,
        4 => dmi_processor::PROCESSOR,
        7 => dmi_processor::CACHE,
        16 => dmi_memory::ARRAY,
        17 => dmi_memory::DEVICE,
        19 => dmi_memory::MAPPED,
        32 => BOOT,
        127 => &[],
        _ => return None,
    })
}

const BIOS: &[Field] = &[
    (4, "Vendor", Text),
    (5, "Version", Text),
    (8, "Release Date", Text),
    (6, "Address", Other(2, |s| s.word(6).filter(|at| *at != 0).map(|at| format!("0x{at:04X}0")))),
    (6, "Runtime Size", Other(2, |s| s.word(6).filter(|at| *at != 0).map(|at| runtime((0x10000 - u32::from(at)) << 4)))),
    (9, "ROM Size", Other(1, rom_size)),
    (
        0x0a,
        "Characteristics",
        Other(8, |s| {
            let bits = s.quad(0x0a)?;
            let words = if bits & 8 != 0 { vec!["BIOS characteristics not supported"] } else { set(bits >> 4, CHARACTERISTICS) };
            let more = [(0x12, MORE), (0x13, MOST)].into_iter().flat_map(|(at, list)| set(s.byte(at).unwrap_or(0).into(), list));
            Some(listed(words.into_iter().chain(more)))
        }),
    ),
    (0x14, "BIOS Revision", Other(4, |s| version(s, 0x14))),
    (0x16, "Firmware Revision", Other(2, |s| version(s, 0x16))),
];

const CHARACTERISTICS: &[&str] = &[
    "ISA is supported",
    "MCA is supported",
    "EISA is supported",
    "PCI is supported",
    "PC Card (PCMCIA) is supported",
    "PNP is supported",
    "APM is supported",
    "BIOS is upgradeable",
    "BIOS shadowing is allowed",
    "VLB is supported",
    "ESCD support is available",
    "Boot from CD is supported",
    "Selectable boot is supported",
    "BIOS ROM is socketed",
    "Boot from PC Card (PCMCIA) is supported",
    "EDD is supported",
    "Japanese floppy for NEC 9800 1.2 MB is supported (int 13h)",
    "Japanese floppy for Toshiba 1.2 MB is supported (int 13h)",
    "5.25\"/360 kB floppy services are supported (int 13h)",
    "5.25\"/1.2 MB floppy services are supported (int 13h)",
    "3.5\"/720 kB floppy services are supported (int 13h)",
    "3.5\"/2.88 MB floppy services are supported (int 13h)",
    "Print screen service is supported (int 5h)",
    "8042 keyboard services are supported (int 9h)",
    "Serial services are supported (int 14h)",
    "Printer services are supported (int 17h)",
    "CGA/mono video services are supported (int 10h)",
    "NEC PC-98",
];
const MORE: &[&str] = &[
    "ACPI is supported",
    "USB legacy is supported",
    "AGP is supported",
    "I2O boot is supported",
    "LS-120 boot is supported",
    "ATAPI Zip drive boot is supported",
    "IEEE 1394 boot is supported",
    "Smart battery is supported",
];
const MOST: &[&str] = &[
    "BIOS boot specification is supported",
    "Function key-initiated network boot is supported",
    "Targeted content distribution is supported",
    "UEFI is supported",
    "System is a virtual machine",
    "Manufacturing mode is supported",
    "Manufacturing mode is enabled",
];

fn runtime(bytes: u32) -> String {
    if bytes.is_multiple_of(1024) { format!("{} kB", bytes / 1024) } else { format!("{bytes} bytes") }
}

fn rom_size(s: &Structure<'_>) -> Option<String> {
    let size = s.byte(9)?;
    let more = s.word(0x18).filter(|_| size == 0xff);
    Some(match more {
        Some(more) => format!("{} {}", more & 0x3fff, if more & 0x4000 == 0 { "MB" } else { "GB" }),
        None => capacity((u64::from(size) + 1) << 6, 1),
    })
}

fn version(s: &Structure<'_>, at: usize) -> Option<String> {
    let (major, minor) = (s.byte(at)?, s.byte(at + 1)?);
    (major != 0xff && minor != 0xff).then(|| format!("{major}.{minor}"))
}

const SYSTEM: &[Field] = &[
    (4, "Manufacturer", Text),
    (5, "Product Name", Text),
    (6, "Version", Text),
    (7, "Serial Number", Text),
    (8, "UUID", Other(16, uuid)),
    (
        0x18,
        "Wake-up Type",
        Word(
            0,
            &[
                "Reserved",
                "Other",
                "Unknown",
                "APM Timer",
                "Modem Ring",
                "LAN Remote",
                "Power Switch",
                "PCI PME#",
                "AC Power Restored",
            ],
        ),
    ),
    (0x19, "SKU Number", Text),
    (0x1a, "Family", Text),
];

/// UUID in the byte order of version 2.6 and newer, as its text form has it.
fn uuid(s: &Structure<'_>) -> Option<String> {
    let b = s.bytes.get(8..24)?;
    if b.iter().all(|byte| *byte == 0xff) {
        return Some("Not Present".to_owned());
    }
    if b.iter().all(|byte| *byte == 0) {
        return Some("Not Settable".to_owned());
    }
    let order = [&[b[3], b[2], b[1], b[0]][..], &[b[5], b[4]], &[b[7], b[6]], &b[8..10], &b[10..]];
    Some(order.map(kit::hex::encode).join("-"))
}

const BOARD: &[Field] = &[
    (4, "Manufacturer", Text),
    (5, "Product Name", Text),
    (6, "Version", Text),
    (7, "Serial Number", Text),
    (8, "Asset Tag", Text),
    (
        9,
        "Features",
        Bits(&[
            "Board is a hosting board",
            "Board requires at least one daughter board",
            "Board is removable",
            "Board is replaceable",
            "Board is hot swappable",
        ]),
    ),
    (0x0a, "Location In Chassis", Text),
    (0x0b, "Chassis Handle", Handle),
    (
        0x0d,
        "Type",
        Word(
            1,
            &[
                "Unknown",
                "Other",
                "Server Blade",
                "Connectivity Switch",
                "System Management Module",
                "Processor Module",
                "I/O Module",
                "Memory Module",
                "Daughter Board",
                "Motherboard",
                "Processor+Memory Module",
                "Processor+I/O Module",
                "Interconnect Board",
            ],
        ),
    ),
    (0x0e, "Contained Object Handles", Other(1, |s| contained(s, 0x0e, 2))),
];

const STATES: &[&str] = &["Other", "Unknown", "Safe", "Warning", "Critical", "Non-recoverable"];

const CHASSIS: &[Field] = &[
    (4, "Manufacturer", Text),
    (5, "Type", Other(1, |s| Some(word(1, s.byte(5)? & 0x7f, CHASSES)))),
    (5, "Lock", Other(1, |s| Some(if s.byte(5)? & 0x80 == 0 { "Not Present" } else { "Present" }.to_owned()))),
    (6, "Version", Text),
    (7, "Serial Number", Text),
    (8, "Asset Tag", Text),
    (9, "Boot-up State", Word(1, STATES)),
    (0x0a, "Power Supply State", Word(1, STATES)),
    (0x0b, "Thermal State", Word(1, STATES)),
    (
        0x0c,
        "Security Status",
        Word(1, &["Other", "Unknown", "None", "External Interface Locked Out", "External Interface Enabled"]),
    ),
    (0x0d, "OEM Information", Other(4, |s| s.long(0x0d).map(|value| format!("0x{value:08X}")))),
    (0x11, "Height", Other(1, |s| Some(if s.byte(0x11)? == 0 { "Unspecified".into() } else { format!("{} U", s.byte(0x11)?) }))),
    (
        0x12,
        "Number Of Power Cords",
        Other(1, |s| Some(if s.byte(0x12)? == 0 { "Unspecified".into() } else { s.byte(0x12)?.to_string() })),
    ),
    (0x13, "Contained Elements", Other(2, |s| contained(s, 0x13, s.byte(0x14)?.into()))),
    (0x15, "SKU Number", Other(1, |s| s.string(0x15 + usize::from(s.byte(0x13)?) * usize::from(s.byte(0x14)?)))),
];

const CHASSES: &[&str] = &[
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosing",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

/// Number of the things that the structure lists after it, unless the list is cut off.
fn contained(s: &Structure<'_>, at: usize, each: usize) -> Option<String> {
    let count = usize::from(s.byte(at)?);
    (at + 1 + count * each <= s.bytes.len()).then(|| count.to_string())
}

const BOOT: &[Field] = &[(0x0a, "Status", Other(1, |s| Some(boot(s.byte(0x0a)?))))];

fn boot(status: u8) -> String {
    const STATES: &[&str] = &[
        "No errors detected",
        "No bootable media",
        "Operating system failed to load",
        "Firmware-detected hardware failure",
        "Operating system-detected hardware failure",
        "User-requested boot",
        "System security violation",
        "Previously-requested image",
        "System watchdog timer expired",
    ];
    match status {
        128..=191 => "OEM-specific".to_owned(),
        192.. => "Product-specific".to_owned(),
        status => word(0, status, STATES),
    }
}
