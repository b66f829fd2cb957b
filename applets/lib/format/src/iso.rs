//! CDs that boot: an ISO 9660 file system (ECMA-119) with a few files, and "El Torito" boot entries for a BIOS and for UEFI.

use alloc::vec;
use alloc::vec::Vec;

/// Bytes of a block.
pub const BLOCK: usize = 2048;
/// Block of the first descriptor; the blocks before it are for other ways to boot the medium.
pub const SYSTEM_AREA: usize = 16;
/// Blocks before the first file.
const FIRST: usize = 23;
const CATALOG: u32 = 19;
const PATHS_LITTLE: u32 = 20;
const PATHS_BIG: u32 = 21;
const ROOT: u32 = 22;
/// Both platforms' numbers in the catalog.
const BIOS: u8 = 0;
const UEFI: u8 = 0xef;
/// A directory entry's flag.
const DIRECTORY: u8 = 2;

/// A file in the root directory.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Capital letters, digits and one dot: 8 characters and 3.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// Files that boot, by their place among the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Boot {
    /// Started at 0x7c00; its first block is loaded.
    pub bios: Option<usize>,
    /// A FAT file system.
    pub uefi: Option<usize>,
}

/// Returns the first block of each file: in steps of two blocks, so that 4096-byte blocks see them
/// whole, too.
pub fn places(files: &[File<'_>]) -> Vec<u32> {
    let mut next = FIRST + 1;
    let place = |file: &File<'_>| {
        let own = next.next_multiple_of(2);
        next = own + file.bytes.len().max(1).div_ceil(BLOCK);
        own as u32
    };
    files.iter().map(place).collect()
}

/// The CD's bytes, its system area empty. None when the files' entries, of some 46 bytes each, do not fit the directory's one block.
pub fn image(label: &str, boot: Boot, files: &[File<'_>]) -> Option<Vec<u8>> {
    let places = places(files);
    let ends = files.iter().zip(&places).map(|(file, place)| *place as usize + file.bytes.len().max(1).div_ceil(BLOCK));
    let blocks = ends.max().unwrap_or(FIRST + 1).next_multiple_of(2);
    let mut image = vec![0; blocks * BLOCK];
    let mut put = |block: u32, bytes: &[u8]| image[block as usize * BLOCK..][..bytes.len()].copy_from_slice(bytes);
    put(16, &volume(label, blocks as u32));
    put(17, &boot_record());
    put(18, b"\xffCD001\x01");
    put(CATALOG, &catalog(boot, files, &places));
    for (block, place) in [(PATHS_LITTLE, ROOT.to_le_bytes()), (PATHS_BIG, ROOT.to_be_bytes())] {
        let parent: [u8; 2] = if block == PATHS_LITTLE { [1, 0] } else { [0, 1] };
        put(block, &[&[1, 0][..], &place, &parent, &[0, 0]].concat());
    }
    let root = root(files, &places);
    if root.len() > BLOCK {
        return None;
    }
    put(ROOT, &root);
    for (file, place) in files.iter().zip(&places) {
        put(*place, file.bytes);
    }
    Some(image)
}

/// A number in both byte orders.
fn both(value: u32) -> [u8; 8] {
    let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
    [little[0], little[1], little[2], little[3], big[0], big[1], big[2], big[3]]
}

fn both16(value: u16) -> [u8; 4] {
    let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
    [little[0], little[1], big[0], big[1]]
}

fn volume(label: &str, blocks: u32) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..7].copy_from_slice(b"\x01CD001\x01");
    block[8..72].fill(b' ');
    block[40..40 + label.len()].copy_from_slice(label.as_bytes());
    block[80..88].copy_from_slice(&both(blocks));
    for (at, value) in [(120, 1), (124, 1), (128, BLOCK as u16)] {
        block[at..at + 4].copy_from_slice(&both16(value));
    }
    block[132..140].copy_from_slice(&both(10));
    block[140..144].copy_from_slice(&PATHS_LITTLE.to_le_bytes());
    block[148..152].copy_from_slice(&PATHS_BIG.to_be_bytes());
    block[156..190].copy_from_slice(&record(&[0], ROOT, BLOCK as u32, DIRECTORY));
    block[190..813].fill(b' ');
    // Times that are not known are zeros in letters, with a zero behind them.
    for at in [813, 830, 847, 864] {
        block[at..at + 16].fill(b'0');
    }
    block[881] = 1;
    block
}

fn boot_record() -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..7].copy_from_slice(b"\x00CD001\x01");
    block[7..30].copy_from_slice(b"EL TORITO SPECIFICATION");
    block[71..75].copy_from_slice(&CATALOG.to_le_bytes());
    block
}

