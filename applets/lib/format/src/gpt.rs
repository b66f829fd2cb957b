//! Partition tables as UEFI has them (UEFI specification, chapter 5): the protective MBR, the header and the entries, at the
//! disk's beginning and, turned round, at its end.

use alloc::vec;
use alloc::vec::Vec;

use crate::crc32;

/// Bytes of a block of an image; media of 4096 bytes a block see one for 512 as it is not meant.
pub const BLOCK: usize = 512;
/// Entries in the table, which no one reads otherwise.
const ENTRIES: usize = 128;
const ENTRY_LEN: usize = 128;
const HEADER_LEN: usize = 92;
/// Bytes of all entries.
pub const SPACE: usize = ENTRIES * ENTRY_LEN;
/// Blocks of the table of entries, for blocks of [`BLOCK`] bytes.
const TABLE: u64 = (ENTRIES * ENTRY_LEN / BLOCK) as u64;
/// Blocks of [`BLOCK`] bytes before the first partition can begin, and after the last one.
pub const BEFORE: u64 = TABLE + 2;
/// Blocks of [`BLOCK`] bytes at the disk's end.
pub const AFTER: u64 = TABLE + 1;

/// The type of a UEFI system partition.
pub const SYSTEM: Guid = Guid::of(0xc12a_7328, 0xf81f, 0x11d2, [0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b]);
/// The type of a partition that a BIOS loader lies in.
pub const BIOS_BOOT: Guid = Guid::of(0x2168_6148, 0x6449, 0x6e6f, [0x74, 0x4e, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49]);

/// The type of a partition with a file system of Linux.
pub const LINUX: Guid = Guid::of(0x0fc6_3daf, 0x8483, 0x4772, [0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4]);

/// A GUID as it lies on the disk: its first three parts little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// Out of its parts as they are written.
    pub const fn of(a: u32, b: u16, c: u16, rest: [u8; 8]) -> Self {
        let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
        let r = rest;
        Self([a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]])
    }
}

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Its own number.
    pub id: Guid,
    /// Its size in blocks.
    pub blocks: u64,
    /// Bytes of a block: [`BLOCK`], or 4096 on some disks.
    pub block: usize,
    /// True for a disk that a BIOS is meant to start from.
    pub boots: bool,
}

impl Disk {
    /// A disk image that a machine starts from.
    pub const fn image(id: Guid, blocks: u64) -> Self {
        Self { id, blocks, block: BLOCK, boots: true }
    }

    /// Blocks of the table of entries.
    const fn table(&self) -> u64 {
        (ENTRIES * ENTRY_LEN).div_ceil(self.block) as u64
    }

    /// Blocks before the first partition can begin.
    pub const fn before(&self) -> u64 {
        self.table() + 2
    }

    /// Blocks behind the last partition.
    pub const fn after(&self) -> u64 {
        self.table() + 1
    }
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition<'a> {
    /// Type of the partition.
    pub kind: Guid,
    /// Its own.
    pub id: Guid,
    /// Its first block and the number of its blocks.
    pub first: u64,
    /// In blocks, at least one.
    pub blocks: u64,
    /// At most 36 characters of UTF-16.
    pub name: &'a str,
}

/// Bytes before the first partition and behind the last one.
pub struct Table {
    /// [`Disk::before`] blocks; its first 440 bytes are free for a BIOS loader.
    pub head: Vec<u8>,
    /// [`Disk::after`] blocks.
    pub tail: Vec<u8>,
}

/// The tables of a disk.
pub fn table(disk: &Disk, partitions: &[Partition<'_>]) -> Table {
    let mut entries = vec![0; ENTRIES * ENTRY_LEN];
    for (partition, entry) in partitions.iter().zip(entries.chunks_exact_mut(ENTRY_LEN)) {
        entry[..16].copy_from_slice(&partition.kind.0);
        entry[16..32].copy_from_slice(&partition.id.0);
        entry[32..40].copy_from_slice(&partition.first.to_le_bytes());
        entry[40..48].copy_from_slice(&(partition.first + partition.blocks - 1).to_le_bytes());
        for (unit, place) in partition.name.encode_utf16().zip(entry[56..].chunks_exact_mut(2)) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
    }
    with_entries(disk, disk.before(), entries)
}

/// The tables of a disk around ready entries, at most [`SPACE`] bytes of them; no partition begins before the block `first`.
pub fn with_entries(disk: &Disk, first: u64, mut entries: Vec<u8>) -> Table {
    entries.resize(SPACE, 0);
    let sum = crc32::of(&entries);
    let last = disk.blocks - 1;
    let mut head = protective(disk);
    head.extend(header(disk, sum, first, [1, last, 2]));
    head.extend(&entries);
    head.resize(disk.before() as usize * disk.block, 0);
    let mut tail = entries;
    tail.resize(disk.table() as usize * disk.block, 0);
    tail.extend(header(disk, sum, first, [last, 1, last - disk.table()]));
    Table { head, tail }
}

/// The disk and its one partition, from the first [`Disk::before`] blocks. None where anything in them is not as [`table`] writes
/// it for a disk with that one partition, which does not boot.
pub fn read_single<'a>(head: &[u8], block: usize, kind: Guid, name: &'a str) -> Option<(Disk, Partition<'a>)> {
    let word = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let guid = |at: usize| Some(Guid(head.get(at..at + 16)?.try_into().ok()?));
    let disk = Disk { id: guid(block + 56)?, blocks: word(block + 32)?.checked_add(1)?, block, boots: false };
    let entry = 2 * block;
    let (first, last) = (word(entry + 32)?, word(entry + 40)?);
    let inside = disk.before() <= first && first <= last && last.checked_add(disk.after())? < disk.blocks;
    let partition = Partition { kind, id: guid(entry + 16)?, first, blocks: last.checked_add(1)?.checked_sub(first)?, name };
    (inside && table(&disk, core::slice::from_ref(&partition)).head == head).then_some((disk, partition))
}

