//! `-printf`: a text with directives for a file's properties and backslash escapes.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use kit::{Error, Result, account};

use super::File;
use super::expression::Time;
use super::test::{at, file_system, letter, name};
use super::time::Date;

/// A part of the text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    Field(Field),
    /// `\c`: nothing more.
    Stop,
}

/// A directive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    letter: char,
    /// Form of a time.
    form: Option<char>,
    left: bool,
    zeros: bool,
    sign: Option<char>,
    other_form: bool,
    width: usize,
    precision: Option<usize>,
}

/// The directives that we have.
const FIELDS: &str = "abcdDfFgGhHiklmMnpPsStuUyY";

/// Take a text apart.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' if rest.first() == Some(&b'c') => {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Stop);
                return Ok(pieces);
            }
            b'\\' => rest = escape(rest, &mut plain),
            b'%' if rest.first() == Some(&b'%') => {
                plain.push(b'%');
                rest = &rest[1..];
            }
            b'%' => {
                let (field, after) = field(rest)?;
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Field(field));
                rest = after;
            }
            byte => plain.push(*byte),
        }
    }
    pieces.push(Piece::Text(plain));
    Ok(pieces)
}

/// Directive behind a %.
fn field(text: &[u8]) -> Result<(Field, &[u8])> {
    let mut field = Field::default();
    let mut rest = text;
    while let Some((flag, after)) = rest.split_first() {
        match flag {
            b'-' => field.left = true,
            b'0' => field.zeros = true,
            b'+' | b' ' => field.sign = Some(char::from(*flag)),
            b'#' => field.other_form = true,
            _ => break,
        }
        rest = after;
    }
    let number = |rest: &mut &[u8]| {
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = rest.split_at(len);
        *rest = after;
        String::from_utf8_lossy(digits).parse::<u16>().map_or(0, usize::from)
    };
    field.width = number(&mut rest);
    if let Some(after) = rest.strip_prefix(b".") {
        rest = after;
        field.precision = Some(number(&mut rest));
    }
    let (letter, after) = rest.split_first().ok_or_else(|| Error::usage("-printf ends in %"))?;
    field.letter = char::from(*letter);
    rest = after;
    if matches!(letter, b'A' | b'C' | b'T') {
        let form = rest.first().map(|form| char::from(*form));
        let known = form.filter(|form| Date::new((0, 0)).form(*form).is_some());
        field.form = Some(
            known.ok_or_else(|| Error::usage(format!("-printf has no directive %{}{}", field.letter, form.unwrap_or(' '))))?,
        );
        rest = &rest[1..];
    } else if !FIELDS.contains(field.letter) {
        return Err(Error::usage(format!("-printf has no directive %{}", field.letter)));
    }
    Ok((field, rest))
}

/// Character behind a backslash. Returns the rest.
fn escape<'a>(text: &'a [u8], to: &mut Vec<u8>) -> &'a [u8] {
    let digits = text.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    if digits > 0 {
        let value = text[..digits].iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
        to.push(value.to_le_bytes()[0]);
        return &text[digits..];
    }
    let Some((letter, rest)) = text.split_first() else {
        to.push(b'\\');
        return text;
    };
    match letter {
        b'a' => to.push(7),
        b'b' => to.push(8),
        b'f' => to.push(12),
        b'n' => to.push(b'\n'),
        b'r' => to.push(b'\r'),
        b't' => to.push(b'\t'),
        b'v' => to.push(11),
        b'\\' => to.push(b'\\'),
        other => to.extend([b'\\', *other]),
    }
    rest
}

/// The text for a file.
pub(crate) fn format(pieces: &[Piece], file: &File) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Field(field) => field.put(value(field, file), &mut out),
            Piece::Stop => break,
        }
    }
    out
}

/// A property: a text, or a number, which a precision does not cut. Only depth and mode are numbers: GNU's.
enum Value {
    Text(Vec<u8>),
    Number(String),
}

impl Field {
    fn put(&self, value: Value, out: &mut Vec<u8>) {
        let mut text = match value {
            Value::Text(mut text) => {
                text.truncate(self.precision.unwrap_or(usize::MAX));
                text
            }
            Value::Number(digits) => {
                let least = self.precision.unwrap_or(if self.zeros && !self.left { self.width } else { 0 });
                let sign = self.sign.filter(|_| self.letter == 'd').map(String::from).unwrap_or_default();
                let least = least.saturating_sub(if self.precision.is_none() { sign.len() } else { 0 });
                format!("{sign}{digits:0>least$}").into_bytes()
            }
        };
        let blank = self.width.saturating_sub(text.len());
        if self.left {
            text.resize(text.len() + blank, b' ');
        } else {
            out.resize(out.len() + blank, b' ');
        }
        out.extend_from_slice(&text);
    }
}

