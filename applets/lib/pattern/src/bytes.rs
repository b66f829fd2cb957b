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

/// A text as characters, for a crate that knows nothing else.
pub enum Text<'a> {
    Whole(&'a str),
    /// With characters for bytes that are none, and for each character its place there and in the bytes.
    Changed(String, Vec<(usize, usize)>),
}

impl<'a> Text<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self::Whole(text);
        }
        let mut text = String::with_capacity(bytes.len());
        let mut places = Vec::new();
        let mut at = 0;
        for c in decode(bytes) {
            places.push((text.len(), at));
            text.push(c);
            at += if raw_byte(c).is_some() { 1 } else { c.len_utf8() };
        }
        places.push((text.len(), at));
        Self::Changed(text, places)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Whole(text) => text,
            Self::Changed(text, _) => text,
        }
    }

    /// The place in the characters of a place in the bytes.
    pub fn inside(&self, at: usize) -> usize {
        match self {
            Self::Whole(_) => at,
            Self::Changed(text, places) => {
                let next = places.partition_point(|(_, outside)| *outside < at);
                places.get(next).map_or(text.len(), |(inside, _)| *inside)
            }
        }
    }

    /// The place in the bytes of a place in the characters.
    pub fn outside(&self, at: usize) -> usize {
        match self {
            Self::Whole(_) => at,
            Self::Changed(_, places) => {
                let next = places.partition_point(|(inside, _)| *inside < at);
                places.get(next).or(places.last()).map_or(at, |(_, outside)| *outside)
            }
        }
    }
}

/// A byte in `regex`'s language, where bytes count.
pub(super) fn byte_text(byte: u8) -> String {
    format!("\\x{byte:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let text = Text::of(b"a\xff\xc3\xa9b");
        assert_eq!(text.as_str().chars().count(), 4);
        for at in [0, 1, 2, 4, 5] {
            assert_eq!(text.outside(text.inside(at)), at);
        }
    }

    #[test]
    fn bytes_stay_as_they_are() {
        for bytes in [&b"plain"[..], "é€".as_bytes(), b"\xff\xc3\xa9\xc3", b"", b"\xf4\x8f\xbf"] {
            assert_eq!(encode(&decode(bytes)), bytes);
        }
        assert_eq!(decode(b"\xc3\xa9\xff"), ['é', raw(0xff)]);
    }
}
