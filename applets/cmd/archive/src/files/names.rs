//! Names in archives: bytes, which may lead anywhere until they were made safe.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A name without slashes at its end.
pub(crate) fn trimmed(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    if end == 0 { &name[..name.len().min(1)] } else { &name[..end] }
}

/// A name without its root and without all up to its last `..`, and what was taken off.
pub(crate) fn safe(name: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    let mut at = 0;
    for part in name.split(|byte| *byte == b'/') {
        let end = (at + part.len() + 1).min(name.len());
        if part == b".." || (part.is_empty() && at == start) {
            start = end;
        }
        at = end;
    }
    (&name[start..], &name[..start])
}

/// A path of two parts.
pub(crate) fn join(base: &Path, name: &[u8]) -> PathBuf {
    base.join(OsStr::from_bytes(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end() {
        assert_eq!((trimmed(b"a//"), trimmed(b"/"), trimmed(b"")), (&b"a"[..], &b"/"[..], &b""[..]));
    }

    #[test]
    fn names_are_made_safe() {
        for (name, rest, off) in [
            ("a/b", "a/b", ""),
            ("/a", "a", "/"),
            ("//a//b", "a//b", "//"),
            ("../a", "a", "../"),
            ("a/../b", "b", "a/../"),
            ("./../x/../y", "y", "./../x/../"),
            ("a/..", "", "a/.."),
            ("/", "", "/"),
            ("..a/b", "..a/b", ""),
        ] {
            assert_eq!(safe(name.as_bytes()), (rest.as_bytes(), off.as_bytes()), "{name}");
        }
    }
}
