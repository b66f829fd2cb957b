//! Places of all that describes a file system: groups of 32768 blocks, 16 of which have their
//! bitmaps and tables of inodes together at the beginning of their first one ("flexible block
//! groups").

use super::inode::JOURNAL_BLOCKS_AT_ONCE;
use super::{BLOCK, DESCRIPTOR, LARGEST, SMALLEST};

/// Blocks of a group: as many as a bitmap of one block has bits.
pub const PER_GROUP: u32 = 8 * BLOCK as u32;
/// Groups whose tables lie together, as a power of two; that of mkfs.ext4.
pub const LOG_TOGETHER: u8 = 4;
const TOGETHER: u32 = 1 << LOG_TOGETHER;
/// Bytes of an inode.
pub const INODE: u32 = 256;
/// Inodes of a block.
const PER_BLOCK: u32 = BLOCK as u32 / INODE;
/// An inode for so many bytes; that of mkfs.ext4.
const BYTES_AN_INODE: u64 = 16 << 10;
/// A last group that has no more than so many blocks beside its own tables is left out. It also
/// keeps all that is written out of the device's last MiB, by which an empty disk is told from
/// others.
const LEAST_GROUP: u32 = 512;
/// Blocks of the root directory and of lost+found.
pub const ROOT_BLOCKS: u32 = 1;
pub const LOST_FOUND_BLOCKS: u32 = 4;

/// The numbers that all places follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub blocks: u64,
    pub groups: u32,
    pub inodes_per_group: u32,
    /// Blocks of the table of groups.
    pub descriptor_blocks: u32,
    /// Blocks of the journal.
    pub journal: u32,
}

impl Geometry {
    /// That of a device of so many blocks, if one can be.
    pub fn of(blocks: u64) -> Option<Self> {
        if !(SMALLEST / BLOCK..=LARGEST / BLOCK).contains(&blocks) {
            return None;
        }
        let full = Self::exactly(blocks);
        let last = full.groups - 1;
        if last > 0 && full.len(last) < full.used(last) + LEAST_GROUP {
            return Some(Self::exactly(Self::start(last)));
        }
        Some(full)
    }

    fn exactly(blocks: u64) -> Self {
        let groups = blocks.div_ceil(PER_GROUP.into()) as u32;
        let per_group = u64::from(PER_GROUP).min(blocks) * BLOCK / BYTES_AN_INODE;
        let descriptor_blocks = (groups as usize * DESCRIPTOR).div_ceil(BLOCK as usize) as u32;
        let inodes_per_group = (per_group as u32).next_multiple_of(PER_BLOCK);
        Self { blocks, groups, inodes_per_group, descriptor_blocks, journal: journal(blocks) }
    }

    /// A group's first block.
    pub const fn start(group: u32) -> u64 {
        group as u64 * PER_GROUP as u64
    }

    /// A group's number of blocks.
    pub fn len(&self, group: u32) -> u32 {
        (self.blocks - Self::start(group)).min(PER_GROUP.into()) as u32
    }

    /// Blocks of a group's table of inodes.
    pub const fn table_blocks(&self) -> u32 {
        self.inodes_per_group / PER_BLOCK
    }

    /// Blocks of a group that a copy of the superblock and of the table of groups takes.
    fn copy(&self, group: u32) -> u32 {
        if has_superblock(group) { 1 + self.descriptor_blocks } else { 0 }
    }

    /// The first of the groups whose tables lie together, and their number.
    fn together(&self, group: u32) -> (u32, u32) {
        let first = group - group % TOGETHER;
        (first, TOGETHER.min(self.groups - first))
    }

    /// The first block behind the copy at the beginning of the first group, and a group's turn
    /// among those together.
    fn tables(&self, group: u32) -> (u64, u32, u32) {
        let (first, count) = self.together(group);
        (Self::start(first) + u64::from(self.copy(first)), group - first, count)
    }

    pub fn block_bitmap(&self, group: u32) -> u64 {
        let (at, turn, _) = self.tables(group);
        at + u64::from(turn)
    }

    pub fn inode_bitmap(&self, group: u32) -> u64 {
        let (at, turn, count) = self.tables(group);
        at + u64::from(count + turn)
    }

    pub fn inode_table(&self, group: u32) -> u64 {
        let (at, turn, count) = self.tables(group);
        at + u64::from(2 * count + turn * self.table_blocks())
    }

    /// The root directory's block; lost+found and the journal follow.
    pub fn root(&self) -> u64 {
        let (at, _, count) = self.tables(0);
        at + u64::from(count * (2 + self.table_blocks()))
    }

    pub fn lost_found(&self) -> u64 {
        self.root() + u64::from(ROOT_BLOCKS)
    }

    pub fn journal_at(&self) -> u64 {
        self.lost_found() + u64::from(LOST_FOUND_BLOCKS)
    }

    /// Used blocks of a group.
    pub fn used(&self, group: u32) -> u32 {
        let (first, count) = self.together(group);
        let tables = if group == first { count * (2 + self.table_blocks()) } else { 0 };
        let files = if group == 0 { ROOT_BLOCKS + LOST_FOUND_BLOCKS + self.journal } else { 0 };
        self.copy(group) + tables + files
    }

    /// True where the bitmap of blocks is on the device. The kernel knows the rest's: no more is in
    /// use than the copies. The last one's has bits behind the end.
    pub fn is_initialized(&self, group: u32) -> bool {
        group.is_multiple_of(TOGETHER) || group == self.groups - 1
    }

    pub fn used_blocks(&self) -> u64 {
        (0..self.groups).map(|group| u64::from(self.used(group))).sum()
    }

    pub const fn inodes(&self) -> u32 {
        self.groups * self.inodes_per_group
    }
}

/// True for the groups that have a copy of the superblock: 0, 1 and the powers of 3, 5 and 7.
pub fn has_superblock(group: u32) -> bool {
    let is_power_of = |base: u32| {
        let mut rest = group;
        while rest.is_multiple_of(base) {
            rest /= base;
        }
        rest == 1
    };
    group <= 1 || [3, 5, 7].into_iter().any(is_power_of)
}

/// Blocks of the journal, which grow with the file system: 4, 16 or 64 MiB. The kernel takes none
/// below the first of them.
fn journal(blocks: u64) -> u32 {
    match blocks {
        ..32_768 => 1024,
        32_768..262_144 => 4096,
        _ => JOURNAL_BLOCKS_AT_ONCE,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn copies_lie_in_few_groups() {
        let with: Vec<u32> = (0..130).filter(|group| has_superblock(*group)).collect();
        assert_eq!(with, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }

    #[test]
    fn all_fits_into_its_group_at_every_size() {
        let (mut blocks, most) = (SMALLEST / BLOCK, LARGEST / BLOCK);
        assert_eq!((Geometry::of(blocks - 1), Geometry::of(most + 1)), (None, None));
        while blocks <= most {
            for blocks in [blocks, blocks + 1, blocks.next_multiple_of(PER_GROUP.into()) + 700].map(|b| b.min(most)) {
                let geometry = Geometry::of(blocks).unwrap();
                assert!(blocks - geometry.blocks < u64::from(PER_GROUP));
                let last = geometry.groups - 1;
                for group in [0, 1, 16, last / 16 * 16, last].into_iter().filter(|group| *group <= last) {
                    assert!(geometry.used(group) < geometry.len(group), "{blocks} {group} {geometry:?}");
                }
                assert!(u64::from(geometry.groups) * u64::from(geometry.inodes_per_group) < u64::from(u32::MAX));
            }
            blocks = blocks * 9 / 8;
        }
    }
}
