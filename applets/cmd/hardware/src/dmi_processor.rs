//! Fields of SMBIOS structures about processors and their caches (DMTF DSP0134, 7.5 and 7.8).

use crate::dmi::Structure;
use crate::dmi_form::Form::{Handle, Measure, Other, Text, WideBits, Word};
use crate::dmi_form::{Field, capacity, set, word};

/// Processor.
pub const PROCESSOR: &[Field] = &[
    (4, "Socket Designation", Text),
    (5, "Type", Word(1, &["Other", "Unknown", "Central Processor", "Math Processor", "DSP Processor", "Video Processor"])),
    (6, "Family", Other(1, family)),
    (7, "Manufacturer", Text),
    (8, "ID", Other(8, |s| Some(kit::hex::joined(s.bytes.get(8..16)?, " ").to_uppercase()))),
    (0x10, "Version", Text),
    (0x11, "Voltage", Other(1, voltage)),
    (0x12, "External Clock", Measure(" MHz")),
    (0x14, "Max Speed", Measure(" MHz")),
    (0x16, "Current Speed", Measure(" MHz")),
    (0x18, "Status", Other(1, status)),
    (0x1a, "L1 Cache Handle", Handle),
    (0x1c, "L2 Cache Handle", Handle),
    (0x1e, "L3 Cache Handle", Handle),
    (0x20, "Serial Number", Text),
    (0x21, "Asset Tag", Text),
    (0x22, "Part Number", Text),
    (0x23, "Core Count", Other(1, |s| cores(s, 0x23, 0x2a))),
    (0x24, "Core Enabled", Other(1, |s| cores(s, 0x24, 0x2c))),
    (0x25, "Thread Count", Other(1, |s| cores(s, 0x25, 0x2e))),
    (
        0x26,
        "Characteristics",
        WideBits(&[
            "",
            "",
            "64-bit capable",
            "Multi-Core",
            "Hardware Thread",
            "Execute Protection",
            "Enhanced Virtualization",
            "Power/Performance Control",
            "128-bit Capable",
            "Arm64 SoC ID",
        ]),
    ),
];

/// Family of a processor: those that servers and boards of today have; others by number.
fn family(s: &Structure<'_>) -> Option<String> {
    let number = match s.byte(6)? {
        0xfe => s.word(0x28)?,
        number => number.into(),
    };
    let name = match number {
        1 => "Other",
        2 => "Unknown",
        0x2b => "Atom",
        0x66 => "Athlon X4",
        0x6b => "Zen",
        0xb3 => "Xeon",
        0xbf => "Core 2",
        0xc6 => "Core i7",
        0xcd => "Core i5",
        0xce => "Core i3",
        0xcf => "Core i9",
        0x100 => "ARMv7",
        0x101 => "ARMv8",
        0x102 => "ARMv9",
        0x118 => "ARM",
        number => return Some(format!("{number:#x}")),
    };
    Some(name.to_owned())
}

fn voltage(s: &Structure<'_>) -> Option<String> {
    let code = s.byte(0x11)?;
    if code & 0x80 != 0 {
        return Some(format!("{}.{} V", (code & 0x7f) / 10, (code & 0x7f) % 10));
    }
    let words = set((code & 7).into(), &["5.0 V", "3.3 V", "2.9 V"]);
    Some(if words.is_empty() { "Unknown".to_owned() } else { words.join(" ") })
}

fn status(s: &Structure<'_>) -> Option<String> {
    const STATES: &[&str] =
        &["Unknown", "Enabled", "Disabled By User", "Disabled By BIOS", "Idle", "<OUT OF SPEC>", "<OUT OF SPEC>", "Other"];
    let code = s.byte(0x18)?;
    Some(if code & 0x40 == 0 { "Unpopulated".to_owned() } else { format!("Populated, {}", word(0, code & 7, STATES)) })
}

/// Number of cores or threads; 255 stands for a wider number elsewhere, 0 for none known.
fn cores(s: &Structure<'_>, at: usize, wide: usize) -> Option<String> {
    let count = match s.byte(at)? {
        0xff => s.word(wide).unwrap_or(0xff),
        count => count.into(),
    };
    (count != 0).then(|| count.to_string())
}

/// Cache.
pub const CACHE: &[Field] = &[
    (4, "Socket Designation", Text),
    (
        5,
        "Configuration",
        Other(2, |s| {
            let bits = s.word(5)?;
            let (on, socket) =
                (if bits & 0x80 == 0 { "Disabled" } else { "Enabled" }, if bits & 8 == 0 { "Not Socketed" } else { "Socketed" });
            Some(format!("{on}, {socket}, Level {}", (bits & 7) + 1))
        }),
    ),
    (
        5,
        "Operational Mode",
        Other(2, |s| {
            let modes = &["Write Through", "Write Back", "Varies With Memory Address", "Unknown"];
            Some(word(0, (s.word(5)? >> 8 & 3) as u8, modes))
        }),
    ),
    (
        5,
        "Location",
        Other(2, |s| Some(word(0, (s.word(5)? >> 5 & 3) as u8, &["Internal", "External", "<OUT OF SPEC>", "Unknown"]))),
    ),
    (9, "Installed Size", Other(2, |s| cache_size(s, 9, 0x17))),
    (7, "Maximum Size", Other(2, |s| cache_size(s, 7, 0x13))),
    (0x0b, "Supported SRAM Types", WideBits(SRAM)),
    (
        0x0d,
        "Installed SRAM Type",
        Other(2, |s| {
            let words = set(s.word(0x0d)?.into(), SRAM);
            Some(if words.is_empty() { "None".to_owned() } else { words.join(" ") })
        }),
    ),
    (
        0x0f,
        "Speed",
        Other(1, |s| {
            Some(match s.byte(0x0f)? {
                0 => "Unknown".to_owned(),
                ns => format!("{ns} ns"),
            })
        }),
    ),
    (0x10, "Error Correction Type", Word(1, &["Other", "Unknown", "None", "Parity", "Single-bit ECC", "Multi-bit ECC"])),
    (0x11, "System Type", Word(1, &["Other", "Unknown", "Instruction", "Data", "Unified"])),
    (
        0x12,
        "Associativity",
        Word(
            1,
            &[
                "Other",
                "Unknown",
                "Direct Mapped",
                "2-way Set-associative",
                "4-way Set-associative",
                "Fully Associative",
                "8-way Set-associative",
                "16-way Set-associative",
                "12-way Set-associative",
                "24-way Set-associative",
                "32-way Set-associative",
                "48-way Set-associative",
                "64-way Set-associative",
                "20-way Set-associative",
            ],
        ),
    ),
];

const SRAM: &[&str] = &["Other", "Unknown", "Non-burst", "Burst", "Pipeline Burst", "Synchronous", "Asynchronous"];

/// Size in KiB or, with the highest bit, in units of 64 KiB; 0xffff stands for a wider number elsewhere.
fn cache_size(s: &Structure<'_>, at: usize, wide: usize) -> Option<String> {
    let (code, top) = match (s.word(at)?, s.long(wide)) {
        (0xffff, Some(code)) => (u64::from(code), 31),
        (code, _) => (u64::from(code), 15),
    };
    let (large, size) = (code >> top & 1 != 0, code & !(1 << top));
    Some(capacity(if large { size << 6 } else { size }, 1))
}
