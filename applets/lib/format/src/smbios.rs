//! SMBIOS tables (DMTF DSP0134): the strings that a machine's maker or owner put there for others (type 11).
//!
//! The firmware wrote them: every length is checked, and a table that ends early ends the reading.

use alloc::string::String;
use alloc::vec::Vec;

/// The type of "OEM strings".
const OEM_STRINGS: u8 = 11;
/// The type after which there is no other.
const END: u8 = 127;
/// Bytes of a structure's head: type, length, handle.
const HEAD: usize = 4;
/// The longest text that is taken, in bytes: a whole join fits many times.
const LONGEST: usize = 4096;

/// The OEM strings of a table, such as `/sys/firmware/dmi/tables/DMI`, in order. What is no UTF-8 is left out.
pub fn oem_strings(mut table: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let [kind, len, _, _, ..] = *table {
        let len = usize::from(len);
        let Some(texts) = table.get(len..).filter(|_| len >= HEAD) else { break };
        let (strings, rest) = strings(texts);
        if kind == OEM_STRINGS {
            let texts = strings.iter().filter(|text| text.len() <= LONGEST);
            found.extend(texts.filter_map(|text| core::str::from_utf8(text).ok()).map(String::from));
        }
        if kind == END {
            break;
        }
        table = rest;
    }
    found
}

/// The strings behind a structure, and what follows: each ends with a zero byte, all of them with one more.
fn strings(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut found = Vec::new();
    if let Some(rest) = bytes.strip_prefix(&[0, 0]) {
        return (found, rest);
    }
    loop {
        let Some(end) = bytes.iter().position(|b| *b == 0) else { return (found, &[]) };
        let (text, rest) = (&bytes[..end], &bytes[end + 1..]);
        if text.is_empty() {
            return (found, rest);
        }
        found.push(text);
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oem_strings_are_found_among_others() {
        let table = [
            &[0, 5, 0, 0, 9][..],
            b"maker\0\0",
            &[11, 5, 1, 0, 2],
            b"kutties.hostname=n1\0other\0\0",
            &[32, 4, 2, 0],
            b"\0\0",
            &[11, 5, 3, 0, 1],
            b"last\0\0",
            &[127, 4, 4, 0],
            b"\0\0",
            &[11, 5, 5, 0, 1],
            b"behind the end\0\0",
        ]
        .concat();
        assert_eq!(oem_strings(&table), ["kutties.hostname=n1", "other", "last"]);
    }

    #[test]
    fn damaged_tables_end_the_reading() {
        for table in [
            &b""[..],
            &[11],
            &[11, 0, 0, 0, 0, 0],
            &[11, 3, 0, 0, b'x', 0, 0],
            &[11, 255, 0, 0, b'x'],
            &[11, 4, 0, 0, b'x'],
            &[11, 4, 0, 0, 0xff, 0, 0],
        ] {
            assert_eq!(oem_strings(table), [""; 0], "{table:?}");
        }
    }
}