/// Number of blocks of the disk that a table was written for, from its header, the second block. None without a table.
pub fn blocks(header: &[u8]) -> Option<u64> {
    let last = u64::from_le_bytes(header.get(32..40)?.try_into().ok()?);
    is_sound(header).then(|| last.checked_add(1))?
}

/// True for a header that has its mark and its sum.
pub fn is_sound(header: &[u8]) -> bool {
    let Some(mut fields) = header.get(..HEADER_LEN).map(<[u8]>::to_vec) else { return false };
    let sum = u32::from_le_bytes([fields[16], fields[17], fields[18], fields[19]]);
    fields[16..20].fill(0);
    fields.starts_with(b"EFI PART") && crc32::of(&fields) == sum
}

/// The same table for a disk of more blocks, from the head that [`table`] wrote for an image of blocks of [`BLOCK`] bytes. None where it
/// is none, or the disk is smaller than the image.
pub fn moved(head: &[u8], blocks: u64) -> Option<Table> {
    let mut head = head.get(..BEFORE as usize * BLOCK)?.to_vec();
    let entries = head.get(2 * BLOCK..)?.to_vec();
    let header = head.get(BLOCK..2 * BLOCK)?;
    let word = |at: usize| header.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let same = word(80)? == ENTRIES as u32 && word(84)? == ENTRY_LEN as u32 && word(88)? == crc32::of(&entries);
    if !same || self::blocks(header)? > blocks {
        return None;
    }
    let id = Guid(header.get(56..72)?.try_into().ok()?);
    let disk = Disk { id, blocks, block: BLOCK, boots: head.get(446) == Some(&0x80) };
    let (sum, last) = (crc32::of(&entries), blocks - 1);
    // A BIOS loader stays.
    head[440..BLOCK].copy_from_slice(&protective(&disk)[440..]);
    head[BLOCK..2 * BLOCK].copy_from_slice(&self::header(&disk, sum, disk.before(), [1, last, 2]));
    let mut tail = entries;
    tail.extend(self::header(&disk, sum, disk.before(), [last, 1, last - disk.table()]));
    Some(Table { head, tail })
}

/// The MBR that keeps old programs from seeing an empty disk. On a disk that boots its one partition is marked as to be booted from:
/// BIOSes there are that pass over a disk without.
fn protective(disk: &Disk) -> Vec<u8> {
    let mut block = vec![0; disk.block];
    let entry = &mut block[446..462];
    entry[0] = if disk.boots { 0x80 } else { 0 };
    entry[1..4].copy_from_slice(&[0, 2, 0]);
    entry[4] = 0xee;
    entry[5..8].fill(0xff);
    entry[8..12].copy_from_slice(&1_u32.to_le_bytes());
    entry[12..16].copy_from_slice(&u32::try_from(disk.blocks - 1).unwrap_or(u32::MAX).to_le_bytes());
    block[510..512].copy_from_slice(&[0x55, 0xaa]);
    block
}

