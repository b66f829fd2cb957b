//! Measures of a FAT file system and its first sectors, as Microsoft's specification (version 1.03) has them.

use kit::{Error, Result};

/// Most clusters of a FAT of 12, 16 and 32 bits.
const MOST: [(u8, u64); 3] = [(12, 4084), (16, 65_524), (32, 0x0fff_fff4)];
/// Size from which 32 bits are taken without being asked for.
const WIDE: u64 = 512 << 20;

/// Wishes of the one who makes it; none is a choice by size.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Bytes of the device.
    pub bytes: u64,
    /// Bytes of a sector.
    pub sector: u64,
    /// 12, 16 or 32.
    pub bits: Option<u8>,
    /// Sectors of a cluster.
    pub cluster: Option<u64>,
    /// Copies of the table.
    pub copies: u64,
    /// Sectors before the first table.
    pub reserved: Option<u64>,
    /// Entries of the root directory.
    pub root: Option<u64>,
}

/// Measures in sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a sector.
    pub sector: u64,
    /// All sectors.
    pub total: u64,
    /// 12, 16 or 32.
    pub bits: u8,
    /// Sectors of a cluster.
    pub cluster: u64,
    /// Sectors before the first table.
    pub reserved: u64,
    /// Copies of the table.
    pub copies: u64,
    /// Sectors of a table.
    pub table: u64,
    /// Entries of the root directory; 0 with 32 bits.
    pub root: u64,
    /// Number of clusters.
    pub clusters: u64,
    /// Byte that stands for the medium.
    pub medium: u8,
    /// Sectors of a track, and heads.
    pub geometry: (u16, u16),
}

/// Floppy disks: KiB, medium, sectors of a cluster, entries of the root directory, sectors of a track.
const FLOPPIES: [(u64, u8, u64, u64, u16); 5] = [
    (360, 0xfd, 2, 112, 9),
    (720, 0xf9, 2, 112, 9),
    (1200, 0xf9, 1, 224, 15),
    (1440, 0xf0, 1, 224, 18),
    (2880, 0xf0, 2, 224, 36),
];

impl Shape {
    /// The measures that fit a wish.
    pub fn of(wish: &Wish) -> Result<Self> {
        let floppy = FLOPPIES.iter().find(|row| row.0 << 10 == wish.bytes && wish.bits != Some(32));
        let bits = wish.bits.or((wish.bytes >= WIDE).then_some(32));
        let cluster = wish.cluster.or(floppy.map(|row| row.2));
        let wide = |bytes: u64| match bytes >> 20 {
            0..=260 => 512,
            261..=8192 => 4096,
            8193..=16_384 => 8192,
            16_385..=32_768 => 16_384,
            _ => 32_768,
        };
        let least = match bits {
            Some(32) => (wide(wish.bytes) / wish.sector).max(1),
            _ => (2048 / wish.sector).max(1),
        };
        let mut size = cluster.unwrap_or(least);
        while size <= 128 {
            for (width, most) in MOST {
                if bits.map_or(width != 32, |bits| bits == width)
                    && let Some(shape) = Self::with(wish, width, size, floppy)
                    && shape.clusters <= most
                    && (width != 16 || shape.clusters > MOST[0].1)
                {
                    return Ok(shape);
                }
            }
            // A smaller cluster is more of them: for a FAT of 16 bits on a small disk that was asked for.
            let few = bits == Some(16) && Self::with(wish, 16, size, floppy).is_some_and(|shape| shape.clusters <= MOST[0].1);
            if cluster.is_some() || few && size == 1 {
                break;
            }
            size = if few { size / 2 } else { size * 2 };
        }
        Err(Error::new("make a FAT file system: no such table fits the size; try another -F or -s"))
    }

