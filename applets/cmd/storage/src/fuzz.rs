//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.
#![expect(clippy::missing_panics_doc, reason = "to a broken invariant is reported to the fuzzer by a panic")]

use crate::partitions::{dos, gpt};

/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Sectors of the disk: the bytes are its beginning, the rest is zeroes.
const SECTORS: u64 = 1 << 20;

/// A disk with an MBR or a GPT: a table that passes the check can be written, and read again as it was.
pub fn partitions(bytes: &[u8]) {
    let read = |at: u64, count: u64| {
        let (from, to) = (at.checked_mul(SECTOR)?, at.checked_add(count)?.checked_mul(SECTOR)?);
        if to > SECTORS * SECTOR {
            return None;
        }
        let mut sectors = vec![0; (to - from) as usize];
        let rest = bytes.get(from as usize..).unwrap_or_default();
        let length = rest.len().min(sectors.len());
        sectors[..length].copy_from_slice(&rest[..length]);
        Some(sectors)
    };
    if let Some((table, _)) = gpt::read(SECTOR, SECTORS, &read) {
        let written = gpt::bytes(&table, [7; 16]);
        let again = |at: u64, count: u64| {
            written.head.get((at * SECTOR) as usize..(at.checked_add(count)? * SECTOR) as usize).map(<[u8]>::to_vec)
        };
        assert!(
            gpt::read(SECTOR, SECTORS, &again).is_some_and(|(new, _)| new.parts.len() == table.parts.len()),
            "a partition is lost"
        );
        let _ = (table.check(), table.rooms(false));
    }
    if let Some(table) = dos::read(SECTOR, SECTORS, &read) {
        let _ = (table.rooms(false), table.rooms(true));
        if table.check().is_ok() {
            let written = dos::bytes(&table, 7, bytes);
            assert!(written.iter().all(|(at, sector)| *at < SECTORS && sector.len() as u64 == SECTOR), "a sector lies outside");
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn damaged_tables_are_no_danger() {
        let mut disk = vec![0_u8; 4096];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let mut seed = 1_u32;
        for round in 0..20_000 {
            let mut damaged = disk.clone();
            for _ in 0..40 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                damaged[446 + (seed >> 8) as usize % 64] = [0, 1, 5, 0x80, 0xff, 0x83][(seed >> 24) as usize % 6];
            }
            damaged[446] = 0x80 * (round % 2) as u8;
            for at in [1, 2, 3] {
                damaged[446 + 16 * at] = 0;
            }
            damaged.copy_within(0..512, 512);
            damaged.copy_within(0..512, 1024);
            super::partitions(&damaged);
        }
        super::partitions(&[]);
    }
}
