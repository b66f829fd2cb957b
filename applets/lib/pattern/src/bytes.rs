//! Texts of which some bytes are no characters.

/// A byte that belongs to no character is this plus the byte: the end of the last private plane, which nobody uses.
const RAW: u32 = 0x10_ff00;

/// Characters of a text; [`encode`] makes the same bytes of them.
pub fn decode(bytes: &[u8]) -> Vec<char> {
    let mut chars = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chars.extend(chunk.valid().chars());
        chars.extend(chunk.invalid().iter().map(|byte| raw(*byte)));
    }
    chars
}

/// Bytes of a text.
pub fn encode(chars: &[char]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(chars.len());
    for c in chars {
        match raw_byte(*c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// The character that stands for a byte from 0x80 on.
pub fn raw(byte: u8) -> char {
    char::from_u32(RAW + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a character stands for.
pub fn raw_byte(c: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(c).checked_sub(RAW)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

/// The place behind the character at `at`; a byte that belongs to none counts as one.
pub(crate) fn next_char(text: &[u8], at: usize) -> usize {
    at + char_at(text, at).map_or(1, char::len_utf8)
}

/// The character at `at`, if the bytes there are one.
pub(crate) fn char_at(text: &[u8], at: usize) -> Option<char> {
    let rest = text.get(at..)?;
    let len = match rest.first()? {
        byte if byte.is_ascii() => return Some(char::from(*byte)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    std::str::from_utf8(rest.get(..len)?).ok()?.chars().next()
}

/// The character that ends at `at`, if the bytes there are one.
pub(crate) fn char_before(text: &[u8], at: usize) -> Option<char> {
    let last = *text.get(at.checked_sub(1)?)?;
    if last.is_ascii() {
        return Some(char::from(last));
    }
    (2..=4usize).filter(|len| *len <= at).find_map(|len| char_at(text, at - len).filter(|c| c.len_utf8() == len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_before_and_behind_a_place() {
        let text = b"a\xff\xc3\xa9b";
        assert_eq!([0, 1, 2, 4].map(|at| char_at(text, at)), [Some('a'), None, Some('\u{e9}'), Some('b')]);
        assert_eq!([0, 1, 2, 4].map(|at| char_before(text, at)), [None, Some('a'), None, Some('\u{e9}')]);
        assert_eq!([0, 1, 2].map(|at| next_char(text, at)), [1, 2, 4]);
    }

    #[test]
    fn bytes_stay_as_they_are() {
        for bytes in [&b"plain"[..], "é€".as_bytes(), b"\xff\xc3\xa9\xc3", b"", b"\xf4\x8f\xbf"] {
            assert_eq!(encode(&decode(bytes)), bytes);
        }
        assert_eq!(decode(b"\xc3\xa9\xff"), ['é', raw(0xff)]);
    }
}
