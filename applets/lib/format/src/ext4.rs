//! New ext4 file systems: only what must be on the device, as pieces with their places, so that one
//! of terabytes is made by some thousand small writes. After the kernel's documentation of the disk
//! layout (Documentation/filesystems/ext4).
//!
//! Blocks have 4 KiB. There is a journal, checksums on all that describes the file system, and room
//! to grow: there is no inode of reserved blocks for it, because the kernel adds groups by "meta
//! block groups" without one. Groups of which nothing is in use yet are marked as such, and the
//! kernel zeroes their tables of inodes in the background after the first mount. The same [`Shape`]
//! gives the same bytes.

mod geometry;
mod inode;
mod superblock;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::crc32::castagnoli;
use geometry::Geometry;
use inode::LOST_FOUND;

/// Bytes of a block.
pub const BLOCK: u64 = 4096;
/// The smallest, half of which is its journal.
pub const SMALLEST: u64 = 8 << 20;
/// The largest: the tables of groups of a larger one leave no room in a group.
pub const LARGEST: u64 = 32 << 40;
/// Bytes of a label.
pub const LABEL: usize = 16;
/// The superblock's place, which is its length, too.
pub const SUPERBLOCK: usize = 1024;

/// The bits of a group of which nothing is in use yet, by its inodes and by its blocks.
const INODES_UNUSED: u16 = 1;
const BLOCKS_UNUSED: u16 = 2;
const DESCRIPTOR: usize = 64;

/// The input that a file system is made of.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// Bytes of the device; what is no whole block stays unused.
    pub bytes: u64,
    /// Its name: at most [`LABEL`] bytes, none of them zero.
    pub label: &'a str,
    /// Its number.
    pub uuid: [u8; 16],
    /// Seconds since 1970.
    pub time: u32,
    /// The part of its blocks that only root may fill, in percent.
    pub reserved: u8,
}

/// The reason why there is no such file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Less than [`SMALLEST`] or more than [`LARGEST`].
    Size,
    /// Longer than [`LABEL`] bytes, or with a zero.
    Label,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size => write!(f, "ext4 needs {} MiB to {} TiB", SMALLEST >> 20, LARGEST >> 40),
            Self::Label => write!(f, "a label has at most {LABEL} bytes"),
        }
    }
}

impl core::error::Error for Error {}

/// A file system that can be written.
#[derive(Debug)]
pub struct FileSystem<'a> {
    shape: Shape<'a>,
    geometry: Geometry,
    /// Beginning of each checksum.
    seed: u32,
}

impl<'a> FileSystem<'a> {
    /// The file system of that shape.
    pub fn new(shape: Shape<'a>) -> Result<Self, Error> {
        if shape.label.len() > LABEL || shape.label.bytes().any(|b| b == 0) {
            return Err(Error::Label);
        }
        let geometry = Geometry::of(shape.bytes / BLOCK).ok_or(Error::Size)?;
        Ok(Self { shape, geometry, seed: castagnoli(!0, &shape.uuid) })
    }

    /// Its size in bytes.
    pub const fn bytes(&self) -> u64 {
        self.geometry.blocks * BLOCK
    }

    /// The number of its inodes.
    pub const fn inodes(&self) -> u32 {
        self.geometry.inodes()
    }

    /// Gives all pieces with their places in bytes. The main superblock comes last: what was not
    /// written to its end is no file system.
    pub fn write<E>(&self, mut put: impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let geometry = &self.geometry;
        let mut descriptors = Vec::with_capacity(geometry.descriptor_blocks as usize * BLOCK as usize);
        for group in 0..geometry.groups {
            let bitmap = geometry.is_initialized(group).then(|| self.block_bitmap(group));
            if let Some(bitmap) = &bitmap {
                put(geometry.block_bitmap(group) * BLOCK, bitmap)?;
            }
            descriptors.extend(self.descriptor(group, bitmap.as_deref()));
        }
        put(geometry.inode_bitmap(0) * BLOCK, &self.inode_bitmap())?;
        inode::write(self, &mut put)?;
        descriptors.resize(geometry.descriptor_blocks as usize * BLOCK as usize, 0);
        for group in (0..geometry.groups).rev().filter(|group| geometry::has_superblock(*group)) {
            let start = Geometry::start(group) * BLOCK;
            put(start + BLOCK, &descriptors)?;
            let superblock = superblock::of(self, group);
            if group == 0 {
                // A boot sector may stand in front of it; an old one would lie about this file
                // system.
                put(0, &[0; SUPERBLOCK])?;
                put(SUPERBLOCK as u64, &superblock)?;
            } else {
                put(start, &superblock)?;
            }
        }
        Ok(())
    }