/// A header; its places are its own block, the other header's and that of the first entry.
fn header(disk: &Disk, entries_sum: u32, first: u64, [own, other, entries]: [u64; 3]) -> Vec<u8> {
    let mut block = vec![0; disk.block];
    block[..8].copy_from_slice(b"EFI PART");
    block[8..12].copy_from_slice(&[0, 0, 1, 0]);
    block[12..16].copy_from_slice(&(HEADER_LEN as u32).to_le_bytes());
    let last_usable = disk.blocks - disk.after() - 1;
    for (at, value) in [(24, own), (32, other), (40, first), (48, last_usable), (72, entries)] {
        block[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    block[56..72].copy_from_slice(&disk.id.0);
    for (at, value) in [(80, ENTRIES as u32), (84, ENTRY_LEN as u32), (88, entries_sum)] {
        block[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let sum = crc32::of(&block[..HEADER_LEN]);
    block[16..20].copy_from_slice(&sum.to_le_bytes());
    block
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn both_headers_point_at_each_other_and_hold_their_sums() {
        let partition = Partition { kind: SYSTEM, id: Guid([7; 16]), first: 2048, blocks: 4096, name: "kutties" };
        let table = table(&Disk::image(Guid([9; 16]), 10_000), &[partition]);
        assert_eq!((table.head.len() as u64, table.tail.len() as u64), (BEFORE * 512, AFTER * 512));
        assert_eq!(table.head[510..512], [0x55, 0xaa]);
        for (block, own, other, entries) in
            [(&table.head[512..1024], 1, 9999, 2), (&table.tail[table.tail.len() - 512..], 9999, 1, 9967)]
        {
            let word = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().unwrap());
            assert_eq!((word(24), word(32), word(40), word(48), word(72)), (own, other, 34, 9966, entries));
            let mut zeroed = block[..92].to_vec();
            let sum = u32::from_le_bytes(zeroed[16..20].try_into().unwrap());
            zeroed[16..20].fill(0);
            assert_eq!(crc32::of(&zeroed), sum);
        }
        assert_eq!(table.head[1024..1040], SYSTEM.0);
        assert_eq!(table.head[1024..], table.tail[..128 * 128]);
        // As on the disk: 28 73 2a c1 1f f8 d2 11 ba 4b 00 a0 c9 3e c9 3b.
        assert_eq!(SYSTEM.0[..6], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8]);
        assert_eq!(BIOS_BOOT.0, *b"Hah!IdontNeedEFI");
    }
    #[test]
    fn an_image_moves_to_a_larger_disk() {
        let system = Partition { kind: SYSTEM, id: Guid([7; 16]), first: 2048, blocks: 4096, name: "kutties" };
        let mut image = table(&Disk::image(Guid([9; 16]), 10_000), core::slice::from_ref(&system)).head;
        image[..440].fill(0xfa);
        assert_eq!(blocks(&image[512..]), Some(10_000));
        let there = moved(&image, 1 << 33).unwrap();
        let wanted = table(&Disk::image(Guid([9; 16]), 1 << 33), &[system]);
        assert_eq!((&there.head[440..], &there.tail), (&wanted.head[440..], &wanted.tail));
        assert_eq!(there.head[..440], [0xfa; 440]);
        assert!(moved(&image, 9_999).is_none() && moved(&image[..512], 1 << 33).is_none());
        for at in (512..604).chain([1024, 2000, image.len() - 1]) {
            let mut other = image.clone();
            other[at] ^= 1;
            assert!(moved(&other, 1 << 33).is_none(), "{at}");
        }
    }

    #[test]
    fn blocks_may_have_4096_bytes() {
        let disk = Disk { id: Guid([9; 16]), blocks: 10_000, block: 4096, boots: false };
        let partition = Partition { kind: LINUX, id: Guid([7; 16]), first: 256, blocks: 4096, name: "data" };
        let table = table(&disk, &[partition]);
        assert_eq!((disk.before(), disk.after()), (6, 5));
        assert_eq!((table.head.len(), table.tail.len()), (6 * 4096, 5 * 4096));
        assert_eq!((&table.head[4096..4104], table.head[446]), (&b"EFI PART"[..], 0));
        assert_eq!(table.head[510..512], [0x55, 0xaa]);
    }

    #[test]
    fn only_a_table_as_we_write_it_is_read() {
        let disk = Disk { id: Guid([9; 16]), blocks: 10_000, block: 512, boots: false };
        let partition = Partition { kind: LINUX, id: Guid([7; 16]), first: 2048, blocks: 4096, name: "data" };
        let head = table(&disk, core::slice::from_ref(&partition)).head;
        assert_eq!(read_single(&head, 512, LINUX, "data"), Some((disk, partition.clone())));
        assert_eq!(read_single(&head, 512, LINUX, "other"), None);
        assert_eq!(read_single(&head, 512, SYSTEM, "data"), None);
        assert_eq!(read_single(&head, 4096, LINUX, "data"), None);
        for at in (0..head.len()).step_by(7).chain(446..462).chain(512..620) {
            let mut other = head.clone();
            other[at] ^= 0x5a;
            assert_eq!(read_single(&other, 512, LINUX, "data"), None, "{at}");
        }
        let two = table(&disk, &[partition.clone(), Partition { first: 6144, ..partition }]).head;
        assert_eq!(read_single(&two, 512, LINUX, "data"), None);
        for len in [0, 100, 512, 1024, 1100, head.len() - 1] {
            assert_eq!(read_single(&head[..len], 512, LINUX, "data"), None);
        }
    }
}
