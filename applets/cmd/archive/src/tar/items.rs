//! Names of a command line in their order, with the directories between them.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

use super::options::Line;

/// Something that stands among the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Name(Vec<u8>),
    /// Directory to enter, from the one before.
    Directory(PathBuf),
    /// Items after this one come with all below them, or without.
    Recursion(bool),
}

/// All items: names, `-C`, `-T` and `--no-recursion`.
pub(super) fn read(line: &Line) -> Result<Vec<Item>> {
    let mut all: Vec<(usize, Vec<Item>)> = Vec::new();
    for id in ["names", "add-file"] {
        all.extend(line.many(id).into_iter().map(|(at, name)| (at, vec![Item::Name(name.as_bytes().to_vec())])));
    }
    all.extend(line.many("directory").into_iter().map(|(at, dir)| (at, vec![Item::Directory(dir.into())])));
    for (at, file) in line.many("files-from") {
        all.push((at, list(line, Path::new(file))?));
    }
    for (id, on) in [("recursion", true), ("no-recursion", false)] {
        // A switch at the end was meant for all.
        all.extend(
            line.at(id)
                .map(|at| (if line.many("names").iter().all(|(n, _)| *n < at) { 0 } else { at }, on))
                .map(|(at, on)| (at, vec![Item::Recursion(on)])),
        );
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, items)| items).collect())
}

/// Items of a file of names.
fn list(line: &Line, file: &Path) -> Result<Vec<Item>> {
    let null = line.on("null", "no-null");
    let verbatim = line.on_before("verbatim-files-from", "no-verbatim-files-from", usize::MAX, null);
    let unquote = line.on_before("unquote", "no-unquote", usize::MAX, true) && !null;
    let mut items = Vec::new();
    let mut entries = words(file, if null { 0 } else { b'\n' })?.into_iter();
    while let Some(word) = entries.next() {
        if word.first() == Some(&b'-') && !verbatim {
            let dir = match word.as_slice() {
                b"-C" | b"--directory" => entries.next().unwrap_or_default(),
                [b'-', b'C', dir @ ..] => dir.trim_ascii_start().to_vec(),
                other => other.strip_prefix(b"--directory=").map(<[u8]>::to_vec).ok_or_else(|| {
                    let word = String::from_utf8_lossy(&word).into_owned();
                    Error::usage(format!("{}: the option {word} is not taken here", file.display()))
                })?,
            };
            items.push(Item::Directory(OsString::from_vec(dir).into()));
        } else {
            items.push(Item::Name(if unquote { unquoted(&word) } else { word }));
        }
    }
    Ok(items)
}

/// Words of a file, or of standard input for `-`; empty ones are left out.
pub(super) fn words(file: &Path, end: u8) -> Result<Vec<Vec<u8>>> {
    let text = if file == Path::new("-") {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map(|_| text)
    } else {
        fs::read(file)
    };
    let text = text.on("read", file)?;
    Ok(text.split(|byte| *byte == end).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect())
}

/// A text without escapes: `\n`, `\t`, `\\`, `\123` and their kin.
pub(super) fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let Some((letter, behind)) = after.split_first().filter(|_| *byte == b'\\') else {
            plain.push(*byte);
            continue;
        };
        rest = behind;
        match letter {
            b'a' => plain.push(7),
            b'b' => plain.push(8),
            b'f' => plain.push(12),
            b'n' => plain.push(b'\n'),
            b'r' => plain.push(b'\r'),
            b't' => plain.push(b'\t'),
            b'v' => plain.push(11),
            b'?' => plain.push(127),
            b'\\' => plain.push(b'\\'),
            b'0'..=b'7' => {
                let digits = after.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
                plain.push(after[..digits].iter().fold(0_u8, |value, digit| value.wrapping_mul(8) + (digit - b'0')));
                rest = &after[digits..];
            }
            other => plain.extend([b'\\', *other]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(unquoted(br"a\nb\\c\101\x\"), b"a\nb\\cA\\x\\");
        assert_eq!(unquoted(b"plain"), b"plain");
    }
}
