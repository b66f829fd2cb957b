//! GPT: bytes to a table and back.

use format::gpt;

use super::kinds::Kind;
use super::model::{Label, Part, Table};

/// Reads sectors: the first one's number and how many.
pub type Read<'r> = &'r dyn Fn(u64, u64) -> Option<Vec<u8>>;

/// The table by its first header, or by the copy at the end. True comes with a damaged first one.
pub fn read(sector: u64, sectors: u64, read: Read<'_>) -> Option<(Table, bool)> {
    let whole = |at: u64| table(sector, sectors, at, read);
    whole(1).map(|table| (table, false)).or_else(|| whole(sectors.checked_sub(1)?).map(|table| (table, true)))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn table(sector: u64, sectors: u64, at: u64, read: Read<'_>) -> Option<Table> {
    let header = read(at, 1)?;
    // Other numbers of entries are rare, and what we can't write again is not read.
    let usual = half(&header, 80)? == 128 && half(&header, 84)? == 128;
    if !gpt::is_sound(&header) || !usual || word(&header, 24)? != at {
        return None;
    }
    let mut entries = read(word(&header, 72)?, (gpt::SPACE as u64).div_ceil(sector))?;
    entries.truncate(gpt::SPACE);
    if format::crc32::of(&entries) != half(&header, 88)? {
        return None;
    }
    let (first, last) = (word(&header, 40)?, word(&header, 48)?);
    if first > last || last >= sectors {
        return None;
    }
    let mut parts = Vec::new();
    for (entry, number) in entries.chunks_exact(128).zip(1..) {
        let kind: [u8; 16] = entry[..16].try_into().ok()?;
        let (start, end) = (word(entry, 32)?, word(entry, 40)?);
        if kind == [0; 16] || start > end || end >= sectors {
            continue;
        }
        let units = entry[56..].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        parts.push(Part {
            number,
            start,
            size: end - start + 1,
            kind: Kind::Guid(kind),
            id: entry[16..32].try_into().ok()?,
            name: String::from_utf16_lossy(&units),
            attributes: word(entry, 48)?,
            boots: false,
            link: 0,
        });
    }
    let id = header.get(56..72)?.try_into().ok()?;
    Some(Table { label: Label::Gpt(id), sector, sectors, first, last, parts })
}

/// The bytes at the disk's beginning and at its end.
pub fn bytes(table: &Table, id: [u8; 16]) -> gpt::Table {
    let disk = gpt::Disk { id: gpt::Guid(id), blocks: table.sectors, block: table.sector as usize, boots: false };
    let mut entries = vec![0; gpt::SPACE];
    for part in &table.parts {
        let at = (part.number as usize - 1) * 128;
        let (Some(entry), Kind::Guid(kind)) = (entries.get_mut(at..at + 128), part.kind) else { continue };
        entry[..16].copy_from_slice(&kind);
        entry[16..32].copy_from_slice(&part.id);
        for (at, value) in [(32, part.start), (40, part.end()), (48, part.attributes)] {
            entry[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        for (unit, place) in part.name.encode_utf16().zip(entry[56..].chunks_exact_mut(2)) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
    }
    gpt::with_entries(&disk, table.first, entries)
}
