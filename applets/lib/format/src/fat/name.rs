//! FAT's names: short ones of 8 and 3 characters, and the long ones that stand in entries of their own in front.

use alloc::string::String;
use alloc::vec::Vec;

use super::ENTRY;

/// The attributes of an entry that holds a part of a long name.
const LONG: u8 = 0x0f;
/// UTF-16 units in an entry of a long name, and where they stand.
const UNITS: usize = 13;
const UNITS_AT: [usize; UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// Returns the number of entries for the long name; none where the short one says it all.
pub fn long_entries(name: &str) -> usize {
    if plain_short(name).is_some() { 0 } else { name.encode_utf16().count().div_ceil(UNITS) }
}

/// The entries of a long name, the last part first, each with the short name's checksum.
pub fn long(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let sum = short.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let units: Vec<u16> = name.encode_utf16().collect();
    let count = units.len().div_ceil(UNITS);
    let mut entries = Vec::new();
    for (index, part) in units.chunks(UNITS).enumerate().rev() {
        let mut entry = [0; ENTRY];
        entry[0] = (index + 1) as u8 | if index + 1 == count { 0x40 } else { 0 };
        entry[11] = LONG;
        entry[13] = sum;
        // A zero ends the name where there is room, ones fill the rest.
        let padded = part.iter().copied().chain([0]).chain(core::iter::repeat(0xffff));
        for (at, unit) in UNITS_AT.into_iter().zip(padded) {
            entry[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entries.extend(entry);
    }
    entries
}

fn is_short_char(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || "!#$%&'()-@^_`{}~".contains(c)
}

/// The name as a short one, if it is one already.
pub fn plain_short(name: &str) -> Option<[u8; 11]> {
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let fits = (1..=8).contains(&stem.len()) && ending.len() <= 3 && !name.ends_with('.');
    (fits && stem.chars().chain(ending.chars()).all(is_short_char)).then(|| padded(stem, ending))
}

fn padded(stem: &str, ending: &str) -> [u8; 11] {
    let mut short = [b' '; 11];
    short[..stem.len()].copy_from_slice(stem.as_bytes());
    short[8..8 + ending.len()].copy_from_slice(ending.as_bytes());
    short
}

/// The short name beside a long one; none if a directory has too many that are alike.
pub fn short(name: &str, taken: &mut Vec<[u8; 11]>) -> Option<[u8; 11]> {
    let clean = |part: &str, len: usize| -> String {
        part.to_ascii_uppercase().chars().filter(|c| is_short_char(*c)).take(len).collect()
    };
    let (stem, ending) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).unwrap_or((name, ""));
    // Firmware that knows short names alone finds `bootcode.bin` as BOOTCODE.BIN.
    let upper = plain_short(&name.to_ascii_uppercase()).filter(|short| !taken.contains(short));
    let found = plain_short(name).or(upper).or_else(|| {
        let numbered = (1..100_000_u32).map(|number| {
            let tail = alloc::format!("~{number}");
            padded(&(clean(stem, 8 - tail.len()) + &tail), &clean(ending, 3))
        });
        let mut numbered = numbered;
        numbered.find(|short| !taken.contains(short))
    })?;
    taken.push(found);
    Some(found)
}

pub fn short_label(label: &str) -> [u8; 11] {
    let mut short = [b' '; 11];
    for (place, byte) in short.iter_mut().zip(label.to_ascii_uppercase().bytes()) {
        *place = byte;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(plain_short("BOOTX64.EFI"), Some(*b"BOOTX64 EFI"));
        assert_eq!(plain_short("kutties.efi"), None);
        let mut taken = Vec::new();
        assert_eq!(short("bcm2710-rpi-3-b.dtb", &mut taken), Some(*b"BCM271~1DTB"));
        assert_eq!(short("bcm2711-rpi-4-b.dtb", &mut taken), Some(*b"BCM271~2DTB"));
        assert_eq!(short("bootcode.bin", &mut taken), Some(*b"BOOTCODEBIN"));
        assert_eq!((long_entries("bcm2710-rpi-3-b.dtb"), long_entries("bootcode.bin"), long_entries("BOOT.BIN")), (2, 1, 0));
    }
}
