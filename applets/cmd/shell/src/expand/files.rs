//! Names of files that fit a pattern.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::field::{self, Cell};
use crate::ast::Bytes;
use crate::matching::{Pattern, is_pattern};
use crate::shell::{Flow, Shell, shown};

/// Deepest directories that `**` goes to.
const DEEPEST: usize = 64;

/// Settings of one search.
struct Search {
    groups: bool,
    dot: bool,
    any_case: bool,
    everywhere: bool,
}

impl Shell {
    /// Adds the names that fit, sorted; the word itself where there are none.
    pub(super) fn file_names(&mut self, cells: &[Cell], all: &mut Vec<Bytes>) -> Result<(), Flow> {
        let search = Search {
            groups: self.shopt.extglob,
            dot: self.shopt.dotglob,
            any_case: self.shopt.nocaseglob,
            everywhere: self.shopt.globstar,
        };
        let mut found = search.names(cells);
        if let Some(ignored) = self.vars.text(b"GLOBIGNORE").filter(|text| !text.is_empty()) {
            let patterns: Vec<Pattern> =
                ignored.split(|byte| *byte == b':').map(|text| Pattern::of_text(text, search.groups, false)).collect();
            found.retain(|name| !patterns.iter().any(|pattern| pattern.matches(name)));
        }
        found.sort_unstable();
        if !found.is_empty() {
            all.extend(found);
        } else if self.shopt.failglob {
            return self.fail(format!("no match: {}", shown(&field::text(cells))));
        } else if !self.shopt.nullglob {
            all.push(field::text(cells));
        }
        Ok(())
    }
}

impl Search {
    fn names(&self, cells: &[Cell]) -> Vec<Bytes> {
        let mut places = vec![Bytes::new()];
        let parts = components(cells);
        let last = parts.len().saturating_sub(1);
        for (number, part) in parts.iter().enumerate() {
            let more = number < last;
            let mut next = Vec::new();
            let star = self.everywhere && field::text(part) == b"**" && is_pattern(part, false);
            for place in places {
                if star {
                    self.below(&place, more, 0, &mut next);
                } else {
                    self.step(&place, part, more, &mut next);
                }
            }
            places = next;
        }
        places.retain(|place| !place.is_empty());
        places
    }

    /// Adds the names in one directory that fit one part of the pattern.
    fn step(&self, place: &[u8], part: &[Cell], more: bool, next: &mut Vec<Bytes>) {
        let end: &[u8] = if more { b"/" } else { b"" };
        if !is_pattern(part, self.groups) {
            let name = unescaped(part);
            let whole = [place, &name, end].concat();
            // A name that is written out must be there; parts before a slash are looked at by what follows.
            if more && name.is_empty() || fs::symlink_metadata(OsStr::from_bytes(&whole)).is_ok() {
                next.push(whole);
            } else if !more
                && name.is_empty()
                && !place.is_empty()
                && fs::metadata(OsStr::from_bytes(place)).is_ok_and(|found| found.is_dir())
            {
                next.push(place.to_vec());
            }
            return;
        }
        let pattern = Pattern::new(part, self.groups, self.any_case);
        let hidden = pattern.begins_with_dot();
        for name in self.entries(place, hidden) {
            if !pattern.matches(&name) {
                continue;
            }
            let whole = [place, &name].concat();
            if !more {
                next.push(whole);
            } else if is_directory(&whole) {
                next.push([&whole, end].concat());
            }
        }
    }

    /// Names in a directory.
    fn entries(&self, place: &[u8], hidden: bool) -> Vec<Bytes> {
        let directory: &[u8] = if place.is_empty() { b"." } else { place };
        let Ok(entries) = fs::read_dir(OsStr::from_bytes(directory)) else { return Vec::new() };
        let mut names: Vec<Bytes> = entries.flatten().map(|entry| entry.file_name().into_vec()).collect();
        if hidden {
            names.extend([b".".to_vec(), b"..".to_vec()]);
        }
        names.retain(|name| hidden || self.dot || !name.starts_with(b"."));
        names
    }

    /// Adds a directory and all below it; where nothing follows, files too.
    fn below(&self, place: &[u8], more: bool, depth: usize, next: &mut Vec<Bytes>) {
        if more || depth == 0 {
            next.push(place.to_vec());
        }
        if depth >= DEEPEST {
            return;
        }
        let mut names = self.entries(place, false);
        names.sort_unstable();
        for name in names {
            let whole = [place, &name].concat();
            let directory = fs::symlink_metadata(OsStr::from_bytes(&whole)).is_ok_and(|m| m.is_dir());
            if !more {
                next.push(whole.clone());
            }
            if directory {
                self.below(&[&whole, b"/".as_slice()].concat(), more, depth + 1, next);
            }
        }
    }
}

fn is_directory(name: &[u8]) -> bool {
    fs::metadata(OsStr::from_bytes(name)).is_ok_and(|found| found.is_dir())
}

/// Text of a part that is no pattern: a backslash in it hides the next byte.
fn unescaped(part: &[Cell]) -> Bytes {
    let mut text = Bytes::new();
    let mut cells = part.iter().filter(|cell| cell.1 != field::Mark::Empty).peekable();
    while let Some(cell) = cells.next() {
        if cell.0 == b'\\'
            && cell.1.is_special()
            && let Some(next) = cells.next()
        {
            text.push(next.0);
            continue;
        }
        text.push(cell.0);
    }
    text
}

/// Parts of a pattern between slashes. Several slashes stay together with the part in front of them.
fn components(cells: &[Cell]) -> Vec<Vec<Cell>> {
    let mut parts = vec![Vec::new()];
    for cell in cells {
        if cell.0 == b'/' {
            parts.push(Vec::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(*cell);
        }
    }
    parts
}
