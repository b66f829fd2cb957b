//! `-printf`: a text with directives for a file's properties and backslash escapes.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use kit::{Error, Result, account};

use super::File;
use super::expression::{letter, name};

/// A part of the text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    /// A directive's letter; a positive width stands right, a negative one left.
    Field(char, i32),
}

/// The directives that we have.
const FIELDS: &str = "pfPhHdsbkmMuUgGniylT";

/// Take a text apart.
pub(crate) fn parse(text: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(escape(&mut chars)),
            '%' => {
                let mut width = String::new();
                while let Some(d) = chars.next_if(|c| c.is_ascii_digit() || *c == '-') {
                    width.push(d);
                }
                let field = chars.next().ok_or_else(|| Error::usage("-printf ends in %"))?;
                if field == '%' {
                    plain.push(b'%');
                    continue;
                }
                // Of the forms of a time only seconds since 1970 are there.
                let known = FIELDS.contains(field) && (field != 'T' || chars.next_if_eq(&'@').is_some());
                if !known {
                    return Err(Error::usage(format!("-printf has no directive %{field}")));
                }
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Field(field, width.parse().unwrap_or(0)));
            }
            _ => plain.extend(c.to_string().as_bytes()),
        }
    }
    pieces.push(Piece::Text(plain));
    Ok(pieces)
}

fn escape(chars: &mut std::iter::Peekable<std::str::Chars>) -> Option<u8> {
    Some(match chars.next()? {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        '0' => 0,
        'a' => 7,
        c => u8::try_from(c).ok()?,
    })
}

/// The text for a file.
pub(crate) fn format(pieces: &[Piece], file: &File) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Field(field, width) => {
                let value = value(*field, file);
                let blank = (width.unsigned_abs() as usize).saturating_sub(value.len());
                if *width > 0 {
                    out.resize(out.len() + blank, b' ');
                }
                out.extend_from_slice(&value);
                if *width < 0 {
                    out.resize(out.len() + blank, b' ');
                }
            }
        }
    }
    out
}

fn value(field: char, file: &File) -> Vec<u8> {
    let (path, meta) = (file.path, file.meta);
    let text = match field {
        'p' => return path.as_os_str().as_bytes().to_vec(),
        'f' => return name(path).as_bytes().to_vec(),
        'h' => return path.parent().map_or(&b"."[..], |p| p.as_os_str().as_bytes()).to_vec(),
        'H' => return file.root.as_os_str().as_bytes().to_vec(),
        'P' => return path.strip_prefix(file.root).unwrap_or(path).as_os_str().as_bytes().to_vec(),
        'l' => return std::fs::read_link(path).unwrap_or_default().as_os_str().as_bytes().to_vec(),
        'd' => file.depth.to_string(),
        's' => meta.len().to_string(),
        'b' => meta.blocks().to_string(),
        'k' => meta.blocks().div_ceil(2).to_string(),
        'm' => format!("{:o}", meta.mode() & 0o7777),
        'M' => mode(meta.mode(), letter(meta.file_type())),
        'u' => account::user_name(meta.uid()),
        'U' => meta.uid().to_string(),
        'g' => account::group_name(meta.gid()),
        'G' => meta.gid().to_string(),
        'n' => meta.nlink().to_string(),
        'i' => meta.ino().to_string(),
        'y' => letter(meta.file_type()).to_string(),
        _ => format!("{}.{:09}0", meta.mtime(), meta.mtime_nsec()),
    };
    text.into_bytes()
}

/// `-rwxr-x---`
fn mode(bits: u32, kind: char) -> String {
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
        assert!(parse("%p %z").is_err());
        assert!(parse("%Tc").is_err());
        assert!(parse("%-10f|%T@\\n").is_ok());
    }
}
