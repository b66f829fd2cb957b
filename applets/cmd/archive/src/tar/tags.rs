//! Directories that are left out for a file in them: `--exclude-caches`, `--exclude-tag`, `--exclude-ignore` and their kin.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::options::Line;
use super::pattern::Patterns;

/// Beginning of a cache directory's mark, see the Cache Directory Tagging Specification.
const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
const CACHE: &str = "CACHEDIR.TAG";

/// Parts of a marked directory that are packed.
pub(super) struct Tag {
    /// Nothing at all.
    pub(super) all: bool,
    /// Files in it.
    pub(super) keep: Vec<OsString>,
}

/// The mark of a directory.
pub(super) fn of(line: &Line, path: &Path) -> Option<Tag> {
    let is_cache = || {
        let mut start = vec![0; SIGNATURE.len()];
        File::open(path.join(CACHE)).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == SIGNATURE
    };
    let has = |id: &str| {
        line.many(id).into_iter().map(|(_, name)| name.clone()).find(|name| path.join(name).symlink_metadata().is_ok())
    };
    let cache = |id: &str| line.has(id) && is_cache();
    if cache("exclude-caches-all") || has("exclude-tag-all").is_some() {
        return Some(Tag { all: true, keep: Vec::new() });
    }
    if cache("exclude-caches-under") || has("exclude-tag-under").is_some() {
        return Some(Tag { all: false, keep: Vec::new() });
    }
    let tag = has("exclude-tag").or_else(|| cache("exclude-caches").then(|| CACHE.into()))?;
    Some(Tag { all: false, keep: vec![tag] })
}

/// Patterns of files in a directory for names below it, whose part from `from` on is looked at.
pub(super) fn ignored(line: &Line, path: &Path, from: usize, to: &mut Vec<(usize, Patterns)>) {
    for id in ["exclude-ignore", "exclude-ignore-recursive"] {
        for (_, name) in line.many(id) {
            let patterns = Patterns::of_file(&path.join(name));
            if !patterns.0.is_empty() {
                to.push((from, patterns));
            }
        }
    }
    if line.has("exclude-vcs-ignores") {
        to.extend(Patterns::ignored(path).into_iter().map(|patterns| (from, patterns)));
    }
}
