//! Escapes in texts.

/// Puts the byte that an escape of a text means; returns the bytes used. `rest` begins at the backslash.
pub fn unescape(rest: &[u8], text: &mut Vec<u8>) -> usize {
    let Some(&c) = rest.get(1) else {
        text.push(b'\\');
        return 1;
    };
    let plain = match c {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'\\' | b'"' | b'/' => c,
        b'0'..=b'7' => {
            let digits = rest[1..].iter().take(3).take_while(|c| (b'0'..=b'7').contains(*c)).count();
            let value = rest[1..=digits].iter().fold(0u32, |value, c| value * 8 + u32::from(c - b'0'));
            text.push(value as u8);
            return 1 + digits;
        }
        b'x' if rest.get(2).is_some_and(u8::is_ascii_hexdigit) => {
            let digits = rest[2..].iter().take(2).take_while(|c| c.is_ascii_hexdigit()).count();
            let value = rest[2..2 + digits].iter().fold(0, |v, c| v * 16 + char::from(*c).to_digit(16).unwrap_or(0));
            text.push(value as u8);
            return 2 + digits;
        }
        _ => {
            text.extend([b'\\', c]);
            return 2;
        }
    };
    text.push(plain);
    2
}
