//! A partition table in memory: places are in sectors.

use kit::{Error, Result};

use super::kinds::Kind;

/// The table's form with the disk's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// MBR.
    Dos(u32),
    /// GPT; the number as it lies on the disk.
    Gpt([u8; 16]),
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// First sector.
    pub start: u64,
    /// Number of sectors, at least 1.
    pub size: u64,
    /// Its type.
    pub kind: Kind,
    /// Its own number, with GPT.
    pub id: [u8; 16],
    /// Its name, with GPT.
    pub name: String,
    /// Attributes of GPT.
    pub attributes: u64,
    /// Marked to be started from, with MBR.
    pub boots: bool,
    /// Sector of the table before a logical partition.
    pub link: u64,
}

impl Part {
    /// Last sector.
    pub const fn end(&self) -> u64 {
        self.start + self.size - 1
    }
}

/// A wish for a new partition.
#[derive(Debug, Clone, Default)]
pub struct Want {
    /// Its number.
    pub number: Option<u32>,
    /// Its first sector.
    pub start: Option<u64>,
    /// Its size; none is all there is.
    pub size: Option<u64>,
    /// Its type.
    pub kind: Option<Kind>,
    /// Its own number.
    pub id: Option<[u8; 16]>,
    /// Its name.
    pub name: String,
    /// Attributes.
    pub attributes: u64,
    /// Marked.
    pub boots: bool,
    /// True for one inside the extended partition; none is whatever is possible.
    pub is_logical: Option<bool>,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its form.
    pub label: Label,
    /// Bytes of a sector.
    pub sector: u64,
    /// Sectors of the disk.
    pub sectors: u64,
    /// First sector for partitions.
    pub first: u64,
    /// Last one.
    pub last: u64,
    /// The partitions by their numbers.
    pub parts: Vec<Part>,
}

impl Table {
    /// An empty table; none where the disk is too small.
    pub fn new(label: Label, sector: u64, sectors: u64) -> Result<Self> {
        let behind = if matches!(label, Label::Gpt(_)) { 16_384_u64.div_ceil(sector) + 2 } else { 1 };
        let most = if matches!(label, Label::Dos(_)) { sectors.min(1 << 32) } else { sectors };
        let grain = (1 << 20) / sector;
        let last = most.checked_sub(behind).filter(|last| *last > grain);
        let last = last.ok_or_else(|| Error::new("make a partition table: the disk is too small"))?;
        Ok(Self { label, sector, sectors, first: grain, last, parts: Vec::new() })
    }

    /// Sectors that partitions are aligned to: a MiB.
    pub const fn grain(&self) -> u64 {
        (1 << 20) / self.sector
    }

    /// True for GPT.
    pub const fn is_gpt(&self) -> bool {
        matches!(self.label, Label::Gpt(_))
    }

    /// The partition with a number.
    pub fn part(&mut self, number: u32) -> Result<&mut Part> {
        let found = self.parts.iter_mut().find(|part| part.number == number);
        found.ok_or_else(|| Error::new(format!("partition {number} does not exist")))
    }

