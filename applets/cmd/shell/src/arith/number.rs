//! Numbers in expressions.

/// A plain decimal number with blanks around it, the usual value of a variable.
pub fn decimal(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() < 19 && digits.iter().all(u8::is_ascii_digit);
    // A leading zero makes a number octal.
    if !plain || digits.len() > 1 && digits.first() == Some(&b'0') {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number as it is written: `0x`, `0`, `base#`.
pub fn literal(text: &[u8]) -> Option<i64> {
    if let Some(at) = text.iter().position(|byte| *byte == b'#') {
        let base = std::str::from_utf8(text.get(..at)?).ok()?.parse().ok()?;
        return in_base(text.get(at + 1..)?, base);
    }
    match text {
        [b'0', b'x' | b'X', digits @ ..] => in_base(digits, 16),
        [b'0', digits @ ..] if !digits.is_empty() => in_base(digits, 8),
        digits => in_base(digits, 10),
    }
}

fn in_base(digits: &[u8], base: i64) -> Option<i64> {
    if digits.is_empty() || !(2..=64).contains(&base) {
        return None;
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            b'A'..=b'Z' if base <= 36 => digit - b'A' + 10,
            b'A'..=b'Z' => digit - b'A' + 36,
            b'@' => 62,
            b'_' => 63,
            _ => return None,
        };
        if i64::from(digit) >= base {
            return None;
        }
        value = value.wrapping_mul(base).wrapping_add(digit.into());
    }
    Some(value)
}
