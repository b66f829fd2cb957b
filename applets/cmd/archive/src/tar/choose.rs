//! Members that were asked for by name, each found or not.

use std::path::PathBuf;

use super::items::Item;
use super::options::Options;
use super::pattern::Pattern;
use crate::files::member::Member;
use crate::files::names::trimmed;
use crate::files::status::Status;

/// A name that was asked for.
struct Wanted {
    text: Vec<u8>,
    pattern: Pattern,
    found: usize,
    /// Index of the directory that it is unpacked in.
    base: usize,
}

/// All of them; every member is wanted when there are none.
pub(super) struct Choice<'a> {
    options: &'a Options,
    wanted: Vec<Wanted>,
    started: bool,
    /// Directories that are entered, the last one for members that nobody named.
    pub(super) bases: Vec<PathBuf>,
}

impl<'a> Choice<'a> {
    /// The choice of a command line.
    pub(super) fn new(options: &'a Options) -> Self {
        let mut bases = vec![PathBuf::from(".")];
        let mut wanted = Vec::new();
        for item in &options.items {
            match item {
                Item::Name(text) => {
                    let text = trimmed(text).to_vec();
                    let pattern = Pattern::at(&options.line, usize::MAX, &text, false);
                    wanted.push(Wanted { text, pattern, found: 0, base: bases.len() - 1 });
                }
                Item::Directory(dir) => {
                    let next = bases.last().map(|base| base.join(dir)).unwrap_or_default();
                    bases.push(next);
                }
                Item::Recursion(_) => {}
            }
        }
        Self { options, wanted, started: options.line.at("starting-file").is_none(), bases }
    }

    /// Index of the directory for a member that is wanted.
    pub(super) fn of(&mut self, member: &Member) -> Option<usize> {
        let name = trimmed(&member.name);
        if !self.started {
            self.started = self.options.line.one("starting-file").is_some_and(|from| from.as_encoded_bytes() == name);
            if !self.started {
                return None;
            }
        }
        let old = self.options.newer.is_some_and(|newer| member.mtime < newer);
        if old && self.options.line.at("delete").is_none() {
            return None;
        }
        if self.wanted.is_empty() {
            return (!self.options.exclude.fit(name)).then(|| self.bases.len() - 1);
        }
        let found = self.wanted.iter_mut().find(|wanted| wanted.pattern.fits(name))?;
        found.found += 1;
        let base = found.base;
        let right_one = self.options.occurrence.is_none_or(|nth| nth == found.found);
        (right_one && !self.options.exclude.fit(name)).then_some(base)
    }

    /// Tell if no further member can be wanted.
    pub(super) fn is_done(&self) -> bool {
        let nth = self.options.occurrence;
        !self.wanted.is_empty() && nth.is_some_and(|nth| self.wanted.iter().all(|wanted| wanted.found >= nth))
    }

    /// Tell of those that were not there.
    pub(super) fn complain(&self, status: &Status) {
        let least = self.options.occurrence.unwrap_or(1);
        for wanted in self.wanted.iter().filter(|wanted| wanted.found < least) {
            status.fail(format_args!("{}: not found in the archive", String::from_utf8_lossy(&wanted.text)));
        }
    }
}