    /// The extended partition of an MBR.
    pub fn extended(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.number <= 4 && part.kind.is_extended())
    }

    /// True for a partition inside the extended one.
    pub const fn is_logical(&self, part: &Part) -> bool {
        !self.is_gpt() && part.number > 4
    }

    /// Free runs of sectors, first and last.
    pub fn gaps(&self, is_logical: bool) -> Vec<(u64, u64)> {
        let range = match self.extended().filter(|_| is_logical) {
            Some(part) => (part.start, part.end()),
            None if is_logical => return Vec::new(),
            None => (self.first, self.last),
        };
        let parts = self.parts.iter().filter(|part| self.is_logical(part) == is_logical);
        let mut used: Vec<_> = parts.map(|part| (if is_logical { part.link } else { part.start }, part.end())).collect();
        used.sort_unstable();
        let (mut at, mut gaps) = (range.0, Vec::new());
        for (start, end) in used.into_iter().chain([(range.1 + 1, range.1 + 1)]) {
            if start > at {
                gaps.push((at, (start - 1).min(range.1)));
            }
            at = at.max(end + 1);
        }
        gaps
    }

    /// Free runs that a partition can begin and end in: its first sector is aligned.
    pub fn rooms(&self, is_logical: bool) -> Vec<(u64, u64)> {
        let grain = self.grain();
        let rooms = self.gaps(is_logical).into_iter();
        rooms
            .map(|(at, end)| (at.next_multiple_of(grain) + if is_logical { grain } else { 0 }, end))
            .filter(|(at, end)| at <= end)
            .collect()
    }

    /// The lowest number that is free.
    pub fn free_number(&self, is_logical: bool) -> Option<u32> {
        let range = match (self.is_gpt(), is_logical) {
            (true, _) => 1..=128,
            (false, false) => 1..=4,
            (false, true) => 5..=60,
        };
        range.into_iter().find(|number| self.parts.iter().all(|part| part.number != *number))
    }

    /// Adds a partition, and tells its number.
    pub fn add(&mut self, want: Want, random: [u8; 16]) -> Result<u32> {
        let kind = want.kind.unwrap_or_else(|| Kind::linux(self.is_gpt()));
        let holds = |start: u64| self.extended().is_some_and(|part| (part.start..=part.end()).contains(&start));
        let is_logical = !self.is_gpt()
            && want
                .is_logical
                .or(want.number.map(|number| number > 4))
                .unwrap_or_else(|| !kind.is_extended() && want.start.map_or_else(|| !self.rooms(true).is_empty(), holds));
        if kind.is_extended() && (is_logical || self.extended().is_some()) {
            return Err(Error::new("an extended partition exists already"));
        }
        let number = match want.number {
            // Logical ones are counted, not named: a higher number is the next one.
            Some(number) if !is_logical => Some(number),
            _ => self.free_number(is_logical),
        };
        let most = if self.is_gpt() { 128 } else { 60 };
        let number = number.filter(|number| (1..=most).contains(number)).ok_or_else(|| Error::new("all numbers are in use"))?;
        if self.parts.iter().any(|part| part.number == number) {
            return Err(Error::new(format!("partition {number} exists already")));
        }
        let (start, end, link) = self.place(&want, is_logical)?;
        let id = want.id.unwrap_or(random);
        let Want { name, attributes, boots, .. } = want;
        let boots = boots && !self.is_gpt();
        self.parts.push(Part { number, start, size: end - start + 1, kind, id, name, attributes, boots, link });
        self.parts.sort_by_key(|part| part.number);
        Ok(number)
    }

    fn place(&self, want: &Want, is_logical: bool) -> Result<(u64, u64, u64)> {
        let none = || Error::new("no room is left for such a partition");
        let rooms = self.rooms(is_logical);
        let fits = |room: &(u64, u64)| want.size.is_none_or(|size| room.1 - room.0 + 1 >= size);
        let start = match want.start {
            Some(start) => start,
            None if want.size.is_some() => rooms.iter().find(|room| fits(room)).ok_or_else(none)?.0,
            None => rooms.iter().max_by_key(|room| (room.1 - room.0, u64::MAX - room.0)).ok_or_else(none)?.0,
        };
        let gaps = self.gaps(is_logical);
        let gap = gaps.iter().find(|(at, end)| (at + u64::from(is_logical)..=*end).contains(&start));
        let gap = gap.ok_or_else(|| Error::new(format!("sector {start} is in use or outside")))?;
        let end = if let Some(size) = want.size {
            size.checked_sub(1).and_then(|size| start.checked_add(size)).filter(|end| *end <= gap.1).ok_or_else(none)?
        } else {
            let aligned = (gap.1 + 1) / self.grain() * self.grain();
            if self.is_gpt() && aligned > start { aligned - 1 } else { gap.1 }
        };
        // The table before a logical partition has a MiB for itself where there is room.
        Ok((start, end, gap.0.max(start.saturating_sub(self.grain()))))
    }

    /// Takes a partition out, an extended one with those inside.
    pub fn delete(&mut self, number: u32) -> Result<()> {
        let gone = self.part(number)?.clone();
        let is_gpt = self.is_gpt();
        let with_logical = !is_gpt && number <= 4 && gone.kind.is_extended();
        self.parts.retain(|part| part.number != number && !(with_logical && part.number > 4));
        for part in self.parts.iter_mut().filter(|part| !is_gpt && number > 4 && part.number > number) {
            part.number -= 1;
        }
        Ok(())
    }

    /// Nothing overlaps and nothing lies outside.
    pub fn check(&self) -> Result<()> {
        for part in &self.parts {
            let inside = part.start.checked_add(part.size).is_some_and(|end| part.size > 0 && end <= self.sectors);
            if !inside {
                return Err(Error::new(format!("partition {} lies outside the disk", part.number)));
            }
            let is_same = |other: &&Part| self.is_logical(other) == self.is_logical(part) && other.number > part.number;
            if let Some(other) =
                self.parts.iter().filter(is_same).find(|other| other.start <= part.end() && part.start <= other.end())
            {
                return Err(Error::new(format!("partitions {} and {} overlap", part.number, other.number)));
            }
        }
        Ok(())
    }
}
