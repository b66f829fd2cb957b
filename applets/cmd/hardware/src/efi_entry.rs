//! Load options of UEFI (`EFI_LOAD_OPTION`, UEFI 2.10, 3.1.3) and the path of a file on a disk's partition.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use kit::{Context, Error, Result};

use crate::efi_path::{built, wide};

/// Flag of an entry that the firmware tries by itself.
pub const ACTIVE: u32 = 1;

/// Entry of the boot menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Flags.
    pub flags: u32,
    /// Name that is shown.
    pub label: String,
    /// Device path.
    pub path: Vec<u8>,
    /// Data for what is started.
    pub data: Vec<u8>,
}

/// Reads an entry; none where the bytes are none.
pub fn entry(bytes: &[u8]) -> Option<Entry> {
    let (flags, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let end = rest.chunks_exact(2).position(|pair| pair == [0, 0])? * 2;
    let label = wide(rest.get(..end)?);
    let (path, data) = rest.get(end + 2..)?.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some(Entry { flags: u32::from_le_bytes(*flags), label, path: path.to_vec(), data: data.to_vec() })
}

impl Entry {
    /// Bytes of the variable.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let length = u16::try_from(self.path.len()).map_err(|_| Error::new("the device path is too long"))?;
        let label = utf16(&self.label);
        Ok([&self.flags.to_le_bytes()[..], &length.to_le_bytes(), &label, &self.path, &self.data].concat())
    }
}

/// Text in UTF-16 with a zero at its end.
pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// Device path of a file on a partition, without the way to the disk: firmware looks for the partition on each one.
pub fn file_path(disk: &Path, partition: u32, file: &str) -> Result<Vec<u8>> {
    let device = File::open(disk).on("open", disk)?;
    let found = by_gpt(&device, partition).or_else(|| by_mbr(&device, partition));
    let node = found.ok_or_else(|| Error::new(format!("{}: there is no partition {partition}", disk.display())))?;
    let file = file.replace('/', "\\");
    let file = if file.starts_with('\\') { file } else { format!("\\{file}") };
    let long = || Error::new("the name of the file is too long");
    let parts = [built(4, 1, &node), built(4, 4, &utf16(&file)), built(0x7f, 0xff, &[])];
    Ok(parts.into_iter().map(|part| part.ok_or_else(long)).collect::<Result<Vec<_>>>()?.concat())
}

fn at(device: &File, start: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    device.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes.iter().skip(at).take(length).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Data of the node of a partition of a GPT, on a disk with blocks of 512 or 4096 bytes.
fn by_gpt(device: &File, partition: u32) -> Option<Vec<u8>> {
    let head = |block: u64| at(device, block, 92).filter(|head| head.starts_with(b"EFI PART")).map(|head| (block, head));
    let (block, head) = head(512).or_else(|| head(4096))?;
    let (count, size) = (number(&head, 80, 4), number(&head, 84, 4));
    let index = u64::from(partition).checked_sub(1).filter(|index| *index < count)?;
    let start = number(&head, 72, 8).checked_mul(block)?.checked_add(index.checked_mul(size)?)?;
    let entry = at(device, start, 48).filter(|entry| entry.iter().take(16).any(|byte| *byte != 0))?;
    let (first, last) = (number(&entry, 32, 8), number(&entry, 40, 8));
    let blocks = last.checked_sub(first)?.checked_add(1)?;
    let id = entry.get(16..32)?;
    Some([&partition.to_le_bytes()[..], &first.to_le_bytes(), &blocks.to_le_bytes(), id, &[2, 2]].concat())
}

/// The same of one of the four partitions of an MBR.
fn by_mbr(device: &File, partition: u32) -> Option<Vec<u8>> {
    let sector = at(device, 0, 512).filter(|sector| sector.ends_with(&[0x55, 0xaa]))?;
    let index = usize::try_from(partition).ok()?.checked_sub(1).filter(|index| *index < 4)?;
    let entry = sector.get(446 + 16 * index..462 + 16 * index)?;
    let (first, blocks) = (number(entry, 8, 4), number(entry, 12, 4));
    let mut id = [0; 16];
    id.get_mut(..4)?.copy_from_slice(sector.get(440..444)?);
    let node = [&partition.to_le_bytes()[..], &first.to_le_bytes(), &blocks.to_le_bytes(), &id, &[1, 1]].concat();
    (blocks != 0).then_some(node)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::efi_path::text;

    #[test]
    fn entries_go_both_ways_and_damaged_ones_are_none() {
        let one = Entry { flags: 1, label: "Ä".to_owned(), path: vec![0x7f, 0xff, 4, 0], data: b"x".to_vec() };
        let bytes = one.bytes().unwrap();
        assert_eq!(entry(&bytes), Some(one));
        for end in 0..bytes.len() - 1 {
            assert_eq!(entry(&bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn partitions_are_found_in_both_kinds_of_table() {
        let path = std::env::temp_dir().join(format!("efi-disk-{}", std::process::id()));
        let mut disk = vec![0; 4096];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        disk[440..444].copy_from_slice(&[1, 2, 3, 4]);
        disk[446 + 16 + 8] = 9;
        disk[446 + 16 + 13] = 1;
        std::fs::write(&path, &disk).unwrap();
        assert_eq!(text(&file_path(&path, 2, "EFI/a").unwrap()), "HD(2,MBR,0x4030201,0x9,0x100)/File(\\EFI\\a)");
        assert!(file_path(&path, 1, "a").is_err() && file_path(&path, 0, "a").is_err() && file_path(&path, 5, "a").is_err());
        disk[512..520].copy_from_slice(b"EFI PART");
        disk[512 + 72] = 2;
        disk[512 + 80] = 4;
        disk[512 + 84] = 128;
        disk[1024..1056].fill(0x11);
        disk[1024 + 33] = 8;
        disk[1024 + 40..1024 + 42].copy_from_slice(&[0xff, 0x0f]);
        std::fs::write(&path, &disk).unwrap();
        let shown = "HD(1,GPT,11111111-1111-1111-1111-111111111111,0x800,0x800)/File(\\EFI\\a)";
        assert_eq!(text(&file_path(&path, 1, "\\EFI\\a").unwrap()), shown);
        std::fs::remove_file(&path).unwrap();
    }
}
