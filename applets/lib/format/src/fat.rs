//! FAT32 file systems, written whole: files lie in one piece each, and the same files give the same bytes.
//! After Microsoft's "FAT32 File System Specification" 1.03.

mod name;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use name::{long, long_entries, plain_short, short, short_label};

/// Bytes of a sector.
pub const SECTOR: usize = 512;
/// Sectors in front of the tables, at the least.
const RESERVED: usize = 32;
/// Files that are longer begin at a multiple of it, counted from the file system's start: whoever reads a disk or CD without knowing
/// of files finds them at whole blocks.
const ALIGN: usize = 4096;
const TABLES: usize = 2;
/// With fewer clusters, all that read it take it for FAT16.
const FEWEST: usize = 65_525;
/// The cluster of the root directory.
const ROOT: u32 = 2;
const LAST: u32 = 0x0fff_ffff;
const ENTRY: usize = 32;
const DIRECTORY: u8 = 0x10;
const LABEL: u8 = 0x08;

/// Properties of a file system, beside its files.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// Its name: at most 11 capital letters and digits.
    pub label: &'a str,
    /// Its number.
    pub serial: u32,
    /// Sectors in front of it on the disk.
    pub hidden: u32,
    /// Bytes that shall be left free.
    pub free: usize,
    /// Seconds since 1970 on every file.
    pub time: u32,
}

/// Reason why there is no file system of these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The path has an empty part, or characters that FAT does not know.
    Name(String),
    /// A file is where a directory must be, or the path came twice.
    Twice(String),
    /// A file of 4 GiB or more, or more than the tables can hold.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(path) => write!(f, "FAT can't hold the name {path:?}"),
            Self::Twice(path) => write!(f, "{path:?} is there twice"),
            Self::TooLarge => f.write_str("the files are too large for FAT32"),
        }
    }
}

impl core::error::Error for Error {}

