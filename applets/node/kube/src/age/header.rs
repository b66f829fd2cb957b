//! The header: a line of the version, a stanza for each recipient, and the code that proves all of
//! it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The first line.
const VERSION: &[u8] = b"age-encryption.org/v1";
/// Begins a stanza's first line.
const STANZA: &[u8] = b"-> ";
/// Begins the last line.
const END: &[u8] = b"---";
/// Letters in a full line of a stanza's body, which is 48 bytes.
const COLUMNS: usize = 64;
/// Bytes of the header's code.
const MAC: usize = 32;
/// The longest header that is read, in bytes: a recipient of X25519 takes 107, one that withstands
/// quantum computers two thousand.
pub const LONGEST: usize = 64 << 10;

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// One for each recipient.
    pub stanzas: Vec<Stanza>,
    /// Proves the bytes before it.
    pub mac: [u8; MAC],
}

/// The file's key, sealed for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The kind, and what it needs: at least one, each of visible characters.
    pub words: Vec<String>,
    /// Bytes that are sealed.
    pub body: Vec<u8>,
}

/// Tells why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The bytes end before it does.
    Short,
    /// It is longer than [`LONGEST`].
    Long,
    /// This is no age file, or one of another version.
    Version,
    /// This is an age file as text, which `age -d` without `-a` makes bytes of.
    Armor,
    /// Something in it is malformed.
    Malformed,
}

impl Header {
    /// The header that the bytes begin with, and its length.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Wrong> {
        let mut lines = Lines { bytes, at: 0 };
        if lines.next().map_err(|e| if likely(bytes) { e } else { version(bytes) })? != VERSION {
            return Err(version(bytes));
        }
        let mut stanzas = Vec::new();
        loop {
            let line = lines.next()?;
            if let Some(words) = line.strip_prefix(STANZA) {
                stanzas.push(Stanza { words: self::words(words)?, body: body(&mut lines)? });
                continue;
            }
            let mac = line.strip_prefix(END).and_then(|rest| rest.strip_prefix(b" ")).ok_or(Wrong::Malformed)?;
            let mac = decode(mac)?.try_into().map_err(|_| Wrong::Malformed)?;
            if stanzas.is_empty() {
                return Err(Wrong::Malformed);
            }
            return Ok((Self { stanzas, mac }, lines.at));
        }
    }

    /// The bytes that the code is made of: all before it, without the blank.
    pub fn signed(stanzas: &[Stanza]) -> Vec<u8> {
        let mut bytes = [VERSION, b"\n"].concat();
        for stanza in stanzas {
            bytes.extend([STANZA, stanza.words.join(" ").as_bytes(), b"\n"].concat());
            let text = STANDARD_NO_PAD.encode(&stanza.body);
            let mut rest = text.as_bytes();
            // The last line is a short one, be it empty.
            while let Some((line, more)) = rest.split_at_checked(COLUMNS) {
                bytes.extend([line, b"\n"].concat());
                rest = more;
            }
            bytes.extend([rest, b"\n"].concat());
        }
        bytes.extend(END);
        bytes
    }

    /// The whole header.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Self::signed(&self.stanzas);
        bytes.extend(format!(" {}\n", STANDARD_NO_PAD.encode(self.mac)).into_bytes());
        bytes
    }
}

/// Tells bytes that may still become the first line.
fn likely(bytes: &[u8]) -> bool {
    VERSION.starts_with(bytes) || bytes.starts_with(VERSION)
}

fn version(bytes: &[u8]) -> Wrong {
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE ENCRYPTED FILE") { Wrong::Armor } else { Wrong::Version }
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], Wrong> {
        let all = self.bytes.get(..self.bytes.len().min(LONGEST)).unwrap_or_default();
        let rest = all.get(self.at..).unwrap_or_default();
        let missing = if self.bytes.len() > LONGEST { Wrong::Long } else { Wrong::Short };
        let end = rest.iter().position(|b| *b == b'\n').ok_or(missing)?;
        self.at += end + 1;
        rest.get(..end).ok_or(Wrong::Malformed)
    }
}

/// Words of visible characters with one blank between.
fn words(line: &[u8]) -> Result<Vec<String>, Wrong> {
    let word = |word: &[u8]| {
        let good = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
        if good { Ok(String::from_utf8_lossy(word).into_owned()) } else { Err(Wrong::Malformed) }
    };
    line.split(|b| *b == b' ').map(word).collect()
}

/// A stanza's body: full lines, then one that is shorter.
fn body(lines: &mut Lines<'_>) -> Result<Vec<u8>, Wrong> {
    let mut body = Vec::new();
    loop {
        let line = lines.next()?;
        if line.len() > COLUMNS {
            return Err(Wrong::Malformed);
        }
        body.extend(decode(line)?);
        if line.len() < COLUMNS {
            return Ok(body);
        }
    }
}

/// Base64 in its one form: without padding, and with no bits behind the last byte.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, Wrong> {
    STANDARD_NO_PAD.decode(text).map_err(|_| Wrong::Malformed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn header(body: usize) -> Header {
        let stanza = |kind: &str| Stanza { words: vec![kind.into(), "a+/b".into()], body: vec![7; body] };
        Header { stanzas: vec![stanza("X25519"), stanza("other")], mac: [3; MAC] }
    }

    #[test]
    fn a_header_survives_the_way_out_and_in() {
        for body in [0, 1, 32, 47, 48, 49, 96, 1184] {
            let bytes = header(body).bytes();
            assert_eq!(Header::parse(&[&bytes[..], b"payload\n-> x\n"].concat()), Ok((header(body), bytes.len())));
            for end in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..end]), Err(Wrong::Short), "{body} {end}");
            }
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let good = String::from_utf8(header(32).bytes()).unwrap();
        let body = STANDARD_NO_PAD.encode([7; 32]);
        for (from, to) in [
            ("-> X25519", "->  X25519"),
            ("-> X25519", "-> X25519 "),
            ("-> X25519", "-> X\u{e9}"),
            ("-> X25519", "->X25519"),
            ("\n-> other", "\n\n-> other"),
            ("--- ", "---"),
            ("--- ", "---  "),
            ("\n", "\r\n"),
            (body.as_str(), &format!("{body}=")),
            (&body[..63.min(body.len())], "****"),
            ("AwM\n", "AwN\n"),
        ] {
            let wrong = good.replacen(from, to, 1);
            assert!(wrong != good, "{from:?}");
            assert_eq!(
                Header::parse(wrong.as_bytes()).unwrap_err(),
                if from == "\n" { Wrong::Version } else { Wrong::Malformed }
            );
        }
        assert_eq!(Header::parse(b"age-encryption.org/v2\n-> x\n\n"), Err(Wrong::Version));
        assert_eq!(Header::parse(b"\x1f\x8b"), Err(Wrong::Version));
        assert_eq!(Header::parse(b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"), Err(Wrong::Armor));
        assert_eq!(Header::parse(b"age-encryption.org/v1\n--- "), Err(Wrong::Short));
        let endless = [&b"age-encryption.org/v1\n-> "[..], &vec![b'x'; LONGEST]].concat();
        assert_eq!(Header::parse(&endless), Err(Wrong::Long));
    }
}
