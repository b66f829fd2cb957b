//! The superblock, written and read.

use super::geometry::{INODE, LOG_TOGETHER, PER_GROUP};
use super::inode::{EXTRA, JOURNAL, LOST_FOUND, MAP, inode};
use super::{BLOCK, DESCRIPTOR, FileSystem, SUPERBLOCK, State, put16, put32};
use crate::crc32::castagnoli;

const MAGIC: u16 = 0xef53;
/// A journal, extended attributes, directories with an index.
const COMPATIBLE: u32 = 0x4 | 0x8 | 0x20;
/// Kinds in directories, extents, numbers of 64 bits, tables of groups together.
const INCOMPATIBLE: u32 = 0x2 | 0x40 | 0x80 | 0x200;
/// Few copies of the superblock, large and huge files, many subdirectories, large inodes,
/// checksums.
const READ_ONLY_COMPATIBLE: u32 = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x400;
/// The bit of [`INCOMPATIBLE`] that says that there are upper halves of numbers.
const WIDE: u32 = 0x80;
/// Unmounted and without errors; an error was seen.
const CLEAN: u32 = 1;
const DAMAGED: u16 = 2;
/// After an error the kernel writes no more: what is still good stays good.
const READ_ONLY_ON_ERROR: u32 = 2;

/// The superblock as it lies in a group.
pub fn of(system: &FileSystem<'_>, group: u32) -> [u8; SUPERBLOCK] {
    let (geometry, shape) = (&system.geometry, &system.shape);
    let free = geometry.blocks - geometry.used_blocks();
    let reserved = geometry.blocks / 100 * u64::from(shape.reserved.min(50));
    let mut block = [0; SUPERBLOCK];
    let words = [
        (0x00, geometry.inodes()),
        (0x04, geometry.blocks as u32),
        (0x08, reserved as u32),
        (0x0c, free as u32),
        (0x10, geometry.inodes() - LOST_FOUND),
        // Logarithms of a block's and a cluster's length in KiB.
        (0x18, BLOCK.ilog2() - 10),
        (0x1c, BLOCK.ilog2() - 10),
        (0x20, PER_GROUP),
        (0x24, PER_GROUP),
        (0x28, geometry.inodes_per_group),
        // Written, checked, made.
        (0x30, shape.time),
        (0x40, shape.time),
        (0x108, shape.time),
        // The revision that has the fields from here on, and the first inode without a fixed use.
        (0x4c, 1),
        (0x54, LOST_FOUND),
        (0x5c, COMPATIBLE),
        (0x60, INCOMPATIBLE),
        (0x64, READ_ONLY_COMPATIBLE),
        (0xe0, JOURNAL),
        // Mounted with extended attributes and access control lists.
        (0x100, 0x4 | 0x8),
        (0x150, (geometry.blocks >> 32) as u32),
        (0x154, (reserved >> 32) as u32),
        (0x158, (free >> 32) as u32),
        // Names are hashed as signed characters, as on x86; the same on every machine.
        (0x160, 1),
    ];
    for (at, value) in words {
        put32(&mut block, at, value);
    }
    put_halves(&mut block, group);
    block[0x68..0x78].copy_from_slice(&shape.uuid);
    block[0x78..0x78 + shape.label.len()].copy_from_slice(shape.label.as_bytes());
    block[0xec..0xfc].copy_from_slice(&hash_seed(&shape.uuid));
    // The hash of names (half MD4), and the kind of the copy of the journal's inode that follows.
    (block[0xfc], block[0xfd]) = (1, 1);
    let journal = inode(system, JOURNAL);
    block[0x10c..0x148].copy_from_slice(&journal[MAP]);
    block[0x14c..0x150].copy_from_slice(&journal[0x04..0x08]);
    // The checksums are Castagnoli's.
    (block[0x174], block[0x175]) = (LOG_TOGETHER, 1);
    let sum = castagnoli(!0, &block[..SUPERBLOCK - 4]);
    put32(&mut block, SUPERBLOCK - 4, sum);
    block
}

/// The fields of 16 bits.
fn put_halves(block: &mut [u8], group: u32) {
    let halves = [
        // Checked never because of a number of mounts.
        (0x36, 0xffff),
        (0x38, MAGIC.into()),
        (0x3a, CLEAN),
        (0x3c, READ_ONLY_ON_ERROR),
        (0x58, INODE),
        (0x5a, group),
        (0xfe, DESCRIPTOR as u32),
        (0x15c, EXTRA),
        (0x15e, EXTRA),
    ];
    for (at, value) in halves {
        put16(block, at, value);
    }
}

/// The number that makes the order of names differ between file systems: any will do.
fn hash_seed(uuid: &[u8; 16]) -> [u8; 16] {
    core::array::from_fn(|at| uuid[15 - at] ^ 0x5a)
}

/// The state that a superblock tells.
pub fn state(block: &[u8]) -> Option<State> {
    let half = |at: usize| Some(u16::from_le_bytes(block.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?));
    if half(0x38)? != MAGIC {
        return None;
    }
    let high = if word(0x60)? & WIDE == 0 { 0 } else { word(0x150)? };
    let blocks = u64::from(high) << 32 | u64::from(word(0x04)?);
    let size = 1024_u64.checked_shl(word(0x18)?).filter(|size| (1024..=64 << 10).contains(size))?;
    blocks.checked_mul(size)?;
    Some(State { blocks, block: size, is_damaged: half(0x3a)? & DAMAGED != 0 })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::{FileSystem, Shape, state};
    use super::*;

    #[test]
    fn the_superblock_tells_its_state() {
        let shape = Shape { bytes: 5 << 40, label: "var", uuid: [7; 16], time: 1, reserved: 0 };
        let mut block = of(&FileSystem::new(shape).unwrap(), 0);
        assert_eq!(state(&block), Some(State { blocks: 5 << 28, block: 4096, is_damaged: false }));
        block[0x3a] |= 2;
        assert!(state(&block).unwrap().is_damaged);
        block[0x18] = 200;
        assert_eq!(state(&block), None);
        assert_eq!((state(&[0; SUPERBLOCK]), state(&[])), (None, None));
    }
}