enum Node<'a> {
    /// Its place among the files given, and its content.
    File(usize, &'a [u8]),
    Directory(BTreeMap<String, Node<'a>>),
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Position of each file, in the order in which they were given; empty files have none.
    pub places: Vec<usize>,
}

/// The file system that holds these files, by their paths with `/` between the parts.
pub fn image(shape: Shape<'_>, files: &[(&str, &[u8])]) -> Result<Written, Error> {
    let mut root = BTreeMap::new();
    for (index, (path, bytes)) in files.iter().enumerate() {
        insert(&mut root, path, path, (index, bytes))?;
    }
    let geometry = Geometry::of(needed(&root, 1) + shape.free, |cluster| needed(&root, cluster) + shape.free)?;
    let mut image = Image {
        geometry,
        time: dos_time(shape.time),
        table: vec![LAST & !7, LAST],
        data: Vec::new(),
        places: vec![ROOT; files.len()],
    };
    image.table[0] = 0x0fff_fff8;
    let label = short_label(shape.label);
    let mut entries = entry(&label, LABEL, 0, 0, image.time).to_vec();
    let root_clusters = image.take(directory_len(&root, false));
    debug_assert_eq!(root_clusters, ROOT);
    image.fill(&root, ROOT, &mut entries)?;
    Ok(image.finish(shape, &label))
}

fn insert<'a>(directory: &mut BTreeMap<String, Node<'a>>, rest: &str, path: &str, file: (usize, &'a [u8])) -> Result<(), Error> {
    let (name, below) = rest.split_once('/').map_or((rest, None), |(name, below)| (name, Some(below)));
    let bad = |c: char| c < ' ' || "\"*/:<>?\\|".contains(c);
    if name.is_empty() || name.len() > 255 || name.contains(bad) || name.ends_with([' ', '.']) {
        return Err(Error::Name(path.to_string()));
    }
    let twice = || Error::Twice(path.to_string());
    // FAT does not tell capitals from small letters.
    if directory.keys().any(|other| other != name && other.eq_ignore_ascii_case(name)) {
        return Err(twice());
    }
    match (below, directory.get_mut(name)) {
        (None, None) if file.1.len() as u64 > u64::from(u32::MAX) => Err(Error::TooLarge),
        (None, None) => {
            directory.insert(name.to_string(), Node::File(file.0, file.1));
            Ok(())
        }
        (Some(below), Some(Node::Directory(inner))) => insert(inner, below, path, file),
        (Some(below), None) => {
            let mut inner = BTreeMap::new();
            insert(&mut inner, below, path, file)?;
            directory.insert(name.to_string(), Node::Directory(inner));
            Ok(())
        }
        _ => Err(twice()),
    }
}

/// Bytes that all of it takes with clusters of so many sectors.
fn needed(directory: &BTreeMap<String, Node<'_>>, cluster: usize) -> usize {
    let whole = |bytes: usize| bytes.max(1).next_multiple_of(cluster * SECTOR);
    let below = directory.values().map(|node| match node {
        Node::File(_, bytes) => whole(bytes.len()) + ALIGN,
        Node::Directory(inner) => needed(inner, cluster),
    });
    whole(directory_len(directory, true)) + below.sum::<usize>()
}

/// Bytes of a directory's own entries. The root has a label where others have `.` and `..`.
fn directory_len(directory: &BTreeMap<String, Node<'_>>, dots: bool) -> usize {
    let own = if dots { 2 } else { 1 };
    (own + directory.keys().map(|name| 1 + long_entries(name)).sum::<usize>()) * ENTRY
}

/// Layout of the sectors.
struct Geometry {
    /// Sectors of a cluster.
    cluster: usize,
    clusters: usize,
    /// Sectors of one table.
    table: usize,
    /// Sectors in front of the tables, so that the clusters begin at a multiple of [`ALIGN`].
    reserved: usize,
}

impl Geometry {
    /// The largest clusters that leave enough of them.
    fn of(least: usize, needed: impl Fn(usize) -> usize) -> Result<Self, Error> {
        let cluster = (0..=6).rev().map(|power| 1 << power).find(|cluster| least / (cluster * SECTOR) >= FEWEST).unwrap_or(1);
        let clusters = needed(cluster).div_ceil(cluster * SECTOR).max(FEWEST) + 16;
        if clusters > 0x0fff_fff0 {
            return Err(Error::TooLarge);
        }
        let table = ((clusters + 2) * 4).div_ceil(SECTOR);
        let reserved = (RESERVED + TABLES * table).next_multiple_of(ALIGN / SECTOR) - TABLES * table;
        Ok(Self { cluster, clusters, table, reserved })
    }

    fn sectors(&self) -> usize {
        self.reserved + TABLES * self.table + self.clusters * self.cluster
    }
}

/// The file system in the making.
struct Image {
    geometry: Geometry,
    /// DOS time and date.
    time: (u16, u16),
    table: Vec<u32>,
    data: Vec<u8>,
    /// Each file's first cluster.
    places: Vec<u32>,
}

impl Image {
    /// Room for so many bytes in one piece; its first cluster.
    fn take(&mut self, len: usize) -> u32 {
        let bytes = self.geometry.cluster * SECTOR;
        while len > ALIGN && !((self.table.len() - 2) * bytes).is_multiple_of(ALIGN) {
            // Left free.
            self.table.push(0);
        }
        let first = self.table.len() as u32;
        let count = len.max(1).div_ceil(bytes);
        self.table.extend((1..count as u32).map(|index| first + index));
        self.table.push(LAST);
        self.data.resize((self.table.len() - 2) * bytes, 0);
        first
    }

    fn put(&mut self, cluster: u32, bytes: &[u8]) {
        let at = (cluster - ROOT) as usize * self.geometry.cluster * SECTOR;
        self.data[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Write what is in a directory that has its clusters; `entries` are those in front.
    fn fill(&mut self, directory: &BTreeMap<String, Node<'_>>, own: u32, entries: &mut Vec<u8>) -> Result<(), Error> {
        let mut taken = Vec::new();
        for (name, node) in directory {
            let short = short(name, &mut taken).ok_or_else(|| Error::Name(name.clone()))?;
            let (attributes, cluster, size) = match node {
                Node::File(_, []) => (0, 0, 0),
                Node::File(index, bytes) => {
                    let cluster = self.take(bytes.len());
                    self.put(cluster, bytes);
                    self.places[*index] = cluster;
                    (0, cluster, bytes.len() as u32)
                }
                Node::Directory(inner) => {
                    let cluster = self.take(directory_len(inner, true));
                    // The root is said to be cluster 0 here.
                    let up = if own == ROOT { 0 } else { own };
                    let mut first = entry(b".          ", DIRECTORY, cluster, 0, self.time).to_vec();
                    first.extend(entry(b"..         ", DIRECTORY, up, 0, self.time));
                    self.fill(inner, cluster, &mut first)?;
                    (DIRECTORY, cluster, 0)
                }
            };
            if plain_short(name).is_none() {
                entries.extend(long(name, &short));
            }
            entries.extend(entry(&short, attributes, cluster, size, self.time));
        }
        self.put(own, entries);
        Ok(())
    }

    fn finish(self, shape: Shape<'_>, label: &[u8; 11]) -> Written {
        let used = self.table.iter().skip(2).filter(|next| **next != 0).count();
        let mut out = vec![0; self.geometry.reserved * SECTOR];
        let boot = boot_sector(&self.geometry, shape, label);
        let free = (self.geometry.clusters - used) as u32;
        let info = info_sector(free, self.table.len() as u32);
        // The copies that are looked for when the first ones are damaged.
        for at in [0, 6] {
            out[at * SECTOR..(at + 1) * SECTOR].copy_from_slice(&boot);
            out[(at + 1) * SECTOR..(at + 2) * SECTOR].copy_from_slice(&info);
        }
        for _ in 0..TABLES {
            let start = out.len();
            out.extend(self.table.iter().flat_map(|cluster| cluster.to_le_bytes()));
            out.resize(start + self.geometry.table * SECTOR, 0);
        }
        let data = out.len();
        let cluster = self.geometry.cluster * SECTOR;
        out.extend(self.data);
        out.resize(self.geometry.sectors() * SECTOR, 0);
        Written { bytes: out, places: self.places.iter().map(|place| data + (place - ROOT) as usize * cluster).collect() }
    }
}

fn boot_sector(geometry: &Geometry, shape: Shape<'_>, label: &[u8; 11]) -> Vec<u8> {
    let mut sector = vec![0; SECTOR];
    // A jump to a halt: nobody boots a partition's own first sector here.
    sector[..3].copy_from_slice(&[0xeb, 0x58, 0x90]);
    sector[0x5a..0x5d].copy_from_slice(&[0xf4, 0xeb, 0xfd]);
    sector[3..11].copy_from_slice(b"KUTTIES ");
    for (at, value) in [(11, SECTOR), (14, geometry.reserved), (24, 63), (26, 255), (48, 1), (50, 6)] {
        sector[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
    }
    for (at, value) in [(13, geometry.cluster as u8), (16, TABLES as u8), (21, 0xf8), (64, 0x80), (66, 0x29)] {
        sector[at] = value;
    }
    let (sectors, table) = (geometry.sectors() as u32, geometry.table as u32);
    for (at, value) in [(28, shape.hidden), (32, sectors), (36, table), (44, ROOT), (67, shape.serial)] {
        sector[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    sector[71..82].copy_from_slice(label);
    sector[82..90].copy_from_slice(b"FAT32   ");
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn info_sector(free: u32, next: u32) -> Vec<u8> {
    let mut sector = vec![0; SECTOR];
    for (at, value) in [(0, 0x4161_5252), (484, 0x6141_7272), (488, free), (492, next), (508, 0xaa55_0000)] {
        sector[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    sector
}

fn entry(name: &[u8; 11], attributes: u8, cluster: u32, size: u32, (time, date): (u16, u16)) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..11].copy_from_slice(name);
    entry[11] = attributes;
    let halves = [(14, time), (16, date), (18, date), (20, (cluster >> 16) as u16), (22, time), (24, date), (26, cluster as u16)];
    for (at, value) in halves {
        entry[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    entry[28..].copy_from_slice(&size.to_le_bytes());
    entry
}

/// DOS time and date of a time since 1970, not before 1980.
fn dos_time(seconds: u32) -> (u16, u16) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    if year < 1980 {
        return (0, 0x21);
    }
    let time = (rest / 3600) << 11 | (rest / 60 % 60) << 5 | (rest % 60 / 2);
    (time as u16, ((year - 1980) << 9 | month << 5 | day) as u16)
}

/// Year, month and day of a day since 1970, by counting from a first of March.
pub fn civil(days: u32) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u32::from(month <= 2), month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SHAPE: Shape<'_> = Shape { label: "kutties", serial: 0x1234_5678, hidden: 2048, free: 0, time: 1_700_000_000 };

    #[test]
    fn times() {
        // 2023-11-14 22:13:20
        assert_eq!(dos_time(1_700_000_000), (22 * 2048 + 13 * 32 + 10, 43 * 512 + 11 * 32 + 14));
        assert_eq!(dos_time(0), (0, 0x21));
        assert_eq!(civil(11_016), (2000, 2, 29));
    }

    #[test]
    fn bad_paths_are_refused() {
        for path in ["", "a//b", "a/", "a:b", "dot.", "a/\u{1}"] {
            assert!(matches!(image(SHAPE, &[(path, b"")]), Err(Error::Name(_))), "{path:?}");
        }
        assert!(matches!(image(SHAPE, &[("a", b""), ("A", b"")]), Err(Error::Twice(_))));
        assert!(matches!(image(SHAPE, &[("a", b""), ("a/b", b"")]), Err(Error::Twice(_))));
    }

    #[test]
    fn its_own_numbers_agree() {
        let file = vec![5; 100_000];
        let written = image(SHAPE, &[("EFI/BOOT/BOOTX64.EFI", &file), ("readme first.txt", b"hello")]).unwrap();
        let image = written.bytes;
        let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(word(32) * SECTOR, image.len());
        let tables = usize::from(image[14]) + TABLES * word(36);
        let clusters = (word(32) - tables) / usize::from(image[13]);
        assert!(clusters >= FEWEST && word(36) * SECTOR / 4 >= clusters + 2);
        // The file lies in one piece.
        assert_eq!(image[written.places[0]..][..file.len()], file);
        assert_eq!(&image[written.places[1]..][..5], b"hello");
        assert_eq!(written.places[0] % ALIGN, 0);
        assert!(written.places.iter().all(|place| *place >= tables * SECTOR));
        assert_eq!(image[..SECTOR], image[6 * SECTOR..7 * SECTOR]);
    }
}
