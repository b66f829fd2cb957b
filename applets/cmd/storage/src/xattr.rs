//! Values of extended attributes as `getfattr` writes and `setfattr` reads them.

/// Ways to write a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// In quotation marks, with octal escapes.
    Text,
    /// `0x` and hexadecimal digits.
    Hex,
    /// `0s` and base64.
    Base64,
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A value; without a form that which suits it.
pub fn written(value: &[u8], form: Option<Form>) -> Vec<u8> {
    let is_text = value.iter().all(|byte| (0x20..0x7f).contains(byte) || byte.is_ascii_whitespace() || *byte >= 0x80)
        && std::str::from_utf8(value).is_ok();
    match form.unwrap_or(if is_text { Form::Text } else { Form::Base64 }) {
        Form::Text => {
            let mut text = vec![b'"'];
            text.extend(value.iter().flat_map(|&byte| match byte {
                b'\0' => b"\\000".to_vec(),
                b'"' | b'\\' => vec![b'\\', byte],
                b'\n' => b"\\012".to_vec(),
                b'\r' => b"\\015".to_vec(),
                byte => vec![byte],
            }));
            text.push(b'"');
            text
        }
        Form::Hex => format!("0x{}", kit::hex::encode(value)).into_bytes(),
        Form::Base64 => [b"0s".to_vec(), base64(value)].concat(),
    }
}

fn base64(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in value.chunks(3) {
        let word = piece.iter().enumerate().fold(0_u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let is_there = at <= piece.len();
            text.push(if is_there { DIGITS[(word >> (18 - 6 * at)) as usize & 63] } else { b'=' });
        }
    }
    text
}

/// A value as it was given; none for digits that are not such.
pub fn read(text: &[u8]) -> Option<Vec<u8>> {
    match text {
        [b'0', b'x' | b'X', digits @ ..] => {
            let digits: Vec<u32> = digits.iter().map(|digit| char::from(*digit).to_digit(16)).collect::<Option<_>>()?;
            digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
        }
        [b'0', b's' | b'S', digits @ ..] => from_base64(digits),
        [b'"', inside @ .., b'"'] => Some(unescape(inside)),
        text => Some(unescape(text)),
    }
}

fn from_base64(digits: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits.iter().copied().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let len = digits.iter().position(|digit| *digit == b'=').unwrap_or(digits.len());
    if !digits.len().is_multiple_of(4) || digits.len() - len > 2 || digits[len..].iter().any(|digit| *digit != b'=') {
        return None;
    }
    let mut value = Vec::new();
    for piece in digits[..len].chunks(4) {
        let mut word = 0_u32;
        for digit in piece {
            let number = DIGITS.iter().position(|known| known == digit)?;
            word = word << 6 | number as u32;
        }
        let bytes = (word << (6 * (4 - piece.len()))).to_be_bytes();
        value.extend(&bytes[1..piece.len()]);
    }
    Some(value)
}

/// `\012` is a byte, and a backslash takes the next one as it is.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let octal = tail.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..b'8').contains(digit)));
        rest = match (first, octal, tail) {
            (b'\\', Some(digits), _) => {
                value.push(digits.iter().fold(0_u32, |number, digit| number << 3 | u32::from(digit - b'0')) as u8);
                &tail[3..]
            }
            (b'\\', None, [next, tail @ ..]) => {
                value.push(*next);
                tail
            }
            _ => {
                value.push(*first);
                tail
            }
        };
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_both_ways() {
        for value in [&b""[..], b"a", b"ab", b"abc", b"a\"\\\nb", &[0, 1, 255, 7, 9]] {
            for form in [None, Some(Form::Text), Some(Form::Hex), Some(Form::Base64)] {
                assert_eq!(read(&written(value, form)).as_deref(), Some(value), "{form:?}");
            }
        }
        assert_eq!(written(b"hi\0", Some(Form::Base64)), b"0saGkA");
        assert_eq!(written(b"h", Some(Form::Base64)), b"0saA==");
        assert_eq!(read(b"0xabc"), None);
        assert_eq!(read(b"0sa"), None);
    }
}