    fn with(wish: &Wish, bits: u8, cluster: u64, floppy: Option<&(u64, u8, u64, u64, u16)>) -> Option<Self> {
        let total = (wish.bytes / wish.sector).min(u64::from(u32::MAX));
        let aligned = |sectors: u64| if floppy.is_some() { sectors } else { sectors.next_multiple_of(cluster) };
        let least = if bits == 32 { 32 } else { 1 };
        let reserved = wish.reserved.unwrap_or_else(|| aligned(least));
        let per_sector = wish.sector / 32;
        let root = match bits {
            32 => 0,
            _ => wish.root.or(floppy.map(|row| row.3)).unwrap_or(512).next_multiple_of(per_sector),
        };
        let root_sectors = root / per_sector;
        let data = total.checked_sub(reserved + root_sectors)?;
        let width = u64::from(bits);
        let entries = (data + 2 * cluster) * width;
        let table = aligned(entries.div_ceil(cluster * 8 * wish.sector + wish.copies * width));
        let clusters = data.checked_sub(wish.copies * table)? / cluster;
        let tracks = floppy.map_or((63, 255), |row| (row.4, 2));
        (clusters > 1 && table > 0).then_some(Self {
            sector: wish.sector,
            total,
            bits,
            cluster,
            reserved,
            copies: wish.copies,
            table,
            root,
            clusters,
            medium: floppy.map_or(0xf8, |row| row.1),
            geometry: tracks,
        })
    }

    /// Sectors that must be written: up to the end of the root directory.
    pub const fn head(&self) -> u64 {
        self.reserved + self.copies * self.table + if self.bits == 32 { self.cluster } else { self.root * 32 / self.sector }
    }

    /// First sector of the root directory.
    pub const fn root_at(&self) -> u64 {
        self.reserved + self.copies * self.table
    }

    /// The boot sector.
    pub fn boot(&self, serial: u32, label: &[u8; 11]) -> Vec<u8> {
        let mut bytes = vec![0; self.sector as usize];
        let is_wide = self.bits == 32;
        let small = if self.total < 65_536 && !is_wide { self.total } else { 0 };
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        let code = if is_wide { 90 } else { 62 };
        put(0, &[0xeb, code - 2, 0x90]);
        put(3, b"mkfs.fat");
        put(11, &(self.sector as u16).to_le_bytes());
        put(13, &[self.cluster as u8]);
        put(14, &(self.reserved as u16).to_le_bytes());
        put(16, &[self.copies as u8]);
        put(17, &(self.root as u16).to_le_bytes());
        put(19, &(small as u16).to_le_bytes());
        put(21, &[self.medium]);
        put(24, &self.geometry.0.to_le_bytes());
        put(26, &self.geometry.1.to_le_bytes());
        put(32, &(if small == 0 { self.total as u32 } else { 0 }).to_le_bytes());
        let tail = if is_wide {
            put(36, &(self.table as u32).to_le_bytes());
            // The root directory's cluster, the sector with the counts, the copy of this sector.
            put(44, &2_u32.to_le_bytes());
            put(48, &[1, 0, 6, 0]);
            64
        } else {
            put(22, &(self.table as u16).to_le_bytes());
            36
        };
        put(tail, &[if self.medium == 0xf8 { 0x80 } else { 0 }, 0, 0x29]);
        put(tail + 3, &serial.to_le_bytes());
        put(tail + 7, label);
        put(tail + 18, format!("FAT{:<5}", self.bits).as_bytes());
        // A BIOS that starts it goes on to the next device: INT 18h, then a halt.
        put(usize::from(code), &[0xcd, 0x18, 0xf4, 0xeb, 0xfd]);
        put(510, &[0x55, 0xaa]);
        bytes
    }

    /// The sector with the counts of free clusters, of 32 bits only.
    pub fn counts(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.sector as usize];
        bytes[..4].copy_from_slice(b"RRaA");
        bytes[484..488].copy_from_slice(b"rrAa");
        bytes[488..492].copy_from_slice(&(self.clusters as u32 - 1).to_le_bytes());
        bytes[492..496].copy_from_slice(&2_u32.to_le_bytes());
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        bytes
    }

    /// First entries of a table.
    pub fn entries(&self) -> Vec<u8> {
        match self.bits {
            12 => vec![self.medium, 0xff, 0xff],
            16 => vec![self.medium, 0xff, 0xff, 0xff],
            _ => vec![self.medium, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f, 0xf8, 0xff, 0xff, 0x0f],
        }
    }
}
