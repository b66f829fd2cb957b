//! Numbers from text, and integers to text.

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];

/// The number at the head of a text, and where it ends; 0 and 0 if there is none. Blanks before it are passed over.
pub fn leading(text: &[u8]) -> (f64, usize) {
    let mut at = text.iter().position(|c| !is_blank(*c)).unwrap_or(text.len());
    let start = at;
    let negative = text.get(at) == Some(&b'-');
    if matches!(text.get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    if at > start
        && let Some(found) = word(text, at, negative)
    {
        return found;
    }
    let (mut mantissa, mut digits, mut scale) = (0u64, 0, 0);
    let first = at;
    let mut point = false;
    while let Some(c) = text.get(at) {
        match c {
            b'0'..=b'9' => {
                // The 19th digit may not fit: from there on the exact way is taken.
                if digits < 18 {
                    mantissa = mantissa * 10 + u64::from(c - b'0');
                    digits += usize::from(mantissa != 0);
                } else {
                    digits += 1;
                }
                scale += usize::from(point);
            }
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if at - first == usize::from(point) {
        return (0.0, 0);
    }
    let exponent = exponent_end(text, at);
    if exponent == at && digits < 18 && mantissa < 1 << 53 && scale < TENS.len() {
        let value = mantissa as f64 / TENS[scale];
        return (if negative { -value } else { value }, at);
    }
    let exact = std::str::from_utf8(&text[start..exponent]).ok().and_then(|text| text.parse().ok());
    (exact.unwrap_or(0.0), exponent)
}

/// The end of an exponent that begins at `at`, or `at`.
fn exponent_end(text: &[u8], at: usize) -> usize {
    if !matches!(text.get(at), Some(b'e' | b'E')) {
        return at;
    }
    let sign = usize::from(matches!(text.get(at + 1), Some(b'-' | b'+')));
    let digits = text[(at + 1 + sign).min(text.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    if digits == 0 { at } else { at + 1 + sign + digits }
}

/// `inf` and `nan`, which count behind a sign alone, so that words stay words.
fn word(text: &[u8], at: usize, negative: bool) -> Option<(f64, usize)> {
    let value = match text.get(at..at + 3)?.to_ascii_lowercase().as_slice() {
        b"inf" => f64::INFINITY,
        b"nan" => f64::NAN,
        _ => return None,
    };
    let ends = !text.get(at + 3).is_some_and(u8::is_ascii_alphanumeric);
    ends.then_some((if negative { -value } else { value }, at + 3))
}

/// The number that a text is, with blanks around it; none if it is another text.
pub fn whole(text: &[u8]) -> Option<f64> {
    let first = text.iter().find(|c| !is_blank(**c))?;
    if !matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return None;
    }
    let (value, end) = leading(text);
    (end > 0 && text[end..].iter().all(|c| is_blank(*c))).then_some(value)
}

const fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12)
}

/// Appends an integer.
pub fn put_whole(n: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "the same number is meant")]
    fn heads_of_texts() {
        for (text, value, end) in [
            ("12abc", 12.0, 2),
            (" -1.5e3x", -1500.0, 7),
            ("1e", 1.0, 1),
            (".5.", 0.5, 2),
            ("5.", 5.0, 2),
            (".", 0.0, 0),
            ("-", 0.0, 0),
            ("x", 0.0, 0),
            ("0.1", 0.1, 3),
            ("12345678901234567890", 12_345_678_901_234_567_890.0, 20),
            ("inf", 0.0, 0),
        ] {
            assert_eq!(leading(text.as_bytes()), (value, end), "{text}");
        }
        assert_eq!(leading(b"-inf").0, f64::NEG_INFINITY);
        assert_eq!((whole(b" 10 "), whole(b"10x"), whole(b""), whole(b"0x1A")), (Some(10.0), None, None, None));
    }
}
