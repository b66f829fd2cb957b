//! Names of files to change, chosen of those that a patch has.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kit::{Error, Result};

use super::Options;
use super::beneath::Spot;
use super::parse::FilePatch;

/// A file's name.
#[derive(Clone, Debug)]
pub(super) struct Name(Vec<u8>);

impl Name {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

/// A name without its first parts; without a count its last part alone.
fn stripped(name: &[u8], count: Option<usize>) -> Option<&[u8]> {
    let Some(count) = count else { return name.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()) };
    let mut rest = name;
    for _ in 0..count {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        rest = &rest[slash..];
        rest = &rest[rest.iter().position(|byte| *byte != b'/')?..];
    }
    (!rest.is_empty()).then_some(rest)
}

/// The file to read and the one to write.
pub(super) fn choose(options: &Options, patch: &FilePatch) -> Result<(Name, Name)> {
    let output = options.output.as_ref().map(|file| Name::new(file.as_os_str().as_bytes()));
    if let Some(file) = &options.file {
        let name = Name::new(file.as_os_str().as_bytes());
        return Ok((name.clone(), output.unwrap_or(name)));
    }
    if let Some(rename) = &patch.rename {
        // These have no first part to lose, but for more than one.
        let count = options.strip.map(|count| count.saturating_sub(1));
        let name = |name: &[u8]| stripped(name, count).map(Name::new).ok_or_else(no_name);
        return Ok((name(&rename.from)?, output.map_or_else(|| name(&rename.to), Ok)?));
    }
    let names = [Some(&patch.old.name), Some(&patch.new.name), patch.index.as_ref()];
    let all: Vec<&[u8]> = names
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty() && *name != b"/dev/null")
        .filter_map(|name| stripped(name, options.strip))
        .collect();
    let is_there = |name: &&&[u8]| Spot::find(&Name::new(name), false, false).ok().flatten().is_some_and(|spot| spot.is_there());
    let parts = |name: &[u8]| name.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count();
    let base = |name: &[u8]| name.rsplit(|byte| *byte == b'/').next().map_or(0, <[u8]>::len);
    let there: Vec<&&[u8]> = all.iter().filter(is_there).collect();
    let best = if there.is_empty() {
        // A file that is made has the new name.
        let new =
            stripped(&patch.new.name, options.strip).filter(|_| patch.new.name != b"/dev/null" && !patch.new.name.is_empty());
        new.or_else(|| all.first().copied())
    } else {
        there.into_iter().min_by_key(|name| (parts(name), base(name), name.len())).copied()
    };
    let name = Name::new(best.ok_or_else(no_name)?);
    Ok((name.clone(), output.unwrap_or(name)))
}

fn no_name() -> Error {
    Error::new("the patch names no file: give it, or another -p")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_off() {
        for (name, count, rest) in [
            ("a/b/c", None, Some("c")),
            ("a/b/c", Some(0), Some("a/b/c")),
            ("a/b/c", Some(1), Some("b/c")),
            ("a///b//c", Some(1), Some("b//c")),
            ("/a/b", Some(1), Some("a/b")),
            ("a", Some(1), None),
        ] {
            assert_eq!(stripped(name.as_bytes(), count), rest.map(str::as_bytes), "{name} {count:?}");
        }
    }
}
