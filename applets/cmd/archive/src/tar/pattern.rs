//! Patterns that names fit: those that leave files out, and those that choose members.

use std::path::Path;
use std::rc::Rc;

use kit::{Result, glob};

use super::ignores::{self, Ignored};
use super::items;
use super::options::Line;
use crate::files::names::trimmed;

/// Directories and files of version control systems.
const VCS: &[&str] = &[
    "CVS",
    "RCS",
    "SCCS",
    ".git",
    ".gitignore",
    ".gitmodules",
    ".gitattributes",
    ".cvsignore",
    ".svn",
    ".arch-ids",
    "{arch}",
    "=RELEASE-ID",
    "=meta-update",
    "=update",
    ".bzr",
    ".bzrignore",
    ".bzrtags",
    ".hg",
    ".hgignore",
    ".hgrags",
    "_darcs",
];
/// Editors' backups.
const BACKUPS: &[&str] = &[".#*", "*~", "#*#"];

/// A pattern, and how it is meant.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: Vec<u8>,
    wildcards: bool,
    anchored: bool,
    any_case: bool,
    /// `*` fits slashes, too.
    over_slashes: bool,
    /// Files below a directory that fits do, too.
    below: bool,
    /// The last part of a name may fit alone.
    tail: bool,
    /// Names that fit are not left out, whatever a pattern before it tells.
    keeps: bool,
    regular: Option<Rc<pattern::Pattern>>,
}

/// Patterns of which one has to fit.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(pub(super) Vec<Pattern>);

impl Pattern {
    /// A pattern that stands at a place of the command line, which has switches before it.
    pub(super) fn at(line: &Line, place: usize, text: &[u8], excludes: bool) -> Self {
        Self {
            text: text.to_vec(),
            wildcards: line.on_before("wildcards", "no-wildcards", place, excludes),
            anchored: line.on_before("anchored", "no-anchored", place, !excludes),
            any_case: line.on_before("ignore-case", "no-ignore-case", place, false),
            over_slashes: line.on_before("wildcards-match-slash", "no-wildcards-match-slash", place, true),
            below: excludes || line.on_before("recursion", "no-recursion", usize::MAX, true),
            ..Self::plain(b"")
        }
    }

    /// A pattern of a file in a directory, for names below it.
    fn plain(text: &[u8]) -> Self {
        Self {
            text: text.to_vec(),
            wildcards: true,
            anchored: false,
            any_case: false,
            over_slashes: true,
            below: true,
            tail: false,
            keeps: false,
            regular: None,
        }
    }

    /// A pattern of a version control system's file.
    fn ignored(ignored: Ignored) -> Self {
        let Ignored { text, tail, keeps, regular } = ignored;
        Self { anchored: true, over_slashes: false, below: false, tail, keeps, regular, ..Self::plain(&text) }
    }

    /// Tell if a name fits.
    pub(super) fn fits(&self, name: &[u8]) -> bool {
        let last = &name[name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1)..];
        if let Some(regular) = &self.regular {
            return [name, last].iter().any(|name| regular.is_match(name).unwrap_or(false));
        }
        if self.tail && self.whole(&self.text, last) {
            return true;
        }
        let lower;
        let name = if self.any_case {
            lower = name.to_ascii_lowercase();
            &lower
        } else {
            name
        };
        let text = if self.any_case { self.text.to_ascii_lowercase() } else { self.text.clone() };
        if self.from(&text, name) {
            return true;
        }
        let starts = (1..name.len()).filter(|at| name[at - 1] == b'/' && name[*at] != b'/');
        !self.anchored && starts.into_iter().any(|at| self.from(&text, &name[at..]))
    }

    /// The same from the beginning of a name, to its end or with what lies below left out.
    fn from(&self, text: &[u8], name: &[u8]) -> bool {
        let ends = (1..=name.len()).filter(|at| *at == name.len() || (self.below && name[*at] == b'/'));
        ends.into_iter().any(|end| self.whole(text, &name[..end]))
    }

    fn whole(&self, text: &[u8], name: &[u8]) -> bool {
        if !self.wildcards {
            return text == name;
        }
        if self.over_slashes {
            return glob::matches(text, name);
        }
        let count = |bytes: &[u8]| bytes.split(|byte| *byte == b'/').count();
        let mut pairs = text.split(|byte| *byte == b'/').zip(name.split(|byte| *byte == b'/'));
        count(text) == count(name) && pairs.all(|(text, name)| glob::matches(text, name))
    }
}

impl Patterns {
    /// Patterns of what is left out.
    pub(super) fn excluded(line: &Line) -> Result<Self> {
        let mut all = Vec::new();
        for (place, text) in line.many("exclude") {
            all.push(Pattern::at(line, place, text.as_encoded_bytes(), true));
        }
        for (place, file) in line.many("exclude-from") {
            let end = if line.on("null", "no-null") { 0 } else { b'\n' };
            let words = items::words(Path::new(file), end)?;
            all.extend(words.iter().map(|text| Pattern::at(line, place, text, true)));
        }
        for (id, texts) in [("exclude-vcs", VCS), ("exclude-backups", BACKUPS)] {
            if line.has(id) {
                all.extend(texts.iter().map(|text| Pattern::plain(text.as_bytes())));
            }
        }
        Ok(Self(all))
    }

    /// Patterns of a file in a directory; none when it can't be read.
    pub(super) fn of_file(file: &Path) -> Self {
        let words = items::words(file, b'\n').unwrap_or_default();
        Self(words.iter().map(|text| Pattern::plain(text)).collect())
    }

    /// Patterns of version control systems' files in a directory.
    pub(super) fn ignored(directory: &Path) -> Vec<Self> {
        ignores::read(directory).into_iter().map(|all| Self(all.into_iter().map(Pattern::ignored).collect())).collect()
    }

    /// Tell if a name fits one of them. A slash at its end does not count.
    pub(super) fn fit(&self, name: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let name = trimmed(name);
        self.0.iter().rev().find(|pattern| pattern.fits(name)).is_some_and(|pattern| !pattern.keeps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_gnu_has_them() {
        let plain = Pattern::plain(b"*.o");
        assert!(plain.fits(b"a/b.o") && plain.fits(b"b.o/c") && !plain.fits(b"b.oo"));
        let anchored = Pattern { anchored: true, over_slashes: false, ..plain };
        assert!(!anchored.fits(b"a/b.o") && anchored.fits(b"b.o") && anchored.fits(b"b.o/c"));
        let text = Pattern { wildcards: false, anchored: true, ..Pattern::plain(b"a/b") };
        assert!(text.fits(b"a/b/c") && !text.fits(b"x/a/b") && !text.fits(b"a/bc"));
        let part = Pattern::plain(b"a/b");
        assert!(part.fits(b"x/a/b") && part.fits(b"./a/b/c") && !part.fits(b"xa/b"));
        let case = Pattern { any_case: true, ..Pattern::plain(b"README*") };
        assert!(case.fits(b"d/Readme.md"));
    }
}
