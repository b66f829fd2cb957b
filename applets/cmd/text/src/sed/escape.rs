//! Escapes, as GNU sed reads them in patterns, replacements, lists and texts: `\a \f \n \r \t \v \cX \dNNN \oNNN \xHH`.

use super::program::{Case, Piece};
use pattern::{decode, encode};

/// Place of an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An escape's character acts as if it were written, but a backslash.
    Pattern,
    /// `&` and a backslash that an escape gives stand for themselves.
    Replacement,
    /// `y` and the texts of `a`, `i`, `c`.
    Text,
}

/// The text with what its escapes stand for; other backslashes stay.
pub(super) fn resolve(text: &[char], place: Place) -> Result<Vec<char>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text.get(at) {
        at += 1;
        let (true, Some(letter)) = (*c == '\\', text.get(at)) else {
            bytes.extend(encode(&[*c]));
            continue;
        };
        at += 1;
        let control = match letter {
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' if place != Place::Pattern => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(0x0b),
            'c' => Some(control(text, &mut at)?),
            _ => None,
        };
        let radix = match letter {
            'd' => Some((10, 3)),
            'o' => Some((8, 3)),
            'x' => Some((16, 2)),
            _ => None,
        };
        match (control, radix) {
            (Some(byte), _) => put(&mut bytes, byte, place),
            (None, Some((radix, digits))) => match number(text, &mut at, radix, digits) {
                Some(byte) => put(&mut bytes, byte, place),
                // As GNU: without digits the letter alone is left.
                None => bytes.extend(encode(&[*letter])),
            },
            (None, None) => bytes.extend(encode(&['\\', *letter])),
        }
    }
    Ok(decode(&bytes))
}

/// `\cX`, of which X is at `at`.
fn control(text: &[char], at: &mut usize) -> Result<u8, String> {
    let c = *text.get(*at).ok_or("\\c stands for no character")?;
    *at += 1;
    if c == '\\' {
        if text.get(*at) != Some(&'\\') {
            return Err("\\c is followed by an escape".into());
        }
        *at += 1;
    }
    let byte = u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| format!("\\c{c} stands for no character"))?;
    Ok(byte.to_ascii_uppercase() ^ 0x40)
}

/// Up to so many digits; the number's last byte.
fn number(text: &[char], at: &mut usize, radix: u32, digits: usize) -> Option<u8> {
    let mut value = None;
    for _ in 0..digits {
        let Some(digit) = text.get(*at).and_then(|c| c.to_digit(radix)) else { break };
        value = Some(value.unwrap_or(0) * radix + digit);
        *at += 1;
    }
    value.map(|value| value.to_le_bytes()[0])
}

fn put(bytes: &mut Vec<u8>, byte: u8, place: Place) {
    let is_special = match place {
        Place::Replacement => byte == b'\\' || byte == b'&',
        Place::Pattern | Place::Text => byte == b'\\',
    };
    if is_special {
        bytes.push(b'\\');
    }
    bytes.push(byte);
}

/// The text without its backslashes, each of which makes the next character stand for itself.
pub(super) fn unescape(text: &[char]) -> Vec<char> {
    let mut plain = Vec::with_capacity(text.len());
    let mut chars = text.iter();
    while let Some(c) = chars.next() {
        plain.extend(if *c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

/// The parts of a replacement, whose escapes are resolved. With `mark`, the character around it, `&` may be plain.
pub(super) fn pieces(text: &[char]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    // `\u` and `\l` are for one piece, then what was before holds again.
    let mut case = Case::Keep;
    let mut first = None;
    let mut plain = Vec::new();
    let mut chars = text.iter();
    while let Some(c) = chars.next() {
        let mut end = |group, plain: &mut Vec<char>| {
            pieces.push(Piece { text: encode(&std::mem::take(plain)), group, case, first });
            first = None;
        };
        match c {
            '&' => end(Some(0), &mut plain),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => end(digit.to_digit(10).map(|digit| digit as usize), &mut plain),
                Some(letter @ ('L' | 'U' | 'E' | 'l' | 'u')) => {
                    end(None, &mut plain);
                    match letter {
                        'L' => case = Case::Lower,
                        'U' => case = Case::Upper,
                        'E' => case = Case::Keep,
                        'l' => first = Some(Case::Lower),
                        _ => first = Some(Case::Upper),
                    }
                }
                other => plain.extend(other),
            },
            c => plain.push(*c),
        }
    }
    pieces.push(Piece { text: encode(&plain), group: None, case, first });
    pieces
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn resolved(text: &str, place: Place) -> String {
        let chars: Vec<char> = text.chars().collect();
        String::from_utf8_lossy(&encode(&resolve(&chars, place).unwrap())).into_owned()
    }

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("a\\tb\\r", "a\tb\r"),
            ("\\x41\\o102\\d067", "ABC"),
            ("\\x414\\o1012\\d0680", "A4A2D0"),
            ("\\x4g\\o9\\xg\\d", "\x04go9xgd"),
            ("\\d300", ","),
            ("\\cA\\c[\\c\\\\", "\x01\x1b\x1c"),
            ("\\xc3\\xa9", "é"),
            ("\\q\\.\\\\t", "\\q\\.\\\\t"),
            ("\\x5c", "\\\\"),
            ("[\\t]", "[\t]"),
            ("end\\", "end\\"),
        ] {
            assert_eq!(resolved(text, Place::Pattern), expected, "{text}");
        }
        assert_eq!(resolved("\\x26\\n", Place::Replacement), "\\&\n");
        assert_eq!(resolved("\\x26\\n", Place::Text), "&\n");
        for wrong in ["\\c", "\\c\\d", "\\cä"] {
            let chars: Vec<char> = wrong.chars().collect();
            assert!(resolve(&chars, Place::Text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn replacements() {
        let chars: Vec<char> = "a&b\\1\\\\\\&\\uc".chars().collect();
        let piece = |text: &str, group, first| Piece { text: text.into(), group, first, ..Piece::default() };
        assert_eq!(
            pieces(&chars),
            [piece("a", Some(0), None), piece("b", Some(1), None), piece("\\&", None, None), piece("c", None, Some(Case::Upper))]
        );
    }
}