    /// The used blocks of a group, which are its first ones.
    fn block_bitmap(&self, group: u32) -> Vec<u8> {
        bitmap(self.geometry.used(group), self.geometry.len(group))
    }

    /// The inodes of the first group.
    fn inode_bitmap(&self) -> Vec<u8> {
        bitmap(LOST_FOUND, self.geometry.inodes_per_group)
    }

    fn descriptor(&self, group: u32, blocks: Option<&[u8]>) -> [u8; DESCRIPTOR] {
        let geometry = &self.geometry;
        let mut entry = [0; DESCRIPTOR];
        let places = [geometry.block_bitmap(group), geometry.inode_bitmap(group), geometry.inode_table(group)];
        for (index, place) in places.into_iter().enumerate() {
            put32(&mut entry, 4 * index, place as u32);
            put32(&mut entry, 0x20 + 4 * index, (place >> 32) as u32);
        }
        let is_first = group == 0;
        let used_inodes = if is_first { LOST_FOUND } else { 0 };
        put16(&mut entry, 0x0c, geometry.len(group) - geometry.used(group));
        put16(&mut entry, 0x0e, geometry.inodes_per_group - used_inodes);
        // The root directory and lost+found.
        put16(&mut entry, 0x10, if is_first { 2 } else { 0 });
        put16(&mut entry, 0x1c, geometry.inodes_per_group - used_inodes);
        let unused = |is: bool, flag: u16| if is { flag } else { 0 };
        put16(&mut entry, 0x12, (unused(!is_first, INODES_UNUSED) | unused(blocks.is_none(), BLOCKS_UNUSED)).into());
        if let Some(bitmap) = blocks {
            self.put_bitmap_sum(&mut entry, 0x18, 0x38, bitmap);
        }
        if is_first {
            let bitmap = self.inode_bitmap();
            let len = geometry.inodes_per_group as usize / 8;
            self.put_bitmap_sum(&mut entry, 0x1a, 0x3a, bitmap.get(..len).unwrap_or_default());
        }
        let sum = castagnoli(castagnoli(self.seed, &group.to_le_bytes()), &entry);
        put16(&mut entry, 0x1e, sum & 0xffff);
        entry
    }

    fn put_bitmap_sum(&self, entry: &mut [u8], low: usize, high: usize, bitmap: &[u8]) {
        let sum = castagnoli(self.seed, bitmap);
        put16(entry, low, sum & 0xffff);
        put16(entry, high, sum >> 16);
    }
}

/// A block whose first bits are set, and those behind the end.
fn bitmap(used: u32, len: u32) -> Vec<u8> {
    let mut bits = vec![0_u8; BLOCK as usize];
    for (index, byte) in bits.iter_mut().enumerate() {
        let first = index as u32 * 8;
        for bit in (0..8).filter(|bit| first + bit < used || first + bit >= len) {
            *byte |= 1 << bit;
        }
    }
    bits
}

fn put16(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The state that an ext2, ext3 or ext4 file system says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Its size in blocks.
    pub blocks: u64,
    /// Bytes of a block.
    pub block: u64,
    /// True when the kernel found an error in it, and nobody has repaired it since.
    pub is_damaged: bool,
}

/// Reads the superblock, [`SUPERBLOCK`] bytes from that offset. None where there is no such file
/// system.
pub fn state(superblock: &[u8]) -> Option<State> {
    superblock::state(superblock)
}
