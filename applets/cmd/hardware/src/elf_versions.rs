//! Versions of symbols (GNU's extension of the ELF gABI): a number a symbol, and texts for the numbers.

use crate::elf::{Elf, Section};

/// Versions that a file has: of its own symbols, and of those that it needs.
pub struct Versions<'a> {
    elf: &'a Elf<'a>,
    /// Place of the numbers.
    numbers: Option<Section>,
    /// Number, text, and true for one that the file needs.
    texts: Vec<(u64, String, bool)>,
}

/// Entries of a list that are followed: each is linked to the next by a distance, which can lead in circles.
const MOST: usize = 10_000;

impl<'a> Versions<'a> {
    /// Reads them.
    pub fn new(elf: &'a Elf<'a>, sections: &[Section]) -> Self {
        let find = |kind: u64| sections.iter().find(|section| section.kind == kind);
        let mut versions = Self { elf, numbers: find(0x6fff_ffff).copied(), texts: Vec::new() };
        let texts = |section: &Section| {
            let strings = usize::try_from(section.link).ok().and_then(|link| sections.get(link));
            strings.map(|strings| elf.content(strings)).unwrap_or_default()
        };
        if let Some(section) = find(0x6fff_fffd) {
            versions.own(section.offset, texts(section));
        }
        if let Some(section) = find(0x6fff_fffe) {
            versions.needed(section.offset, texts(section));
        }
        versions
    }

    fn at(&self, at: u64, length: usize) -> Option<u64> {
        self.elf.number(usize::try_from(at).ok()?, length)
    }

    /// Versions of the file's own symbols: number at 4, place of the first name at 12, of the next entry at 16.
    fn own(&mut self, start: u64, texts: &[u8]) -> Option<()> {
        let mut at = start;
        for _ in 0..MOST {
            let name = at.checked_add(self.at(at.checked_add(12)?, 4)?)?;
            let text = Elf::text(texts, self.at(name, 4)?);
            self.texts.push((self.at(at + 4, 2)?, text, false));
            at = at.checked_add(self.at(at + 16, 4).filter(|next| *next != 0)?)?;
        }
        None
    }

    /// Versions that it needs: a list of files, each with a list of versions.
    fn needed(&mut self, start: u64, texts: &[u8]) -> Option<()> {
        let mut file = start;
        while self.texts.len() < MOST {
            let mut at = file.checked_add(self.at(file.checked_add(8)?, 4)?)?;
            while self.texts.len() < MOST {
                let text = Elf::text(texts, self.at(at.checked_add(8)?, 4)?);
                self.texts.push((self.at(at + 6, 2)?, text, true));
                let Some(next) = self.at(at + 12, 4).filter(|next| *next != 0) else { break };
                at = at.checked_add(next)?;
            }
            file = file.checked_add(self.at(file + 12, 4).filter(|next| *next != 0)?)?;
        }
        None
    }

    /// Version of a symbol as it stands behind the name, and its number where the symbol is needed.
    pub fn of(&self, index: u64, defined: bool) -> Option<(String, Option<u64>)> {
        let at = self.numbers?.offset.checked_add(index.checked_mul(2)?)?;
        let number = self.at(at, 2)?;
        let (hidden, number) = (number & 0x8000 != 0, number & 0x7fff);
        if number < 2 {
            return None;
        }
        let found = |needed: bool| self.texts.iter().find(|(known, _, of)| *known == number && *of == needed);
        let (_, text, needed) = found(!defined).or_else(|| found(defined))?;
        Some(if *needed {
            (format!("@{text}"), Some(number))
        } else {
            (format!("{}{text}", if hidden { "@" } else { "@@" }), None)
        })
    }
}
