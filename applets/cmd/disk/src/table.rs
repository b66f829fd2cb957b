//! Lines of /proc/self/mounts and /etc/fstab: six fields, blanks in them as octal escapes (fstab(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use kit::{Context, Result};

/// Table of current mounts, as this process sees them.
pub const MOUNTS: &str = "/proc/self/mounts";
/// Table of mounts that an administrator wants.
pub const FSTAB: &str = "/etc/fstab";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// A device, a name, or `LABEL=…` and `UUID=…` in fstab.
    pub source: PathBuf,
    /// Mount point.
    pub target: PathBuf,
    /// The file system's type.
    pub kind: String,
    /// The options, by commas.
    pub options: String,
}

impl Entry {
    /// Tells if an option is among them, as a whole word.
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|o| o == option)
    }
}

/// All lines of a table, in its order. A missing table is an error.
pub fn read(path: &str) -> Result<Vec<Entry>> {
    Ok(parse(&std::fs::read(path).on("read", path)?))
}

fn parse(text: &[u8]) -> Vec<Entry> {
    text.split(|b| *b == b'\n').filter_map(entry).collect()
}

fn entry(line: &[u8]) -> Option<Entry> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|f| !f.is_empty());
    let source = fields.next().filter(|f| f.first() != Some(&b'#'))?;
    let target = fields.next()?;
    let kind = fields.next().unwrap_or(b"auto");
    let options = fields.next().unwrap_or(b"defaults");
    Some(Entry {
        source: unescape(source).into(),
        target: unescape(target).into(),
        kind: unescape(kind).to_string_lossy().into_owned(),
        options: unescape(options).to_string_lossy().into_owned(),
    })
}

/// A field without its octal escapes: `\040` is a blank.
pub fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..3).and_then(|d| std::str::from_utf8(d).ok());
        if let Some(byte) = digits.filter(|_| *first == b'\\').and_then(|d| u8::from_str_radix(d, 8).ok()) {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_comments() {
        let entries = parse(b"# head\n\ntmpfs /a\\040b tmpfs rw,nosuid 0 0\n/dev/sda1  /mnt\n");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].target, PathBuf::from("/a b"));
        assert!(entries[0].has("nosuid") && !entries[0].has("suid"));
        assert_eq!((entries[1].kind.as_str(), entries[1].options.as_str()), ("auto", "defaults"));
    }
}
