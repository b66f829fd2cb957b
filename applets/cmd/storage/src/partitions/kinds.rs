//! Types of partitions: their numbers, names and shortcuts.

use disk::signature::uuid_text;

/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of an MBR.
    Byte(u8),
    /// Of a GPT, as it lies on the disk.
    Guid([u8; 16]),
}

/// Types of an MBR.
pub const BYTES: &[(u8, &str)] = &[
    (0x00, "Empty"),
    (0x01, "FAT12"),
    (0x04, "FAT16 <32M"),
    (0x05, "Extended"),
    (0x06, "FAT16"),
    (0x07, "HPFS/NTFS/exFAT"),
    (0x0b, "W95 FAT32"),
    (0x0c, "W95 FAT32 (LBA)"),
    (0x0e, "W95 FAT16 (LBA)"),
    (0x0f, "W95 Ext'd (LBA)"),
    (0x27, "Hidden NTFS WinRE"),
    (0x82, "Linux swap / Solaris"),
    (0x83, "Linux"),
    (0x85, "Linux extended"),
    (0x8e, "Linux LVM"),
    (0xa5, "FreeBSD"),
    (0xa6, "OpenBSD"),
    (0xa9, "NetBSD"),
    (0xda, "Non-FS data"),
    (0xea, "Linux extended boot"),
    (0xee, "GPT"),
    (0xef, "EFI (FAT-12/16/32)"),
    (0xfd, "Linux raid autodetect"),
];

/// Types of a GPT.
pub const GUIDS: &[(&str, &str)] = &[
    ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "EFI System"),
    ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", "Linux filesystem"),
    ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "Linux swap"),
    ("E6D6D379-F507-44C2-A23C-238F2A3DF928", "Linux LVM"),
    ("A19D880F-05FC-4D3B-A006-743F0F84911E", "Linux RAID"),
    ("933AC7E1-2EB4-4F13-B844-0E14E2AEF915", "Linux home"),
    ("3B8F8425-20E0-4F3B-907F-1A25A76F98E8", "Linux server data"),
    ("4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "Linux root (x86-64)"),
    ("B921B045-1DF0-41C3-AF44-4C6F280D3FAE", "Linux root (ARM-64)"),
    ("8DA63339-0007-60C0-C436-083AC8230908", "Linux reserved"),
    ("BC13C2FF-59E6-4262-A352-B275FD6F7172", "Linux extended boot"),
    ("21686148-6449-6E6F-744E-656564454649", "BIOS boot"),
    ("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "Microsoft basic data"),
    ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "Microsoft reserved"),
    ("024DEE41-33E7-11D3-9D69-0008C781F39F", "MBR partition scheme"),
    ("9E1A2D38-C612-4316-AA26-8B49521E5A8B", "PowerPC PReP boot"),
];

/// Letters that stand for a type: MBR's and GPT's.
const SHORT: &[(&str, u8, usize)] = &[
    ("L", 0x83, 1),
    ("S", 0x82, 2),
    ("E", 0x05, usize::MAX),
    ("X", 0x85, usize::MAX),
    ("U", 0xef, 0),
    ("R", 0xfd, 4),
    ("V", 0x8e, 3),
];
const LONG: &[(&str, &str)] = &[("linux", "L"), ("swap", "S"), ("extended", "E"), ("uefi", "U"), ("raid", "R"), ("lvm", "V")];

impl Kind {
    /// The type of Linux's file systems.
    pub const fn linux(is_gpt: bool) -> Self {
        if is_gpt { Self::Guid(format::gpt::LINUX.0) } else { Self::Byte(0x83) }
    }

    /// True for an MBR's partition that holds others.
    pub const fn is_extended(self) -> bool {
        matches!(self, Self::Byte(0x05 | 0x0f | 0x85))
    }

    /// Out of a number, a letter or a name.
    pub fn read(text: &str, is_gpt: bool) -> Option<Self> {
        let short = LONG.iter().find(|(long, _)| *long == text).map_or(text, |(_, short)| *short);
        let short = SHORT.iter().find(|row| row.0 == short);
        if !is_gpt {
            let byte = short.map(|row| row.1).or_else(|| u8::from_str_radix(text.trim_start_matches("0x"), 16).ok());
            let named = || BYTES.iter().find(|row| row.1.eq_ignore_ascii_case(text)).map(|row| row.0);
            return byte.or_else(named).filter(|byte| *byte != 0).map(Self::Byte);
        }
        let row = short.and_then(|row| GUIDS.get(row.2)).or_else(|| GUIDS.iter().find(|row| row.1.eq_ignore_ascii_case(text)));
        guid(row.map_or(text, |row| row.0)).map(Self::Guid)
    }

    /// The number as scripts have it.
    pub fn number(self) -> String {
        match self {
            Self::Byte(byte) => format!("{byte:x}"),
            Self::Guid(bytes) => guid_text(&bytes),
        }
    }

    /// The name.
    pub fn name(self) -> &'static str {
        let number = self.number();
        let found = match self {
            Self::Byte(byte) => BYTES.iter().find(|row| row.0 == byte).map(|row| row.1),
            Self::Guid(_) => GUIDS.iter().find(|row| row.0 == number).map(|row| row.1),
        };
        found.unwrap_or("unknown")
    }
}

/// The bytes on the disk of a number in the usual form.
pub fn guid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_whole = text.len() == 36 && digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| is_whole)?;
    Some(swapped(number.to_be_bytes()))
}

/// The usual form, in capitals.
pub fn guid_text(bytes: &[u8; 16]) -> String {
    uuid_text(&swapped(*bytes)).to_ascii_uppercase()
}

/// The first three parts lie on the disk with their last byte first.
fn swapped(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}
