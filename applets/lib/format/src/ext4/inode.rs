//! The three files of a new file system: the root directory, lost+found and the journal, each in
//! one piece.

use alloc::vec;
use alloc::vec::Vec;

use super::geometry::{INODE, LOST_FOUND_BLOCKS, ROOT_BLOCKS};
use super::{BLOCK, FileSystem, put16, put32};
use crate::crc32::castagnoli;

/// Their inodes. The first ten have fixed uses.
pub const ROOT: u32 = 2;
pub const JOURNAL: u32 = 8;
pub const LOST_FOUND: u32 = 11;
/// The most blocks that one extent has with room to spare, and a journal.
pub const JOURNAL_BLOCKS_AT_ONCE: u32 = 16_384;
/// The bytes of an inode behind the first 128 that are in use.
pub const EXTRA: u32 = 32;
/// The tree of extents, in the inode itself.
pub const MAP: core::ops::Range<usize> = 0x28..0x64;
/// The flag of an inode whose blocks are named by extents.
const EXTENTS: u32 = 0x8_0000;
const DIRECTORY: u8 = 2;
/// The last bytes of a directory's block, which hold its checksum.
const TAIL: usize = 12;
const TAIL_KIND: u8 = 0xde;

/// Gives the table of inodes' first block, the directories and the journal's head.
pub fn write<E>(system: &FileSystem<'_>, put: &mut impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
    let geometry = &system.geometry;
    let mut table = vec![0; BLOCK as usize];
    for number in [ROOT, JOURNAL, LOST_FOUND] {
        let at = ((number - 1) * INODE) as usize;
        table[at..at + INODE as usize].copy_from_slice(&inode(system, number));
    }
    put(geometry.inode_table(0) * BLOCK, &table)?;
    let root = [(ROOT, "."), (ROOT, ".."), (LOST_FOUND, "lost+found")];
    put(geometry.root() * BLOCK, &directory(system, ROOT, &root))?;
    let mut lost_found = directory(system, LOST_FOUND, &[(LOST_FOUND, "."), (ROOT, "..")]);
    for _ in 1..LOST_FOUND_BLOCKS {
        lost_found.extend(directory(system, LOST_FOUND, &[(0, "")]));
    }
    put(geometry.lost_found() * BLOCK, &lost_found)?;
    put(geometry.journal_at() * BLOCK, &journal(system))
}

/// The bytes of one of the three inodes.
pub fn inode(system: &FileSystem<'_>, number: u32) -> [u8; INODE as usize] {
    let (geometry, time) = (&system.geometry, system.shape.time);
    let (mode, links, place, blocks) = match number {
        ROOT => (0o040_755, 3, geometry.root(), ROOT_BLOCKS),
        LOST_FOUND => (0o040_700, 2, geometry.lost_found(), LOST_FOUND_BLOCKS),
        _ => (0o100_600, 1, geometry.journal_at(), geometry.journal),
    };
    let mut inode = [0; INODE as usize];
    put16(&mut inode, 0x00, mode);
    put32(&mut inode, 0x04, blocks * BLOCK as u32);
    // Read, changed, written, made.
    for at in [0x08, 0x0c, 0x10, 0x90] {
        put32(&mut inode, at, time);
    }
    put16(&mut inode, 0x1a, links);
    // In sectors of 512 bytes.
    put32(&mut inode, 0x1c, blocks * (BLOCK / 512) as u32);
    put32(&mut inode, 0x20, EXTENTS);
    // One extent: magic number, entries, most entries, depth; then its first block in the file, its
    // length and its place.
    for (at, value) in [(0x28, 0xf30a), (0x2a, 1), (0x2c, 4), (0x38, blocks), (0x3a, (place >> 32) as u32)] {
        put16(&mut inode, at, value);
    }
    put32(&mut inode, 0x3c, place as u32);
    put16(&mut inode, 0x80, EXTRA);
    let sum = castagnoli(seed(system, number), &inode);
    put16(&mut inode, 0x7c, sum & 0xffff);
    put16(&mut inode, 0x82, sum >> 16);
    inode
}

/// The checksum's beginning for all that belongs to an inode: its number and its generation, which
/// is zero.
fn seed(system: &FileSystem<'_>, number: u32) -> u32 {
    castagnoli(castagnoli(system.seed, &number.to_le_bytes()), &[0; 4])
}

/// A directory's block with these subdirectories.
fn directory(system: &FileSystem<'_>, number: u32, entries: &[(u32, &str)]) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    let end = BLOCK as usize - TAIL;
    let mut at = 0;
    for (index, (inode, name)) in entries.iter().enumerate() {
        let own = (8 + name.len()).next_multiple_of(4);
        let len = if index + 1 == entries.len() { end - at } else { own };
        put32(&mut block, at, *inode);
        put16(&mut block, at + 4, len as u32);
        block[at + 6] = name.len() as u8;
        block[at + 7] = if *inode == 0 { 0 } else { DIRECTORY };
        block[at + 8..at + 8 + name.len()].copy_from_slice(name.as_bytes());
        at += len;
    }
    put16(&mut block, end + 4, TAIL as u32);
    block[end + 7] = TAIL_KIND;
    let sum = castagnoli(seed(system, number), &block[..end]);
    put32(&mut block, end + 8, sum);
    block
}

/// The journal's superblock, big-endian: version 2, nothing to replay. What lies in the blocks
/// behind it does not count: the kernel gives each entry a checksum that begins with the file
/// system's number.
fn journal(system: &FileSystem<'_>) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    // Magic number, kind, (sequence,) bytes of a block, blocks, first block of the log, first
    // sequence; one user.
    let words =
        [(0x00, 0xc03b_3998), (0x04, 4), (0x0c, BLOCK as u32), (0x10, system.geometry.journal), (0x14, 1), (0x18, 1), (0x40, 1)];
    for (at, value) in words {
        block[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    block[0x30..0x40].copy_from_slice(&system.shape.uuid);
    block
}
