//! MBR with its chain of logical partitions: bytes to a table and back.

use super::gpt::Read;
use super::kinds::Kind;
use super::model::{Label, Part, Table};

/// Most logical partitions that are read: a chain may go round.
const MOST_LOGICAL: u32 = 60;

/// An entry: mark, type, first sector and number of sectors.
fn entry(sector: &[u8], at: usize) -> Option<(u8, u8, u64, u64)> {
    let entry = sector.get(446 + 16 * at..462 + 16 * at)?;
    let word = |at: usize| entry.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    Some((entry[0], entry[4], u64::from(word(8)?), u64::from(word(12)?)))
}

/// The table; none where there is none, and for the MBR of a GPT.
pub fn read(sector: u64, sectors: u64, read: Read<'_>) -> Option<Table> {
    let first = read(0, 1)?;
    let id = u32::from_le_bytes(first.get(440..444)?.try_into().ok()?);
    if first.get(510..512)? != [0x55, 0xaa] {
        return None;
    }
    let mut table = Table::new(Label::Dos(id), sector, sectors).ok()?;
    for (at, number) in (0..4).zip(1..) {
        let (mark, kind, start, size) = entry(&first, at)?;
        if !matches!(mark, 0 | 0x80) {
            return None;
        }
        if kind != 0 && size != 0 {
            table.parts.push(part(number, mark, kind, start, size, 0));
        }
    }
    if let Some(extended) = table.extended().cloned() {
        logical(&mut table, &extended, read);
    }
    Some(table)
}

const fn part(number: u32, mark: u8, kind: u8, start: u64, size: u64, link: u64) -> Part {
    Part {
        number,
        start,
        size,
        kind: Kind::Byte(kind),
        id: [0; 16],
        name: String::new(),
        attributes: 0,
        boots: mark == 0x80,
        link,
    }
}

fn logical(table: &mut Table, extended: &Part, read: Read<'_>) {
    let (mut link, mut number) = (extended.start, 5);
    while number < 5 + MOST_LOGICAL {
        let Some(sector) = read(link, 1).filter(|sector| sector.get(510..512) == Some(&[0x55, 0xaa])) else { return };
        let (Some(own), Some(next)) = (entry(&sector, 0), entry(&sector, 1)) else { return };
        if own.1 != 0 && own.3 != 0 {
            table.parts.push(part(number, own.0, own.1, link + own.2, own.3, link));
            number += 1;
        }
        // Only forwards: a chain that goes back has no end.
        let ahead = extended.start + next.2;
        if next.1 == 0 || ahead <= link {
            return;
        }
        link = ahead;
    }
}

/// The place of a sector in cylinders, heads and tracks of 255 and 63, which no one uses today.
fn chs(sector: u64) -> [u8; 3] {
    let (cylinder, head, track) = (sector / (255 * 63), sector / 63 % 255, sector % 63 + 1);
    if cylinder > 1023 {
        return [254, 255, 255];
    }
    [head as u8, track as u8 | (cylinder >> 2 & 0xc0) as u8, cylinder as u8]
}

fn put(sector: &mut [u8], at: usize, part: (bool, u8, u64, u64), base: u64) {
    let (boots, kind, start, size) = part;
    let entry = &mut sector[446 + 16 * at..462 + 16 * at];
    entry[0] = if boots { 0x80 } else { 0 };
    entry[1..4].copy_from_slice(&chs(start));
    entry[4] = kind;
    entry[5..8].copy_from_slice(&chs(start + size - 1));
    entry[8..12].copy_from_slice(&((start - base) as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&(size as u32).to_le_bytes());
}

fn byte(part: &Part) -> u8 {
    if let Kind::Byte(byte) = part.kind { byte } else { 0 }
}

/// Sectors to write, the first one of the disk last. Its program in the first 440 bytes stays.
pub fn bytes(table: &Table, id: u32, old: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let length = table.sector as usize;
    let empty = || {
        let mut sector = vec![0; length];
        sector[510..512].copy_from_slice(&[0x55, 0xaa]);
        sector
    };
    let mut sectors = Vec::new();
    if let Some(extended) = table.extended() {
        let inside: Vec<&Part> = table.parts.iter().filter(|part| part.number > 4).collect();
        let link = |at: usize| if at == 0 { extended.start } else { inside[at].link };
        if inside.is_empty() {
            sectors.push((extended.start, empty()));
        }
        for (at, part) in inside.iter().enumerate() {
            let mut sector = empty();
            put(&mut sector, 0, (part.boots, byte(part), part.start, part.size), link(at));
            if let Some(next) = inside.get(at + 1) {
                put(&mut sector, 1, (false, 5, next.link, next.end() - next.link + 1), extended.start);
            }
            sectors.push((link(at), sector));
        }
    }
    let mut first = empty();
    let program = old.len().min(440);
    first[..program].copy_from_slice(&old[..program]);
    first[440..444].copy_from_slice(&id.to_le_bytes());
    for part in table.parts.iter().filter(|part| part.number <= 4) {
        put(&mut first, part.number as usize - 1, (part.boots, byte(part), part.start, part.size), 0);
    }
    sectors.push((0, first));
    sectors
}