fn value(field: &Field, file: &File) -> Value {
    let (path, meta) = (file.path, file.meta);
    let bytes = path.as_os_str().as_bytes();
    let date = |time| Date::new(at(time, meta));
    let form = |time| date(time).form(field.form.unwrap_or('@')).unwrap_or_default();
    let text = match field.letter {
        'p' => bytes.to_vec(),
        'f' => name(path).as_bytes().to_vec(),
        'h' => directory(bytes).to_vec(),
        'H' => file.root.as_os_str().as_bytes().to_vec(),
        'P' => path.strip_prefix(file.root).unwrap_or(path).as_os_str().as_bytes().to_vec(),
        'l' if meta.is_symlink() => fs::read_link(path).unwrap_or_default().as_os_str().as_bytes().to_vec(),
        'l' => Vec::new(),
        'F' => file_system(meta.dev()).into_bytes(),
        'M' => mode(meta.mode(), letter(meta.file_type())).into_bytes(),
        'u' => account::user_name(meta.uid()).into_bytes(),
        'g' => account::group_name(meta.gid()).into_bytes(),
        'y' => letter(meta.file_type()).to_string().into_bytes(),
        'Y' => other_type(file).to_string().into_bytes(),
        'S' => sparseness(meta.blocks(), meta.len()).into_bytes(),
        'a' => date(Time::Access).whole().into_bytes(),
        'c' => date(Time::Change).whole().into_bytes(),
        't' => date(Time::Modification).whole().into_bytes(),
        'A' => form(Time::Access).into_bytes(),
        'C' => form(Time::Change).into_bytes(),
        'T' => form(Time::Modification).into_bytes(),
        letter @ ('d' | 'm') => return Value::Number(number(letter, field, file)),
        letter => number(letter, field, file).into_bytes(),
    };
    Value::Text(text)
}

fn number(letter: char, field: &Field, file: &File) -> String {
    let meta = file.meta;
    match letter {
        'd' => file.depth.to_string(),
        's' => meta.len().to_string(),
        'b' => meta.blocks().to_string(),
        'k' => meta.blocks().div_ceil(2).to_string(),
        'm' if field.other_form => format!("0{:o}", meta.mode() & 0o7777),
        'm' => format!("{:o}", meta.mode() & 0o7777),
        'U' => meta.uid().to_string(),
        'G' => meta.gid().to_string(),
        'n' => meta.nlink().to_string(),
        'D' => meta.dev().to_string(),
        _ => meta.ino().to_string(),
    }
}

/// Text before the last part of a path.
fn directory(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    match path[..end].iter().rposition(|byte| *byte == b'/') {
        Some(slash) => &path[..slash],
        None if end == 0 => b"",
        None => b".",
    }
}

/// The type of what a link leads to: N for nothing, L for a circle.
fn other_type(file: &File) -> char {
    if !file.meta.is_symlink() {
        return letter(file.meta.file_type());
    }
    match fs::metadata(file.path) {
        Ok(meta) => letter(meta.file_type()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => 'N',
        Err(e) if rustix::io::Errno::from_io_error(&e) == Some(rustix::io::Errno::LOOP) => 'L',
        Err(_) => '?',
    }
}

/// Blocks by size, as C's `%g`: six digits at most.
#[expect(clippy::cast_precision_loss, reason = "six digits are shown")]
fn sparseness(blocks: u64, len: u64) -> String {
    if len == 0 {
        return if blocks == 0 { "1".into() } else { "inf".into() };
    }
    let ratio = blocks as f64 * 512.0 / len as f64;
    let exponent = if ratio == 0.0 { 0 } else { ratio.log10().floor() as i32 };
    let places = usize::try_from(5 - exponent).unwrap_or(0);
    let text = format!("{ratio:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `-rwxr-x---`
pub(super) fn mode(bits: u32, kind: char) -> String {
    let mut text = String::from(if kind == 'f' { '-' } else { kind });
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let has = |bit: u32| bits & (bit << shift) != 0;
        text.push(if has(4) { 'r' } else { '-' });
        text.push(if has(2) { 'w' } else { '-' });
        text.push(match (bits & special != 0, has(1)) {
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
            (_, true) => 'x',
            _ => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_as_letters() {
        assert_eq!(mode(0o4755, 'f'), "-rwsr-xr-x");
        assert_eq!(mode(0o1777, 'd'), "drwxrwxrwt");
    }

    #[test]
    fn unknown_directives_are_refused() {
        for wrong in [&b"%p %z"[..], b"%Tq", b"%T", b"%", b"%-5"] {
            assert!(parse(wrong).is_err());
        }
        assert!(parse(b"%-10f|%T@|%5.2p|%AY\\n").is_ok());
    }

    #[test]
    fn directories_of_paths() {
        for (path, expected) in [("a", "."), ("a/b", "a"), ("/a", ""), ("/", ""), ("a/b/", "a"), ("./a", ".")] {
            assert_eq!(directory(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }
}
