//! SMBIOS tables (DMTF DSP0134): structures with their strings. The firmware wrote them, or a file holds them: each length is
//! checked, and a table that ends early ends the reading.

use kit::{Error, Result};

/// Structures of a table that are read: real ones have some hundreds.
const MOST: usize = 65_536;

/// Structure of a table.
#[derive(Clone, Copy, Debug)]
pub struct Structure<'a> {
    /// Bytes with the head of four.
    pub bytes: &'a [u8],
    /// Strings behind them, each with a zero byte at its end.
    strings: &'a [u8],
}

impl<'a> Structure<'a> {
    /// Type.
    pub fn kind(&self) -> u8 {
        self.byte(0).unwrap_or(0)
    }

    /// Number by which others name it.
    pub fn handle(&self) -> u16 {
        self.word(2).unwrap_or(0)
    }

    /// Byte at a place.
    pub fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// Number of 16 bits at a place.
    pub fn word(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes.get(at..at + 2)?.try_into().ok()?))
    }

    /// Number of 32 bits at a place.
    pub fn long(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?))
    }

    /// Number of 64 bits at a place.
    pub fn quad(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes.get(at..at + 8)?.try_into().ok()?))
    }

    /// Strings, in order.
    pub fn strings(&self) -> impl Iterator<Item = String> + use<'a> {
        self.strings.split(|byte| *byte == 0).take_while(|text| !text.is_empty()).map(printable)
    }

    /// String whose number stands at a place, as dmidecode names one that is not there.
    pub fn string(&self, at: usize) -> Option<String> {
        let number = usize::from(self.byte(at)?);
        let Some(index) = number.checked_sub(1) else { return Some("Not Specified".to_owned()) };
        Some(self.strings().nth(index).unwrap_or_else(|| "<BAD INDEX>".to_owned()))
    }
}

/// Text with a dot for each byte that is no printable ASCII character.
fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// Structures of a table, up to that of type 127.
pub fn structures(table: &[u8]) -> Vec<Structure<'_>> {
    let mut found = Vec::new();
    let mut rest = table;
    while let [kind, length, _, _, ..] = *rest {
        let Some((bytes, after)) = rest.split_at_checked(length.into()).filter(|_| length >= 4) else { break };
        let end = after.windows(2).position(|pair| pair == [0, 0]);
        let strings = after.get(..end.map_or(after.len(), |end| end + 1)).unwrap_or_default();
        found.push(Structure { bytes, strings });
        rest = end.and_then(|end| after.get(end + 2..)).unwrap_or_default();
        if kind == 127 || found.len() >= MOST {
            break;
        }
    }
    found
}

/// Entry point: the version, and where the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Version: major, minor, and revision from 3.0 on.
    pub version: (u8, u8, Option<u8>),
    /// Number of structures; none from 3.0 on.
    pub count: Option<u16>,
    /// Bytes of the table, from 3.0 on the most that it can have.
    pub length: u32,
    /// Address in memory, or place in a file.
    pub address: u64,
}

/// Reads an entry point of either form (`_SM3_` or `_SM_`), whose checksum must be right.
pub fn entry(bytes: &[u8]) -> Result<Entry> {
    let wrong = |why: &str| Error::new(format!("no entry point of SMBIOS: {why}"));
    let (form, length_at) = if bytes.starts_with(b"_SM3_") {
        (3, 6)
    } else if bytes.starts_with(b"_SM_") {
        (2, 5)
    } else {
        return Err(wrong("it does not begin with _SM_ or _SM3_"));
    };
    let least = if form == 3 { 0x18 } else { 0x1f };
    let length = bytes.get(length_at).map_or(0, |length| usize::from(*length));
    let bytes = bytes.get(..length).filter(|_| length >= least).ok_or_else(|| wrong("it is too short"))?;
    if bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
        return Err(wrong("its checksum is wrong"));
    }
    let s = Structure { bytes, strings: &[] };
    let byte = |at| s.byte(at).unwrap_or(0);
    Ok(if form == 3 {
        let version = (byte(7), byte(8), Some(byte(9)));
        Entry { version, count: None, length: s.long(0x0c).unwrap_or(0), address: s.quad(0x10).unwrap_or(0) }
    } else {
        let (length, address) = (s.word(0x16).unwrap_or(0).into(), s.long(0x18).unwrap_or(0).into());
        Entry { version: (byte(6), byte(7), None), count: s.word(0x1c), length, address }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn structures_have_strings_by_number() {
        let table = [&[1, 6, 5, 0, 2, 9][..], b"one\0t\x01o\0\0", &[127, 4, 6, 0, 0, 0], b"behind the end"].concat();
        let found = structures(&table);
        assert_eq!((found.len(), found[0].handle(), found[1].kind()), (2, 5, 127));
        assert_eq!((found[0].string(4).unwrap().as_str(), found[0].string(5).unwrap().as_str()), ("t.o", "<BAD INDEX>"));
        assert_eq!((found[0].string(6), found[0].word(5)), (None, None));
        for end in 0..table.len() {
            structures(&table[..end]);
        }
        assert!(structures(&[1, 3, 0, 0, 0, 0]).is_empty());
    }

    #[test]
    fn entry_points_have_two_forms_and_a_checksum() {
        let mut three = vec![0; 24];
        three[..12].copy_from_slice(&[b'_', b'S', b'M', b'3', b'_', 0, 24, 3, 4, 5, 1, 0]);
        three[0x0c] = 9;
        three[0x10] = 0x20;
        assert!(entry(&three).is_err());
        three[5] = three.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        assert_eq!(entry(&three).unwrap(), Entry { version: (3, 4, Some(5)), count: None, length: 9, address: 0x20 });
        assert!(entry(&three[..20]).is_err() && entry(b"_SM_").is_err() && entry(b"").is_err());
    }
}
