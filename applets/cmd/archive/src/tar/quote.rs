//! Names in messages and lists: `--quoting-style`.

use kit::{Error, Result};

use super::options::Line;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Literal,
    Shell,
    ShellAlways,
    C,
    CMaybe,
    Escape,
    Locale,
}

/// A way to quote.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    style: Style,
    more: Vec<u8>,
    less: Vec<u8>,
}

impl Quote {
    /// As the command line asks for.
    pub(super) fn read(line: &Line) -> Result<Self> {
        let style = match line.text("quoting-style")? {
            None | Some("escape") => Style::Escape,
            Some("literal") => Style::Literal,
            Some("shell") => Style::Shell,
            Some("shell-always") => Style::ShellAlways,
            Some("c") => Style::C,
            Some("c-maybe") => Style::CMaybe,
            Some("locale" | "clocale") => Style::Locale,
            Some(other) => return Err(Error::usage(format!("no such quoting style: {other}"))),
        };
        let bytes = |id: &str| line.one(id).map(|text| text.as_encoded_bytes().to_vec()).unwrap_or_default();
        Ok(Self { style, more: bytes("quote-chars"), less: bytes("no-quote-chars") })
    }

    /// A quoted name.
    pub(super) fn name(&self, name: &[u8]) -> Vec<u8> {
        match self.style {
            Style::Literal => name.to_vec(),
            Style::Escape => self.escaped(name, None),
            Style::C => [b"\"", self.escaped(name, Some(b'"')).as_slice(), b"\""].concat(),
            Style::CMaybe => {
                let escaped = self.escaped(name, Some(b'"'));
                if escaped == name { escaped } else { [b"\"", escaped.as_slice(), b"\""].concat() }
            }
            Style::Locale => [b"'", self.escaped(name, Some(b'\'')).as_slice(), b"'"].concat(),
            Style::Shell | Style::ShellAlways => {
                let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:@_]{}".contains(byte) || *byte > 127;
                let bare = self.style == Style::Shell && !name.is_empty() && name.iter().all(plain);
                if bare { name.to_vec() } else { shell(name) }
            }
        }
    }

    fn escaped(&self, name: &[u8], quote: Option<u8>) -> Vec<u8> {
        let mut out = Vec::with_capacity(name.len());
        for chunk in name.utf8_chunks() {
            for letter in chunk.valid().chars() {
                let mut buffer = [0; 4];
                let bytes = letter.encode_utf8(&mut buffer).as_bytes();
                if letter.is_ascii() {
                    self.byte(bytes[0], quote, &mut out);
                } else if letter.is_control() {
                    for byte in bytes {
                        octal(*byte, &mut out);
                    }
                } else {
                    out.extend_from_slice(bytes);
                }
            }
            for byte in chunk.invalid() {
                octal(*byte, &mut out);
            }
        }
        out
    }

    fn byte(&self, byte: u8, quote: Option<u8>, out: &mut Vec<u8>) {
        if self.less.contains(&byte) {
            return out.push(byte);
        }
        let letter = match byte {
            7 => b'a',
            8 => b'b',
            9 => b't',
            10 => b'n',
            11 => b'v',
            12 => b'f',
            13 => b'r',
            b'\\' => b'\\',
            byte if Some(byte) == quote || self.more.contains(&byte) => byte,
            0..=31 | 127 => return octal(byte, out),
            byte => return out.push(byte),
        };
        out.extend([b'\\', letter]);
    }
}

fn octal(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\{byte:03o}").as_bytes());
}

/// A name between single quotes, which a shell takes as it is.
fn shell(name: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in name {
        if *byte == b'\'' { out.extend_from_slice(b"'\\''") } else { out.push(*byte) }
    }
    out.push(b'\'');
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn styles() {
        let quoted = |style, name: &[u8]| {
            let quote = Quote { style, more: Vec::new(), less: Vec::new() };
            String::from_utf8(quote.name(name)).unwrap()
        };
        assert_eq!(quoted(Style::Escape, b"a\n\\\x01 \xff\xc3\xa9"), "a\\n\\\\\\001 \\377\u{e9}");
        assert_eq!(quoted(Style::C, b"a\"b"), "\"a\\\"b\"");
        assert_eq!(quoted(Style::Shell, b"a b'c"), "'a b'\\''c'");
        assert_eq!(quoted(Style::Shell, b"a-b"), "a-b");
        assert_eq!(quoted(Style::Locale, b"a"), "'a'");
    }
}
