//! Backslash escapes, and quoting for output.

use crate::ast::Bytes;

/// Result of a text with escapes.
#[derive(Debug, PartialEq, Eq)]
pub struct Escaped {
    /// The text.
    pub text: Bytes,
    /// `\c` ended it.
    pub stopped: bool,
}

/// Text of `$'…'`.
pub fn ansi_c(text: &[u8]) -> Bytes {
    escapes(text, Style::Quotes).text
}

/// Language of escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `$'…'`: `\cx` is a control character, a zero ends the text.
    Quotes,
    /// `echo -e` and `printf %b`: octal numbers begin with a zero, `\c` ends the output.
    Echo,
    /// The format of `printf`: octal numbers need no zero.
    Format,
}

/// Text with its escapes replaced.
pub fn escapes(text: &[u8], style: Style) -> Escaped {
    let mut new = Bytes::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            new.push(*first);
            continue;
        }
        let Some((kind, behind)) = rest.split_first() else {
            new.push(b'\\');
            break;
        };
        rest = behind;
        match (kind, style) {
            (b'c', Style::Quotes) => {
                if let Some((control, behind)) = rest.split_first() {
                    rest = behind;
                    new.push(if *control == b'?' { 0x7f } else { control & 0x1f });
                }
            }
            (b'c', _) => return Escaped { text: new, stopped: true },
            (b'\'' | b'"' | b'?', Style::Quotes) | (b'"', Style::Format) => new.push(*kind),
            _ => rest = one(*kind, rest, style, &mut new),
        }
        if style == Style::Quotes && new.last() == Some(&0) {
            new.pop();
            break;
        }
    }
    Escaped { text: new, stopped: false }
}

/// Adds one escape; what follows it comes back.
fn one<'a>(kind: u8, rest: &'a [u8], style: Style, new: &mut Bytes) -> &'a [u8] {
    let simple = match kind {
        b'a' => 7,
        b'b' => 8,
        b'e' | b'E' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        b'x' => return hexadecimal(rest, 2, new, kind),
        b'u' => return hexadecimal(rest, 4, new, kind),
        b'U' => return hexadecimal(rest, 8, new, kind),
        b'0'..=b'7' if style != Style::Echo || kind == b'0' => {
            return octal(kind, rest, style, new);
        }
        other => {
            new.extend([b'\\', other]);
            return rest;
        }
    };
    new.push(simple);
    rest
}

fn octal<'a>(first: u8, rest: &'a [u8], style: Style, new: &mut Bytes) -> &'a [u8] {
    let most = if style == Style::Echo { 3 } else { 2 };
    let digits = rest.iter().take(most).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
    let (number, behind) = rest.split_at(digits);
    let value = number.iter().fold(u32::from(first - b'0'), |v, d| v * 8 + u32::from(d - b'0'));
    new.push(value as u8);
    behind
}

fn hexadecimal<'a>(rest: &'a [u8], most: usize, new: &mut Bytes, kind: u8) -> &'a [u8] {
    let digits = rest.iter().take(most).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, behind) = rest.split_at(digits);
    let value = std::str::from_utf8(number).ok().and_then(|t| u32::from_str_radix(t, 16).ok());
    match value {
        None => new.extend([b'\\', kind]),
        Some(value) if kind == b'x' => new.push(value as u8),
        Some(value) => {
            let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
            new.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    behind
}

/// True when a text has bytes that only `$'…'` can show.
fn needs_ansi(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_control) || std::str::from_utf8(text).is_err()
}

/// `$'…'` of a text.
fn ansi(text: &[u8]) -> Bytes {
    let mut new = b"$'".to_vec();
    let mut rest = text;
    while let Some((code, len)) = crate::matching::character(rest) {
        let (bytes, behind) = rest.split_at(len);
        rest = behind;
        match code {
            7 => new.extend_from_slice(b"\\a"),
            8 => new.extend_from_slice(b"\\b"),
            9 => new.extend_from_slice(b"\\t"),
            10 => new.extend_from_slice(b"\\n"),
            11 => new.extend_from_slice(b"\\v"),
            12 => new.extend_from_slice(b"\\f"),
            13 => new.extend_from_slice(b"\\r"),
            27 => new.extend_from_slice(b"\\E"),
            39 => new.extend_from_slice(b"\\'"),
            92 => new.extend_from_slice(b"\\\\"),
            0..32 | 127 | 0xdc00..=0xdfff => {
                new.extend_from_slice(format!("\\{:03o}", bytes[0]).as_bytes());
            }
            _ => new.extend_from_slice(bytes),
        }
    }
    new.push(b'\'');
    new
}

/// A text in single quotes, as `${x@Q}`, `set` and `alias` show it.
pub fn quoted(text: &[u8]) -> Bytes {
    if needs_ansi(text) {
        return ansi(text);
    }
    single(text)
}

/// A text in single quotes, whatever it holds.
pub fn single(text: &[u8]) -> Bytes {
    let mut new = b"'".to_vec();
    for byte in text {
        match byte {
            b'\'' => new.extend_from_slice(b"'\\''"),
            _ => new.push(*byte),
        }
    }
    new.push(b'\'');
    new
}

/// A text as it is, or in single quotes where it needs them: `set`, `set -x`.
pub fn quoted_if_needed(text: &[u8]) -> Bytes {
    if text.is_empty() {
        return b"''".to_vec();
    }
    if needs_ansi(text) {
        return ansi(text);
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@%^".contains(byte) || *byte > 127;
    if text.iter().all(plain) { text.to_vec() } else { single(text) }
}

/// A text with backslashes, as `printf %q` shows it.
pub fn backslashed(text: &[u8]) -> Bytes {
    if text.is_empty() {
        return b"''".to_vec();
    }
    if needs_ansi(text) {
        return ansi(text);
    }
    let mut new = Bytes::new();
    for (at, byte) in text.iter().enumerate() {
        let special = b" !\"$&'()*,;<>?[\\]^`{|}".contains(byte) || at == 0 && matches!(byte, b'#' | b'~');
        if special {
            new.push(b'\\');
        }
        new.push(*byte);
    }
    new
}

/// A text in double quotes, as `declare -p` shows it.
pub fn double(text: &[u8]) -> Bytes {
    if needs_ansi(text) {
        return ansi(text);
    }
    let mut new = b"\"".to_vec();
    for byte in text {
        if matches!(byte, b'"' | b'\\' | b'$' | b'`') {
            new.push(b'\\');
        }
        new.push(*byte);
    }
    new.push(b'"');
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_each_kind() {
        assert_eq!(ansi_c(br"a\tb\x41\101\u00e9\cA\q"), "a\tbAAé\u{1}\\q".as_bytes());
        assert_eq!(escapes(br"\0101\c x", Style::Echo), Escaped { text: b"A".to_vec(), stopped: true });
        assert_eq!(escapes(br"\101", Style::Echo).text, br"\101");
        assert_eq!(escapes(br"\101\n", Style::Format).text, b"A\n");
    }

    #[test]
    fn quotes() {
        assert_eq!(quoted(b"it's"), br"'it'\''s'");
        assert_eq!(quoted_if_needed(b"a b"), b"'a b'");
        assert_eq!(quoted_if_needed(b"a-b"), b"a-b");
        assert_eq!(backslashed(b"a b"), br"a\ b");
        assert_eq!(double(b"a\"b"), br#""a\"b""#);
        assert_eq!(quoted(b"a\nb\xff"), br"$'a\nb\377'");
    }
}