/// A validation entry, the entry for the BIOS (which must be there, but need not boot), and UEFI's in a section of its own.
fn catalog(boot: Boot, files: &[File<'_>], places: &[u32]) -> Vec<u8> {
    let mut catalog = vec![0; 128];
    let platform = if boot.bios.is_some() { BIOS } else { UEFI };
    catalog[..2].copy_from_slice(&[1, platform]);
    catalog[4..11].copy_from_slice(b"kutties");
    catalog[30..32].copy_from_slice(&[0x55, 0xaa]);
    let sum = catalog[..32].chunks_exact(2).fold(0_u16, |sum, pair| sum.wrapping_add(u16::from_le_bytes([pair[0], pair[1]])));
    catalog[28..30].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    let entry = |index: usize, load: usize| {
        let mut entry = [0; 32];
        entry[0] = 0x88;
        entry[6..8].copy_from_slice(&u16::try_from(load).unwrap_or(u16::MAX).to_le_bytes());
        entry[8..12].copy_from_slice(&places[index].to_le_bytes());
        entry
    };
    // Counted in blocks of 512 bytes, as the BIOS loads them.
    let uefi = boot.uefi.map(|index| entry(index, files[index].bytes.len().div_ceil(512)));
    if let Some(index) = boot.bios {
        catalog[32..64].copy_from_slice(&entry(index, 4));
        if let Some(entry) = uefi {
            catalog[64..68].copy_from_slice(&[0x91, UEFI, 1, 0]);
            catalog[96..128].copy_from_slice(&entry);
        }
    } else if let Some(entry) = uefi {
        catalog[32..64].copy_from_slice(&entry);
    }
    catalog
}

fn root(files: &[File<'_>], places: &[u32]) -> Vec<u8> {
    let mut directory = record(&[0], ROOT, BLOCK as u32, DIRECTORY);
    directory.extend(record(&[1], ROOT, BLOCK as u32, DIRECTORY));
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|index| files[*index].name);
    for index in order {
        let name = [files[index].name.as_bytes(), b";1"].concat();
        directory.extend(record(&name, places[index], files[index].bytes.len() as u32, 0));
    }
    directory
}

fn record(name: &[u8], place: u32, len: u32, flags: u8) -> Vec<u8> {
    let size = (33 + name.len()).next_multiple_of(2);
    let mut record = vec![0; size];
    record[0] = size as u8;
    record[2..10].copy_from_slice(&both(place));
    record[10..18].copy_from_slice(&both(len));
    // 1970-01-01, in Greenwich.
    record[18..25].copy_from_slice(&[70, 1, 1, 0, 0, 0, 0]);
    record[25] = flags;
    record[28..32].copy_from_slice(&both16(1));
    record[32] = name.len() as u8;
    record[33..33 + name.len()].copy_from_slice(name);
    record
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn too_many_files_are_refused() {
        let file = File { name: "A.BIN", bytes: &[] };
        assert!(image("KUTTIES", Boot::default(), &[file; 40]).is_some());
        assert!(image("KUTTIES", Boot::default(), &[file; 60]).is_none());
    }

    #[test]
    fn files_lie_where_directory_and_catalog_say() {
        let (small, large) = (vec![1; 100], vec![2; 9000]);
        let files = [File { name: "SECTOR.BIN", bytes: &small }, File { name: "EFI.IMG", bytes: &large }];
        let image = image("KUTTIES", Boot { bios: Some(0), uefi: Some(1) }, &files).unwrap();
        let places = places(&files);
        assert_eq!(image.len() % 4096, 0);
        for (file, place) in files.iter().zip(&places) {
            assert_eq!(&image[*place as usize * BLOCK..][..file.bytes.len()], file.bytes);
        }
        let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
        let catalog = CATALOG as usize * BLOCK;
        assert_eq!((word(catalog + 32 + 8), word(catalog + 96 + 8)), (places[0], places[1]));
        assert_eq!(image[catalog + 64..catalog + 66], [0x91, UEFI]);
        let sum = image[catalog..catalog + 32]
            .chunks_exact(2)
            .fold(0_u16, |sum, two| sum.wrapping_add(u16::from_le_bytes([two[0], two[1]])));
        assert_eq!(sum, 0);
        let root = &image[ROOT as usize * BLOCK..][..BLOCK];
        let names: Vec<usize> = [&b"EFI.IMG;1"[..], b"SECTOR.BIN;1"]
            .iter()
            .map(|name| root.windows(name.len()).position(|part| part == *name).unwrap())
            .collect();
        assert!(names[0] < names[1], "they are sorted");
        assert_eq!(word(80 + 16 * BLOCK) as usize * BLOCK, image.len());
    }
}
