//! Bytes as hexadecimal digits. Our own twenty lines: no crate is needed for them.

use std::fmt::Write;

/// Two small digits a byte.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    joined(bytes, "")
}

/// The same with something between the bytes: `52:54:00:12:34:56`.
pub fn joined(bytes: impl AsRef<[u8]>, between: &str) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len() * (2 + between.len()));
    for (at, byte) in bytes.iter().enumerate() {
        // Writing to a string can't fail.
        let _ = write!(text, "{}{byte:02x}", if at > 0 { between } else { "" });
    }
    text
}

/// Bytes of a text of pairs of digits, large or small; none for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written() {
        let bytes = [0, 1, 0xab, 0xff];
        assert_eq!(encode(bytes), "0001abff");
        assert_eq!(joined(bytes, ":"), "00:01:ab:ff");
        assert_eq!(decode("0001aBff").as_deref(), Some(bytes.as_slice()));
        for wrong in ["0", "0g", "+1", "é"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
