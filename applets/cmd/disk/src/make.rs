//! New file systems on devices, and the partition table around one that has a disk for itself.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use format::{ext4, gpt};
use kit::{Context, Error, Result};
use rustix::fs::{OFlags, ioctl_blksszget};
use rustix::rand::{GetRandomFlags, getrandom};

/// The only partition begins at the first MiB, as all partitions do today, and ends with a whole
/// one.
pub const ALIGN: u64 = 1 << 20;

/// A device that is open for writing, and for nobody else.
#[derive(Debug)]
pub struct Device {
    /// The open device.
    pub file: File,
    /// Its size.
    pub bytes: u64,
    /// Bytes of its blocks.
    pub block: usize,
}

impl Device {
    /// Opens a block device or a file. A device that is mounted, or that others have taken, is an
    /// error.
    pub fn open(path: &Path) -> Result<Self> {
        let kind = fs::metadata(path).on("open", path)?.file_type();
        let is_block = kind.is_block_device();
        if !is_block && !kind.is_file() {
            return Err(Error::new(format!("{} is neither a disk nor a file", path.display())));
        }
        // On a block device that is a claim; on a file it would mean something else.
        let flags = if is_block { OFlags::EXCL } else { OFlags::empty() };
        let mut file =
            File::options().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path).on("open", path)?;
        let bytes = file.seek(SeekFrom::End(0)).on("measure", path)?;
        let block = if is_block { ioctl_blksszget(&file).on("measure", path)? } else { gpt::BLOCK as u32 };
        Ok(Self { file, bytes, block: block as usize })
    }

    /// Writes an ext4 file system of that shape at an offset, to the end of it. Its superblock
    /// comes last.
    pub fn write_ext4(&self, at: u64, system: &ext4::FileSystem<'_>) -> Result<()> {
        system.write(|place, bytes| self.file.write_all_at(bytes, at + place)).doing("write the file system")?;
        self.file.sync_all().doing("write the file system")
    }

    /// Gives the disk a table with one partition, and that an ext4 file system. The table comes
    /// last, its main copy first: a disk whose power fails before is still an empty one, and one
    /// that has the main copy is complete.
    pub fn partition(&self, label: &str) -> Result<()> {
        let disk =
            gpt::Disk { id: gpt::Guid(random()?), blocks: self.bytes / self.block as u64, block: self.block, boots: false };
        let partition = only(disk, random()?, label).ok_or_else(|| Error::new("make a partition: the disk is too small"))?;
        let block = self.block as u64;
        let shape = ext4::Shape { bytes: partition.blocks * block, label, uuid: random()?, time: now(), reserved: 0 };
        let system = ext4::FileSystem::new(shape).doing("make a file system")?;
        self.write_ext4(partition.first * block, &system)?;
        self.write_table(&disk, &partition)
    }

    /// Writes both copies of a table, the main one first.
    pub fn write_table(&self, disk: &gpt::Disk, partition: &gpt::Partition<'_>) -> Result<()> {
        let table = gpt::table(disk, std::slice::from_ref(partition));
        let tail = disk.blocks * self.block as u64 - table.tail.len() as u64;
        for (bytes, at) in [(&table.head, 0), (&table.tail, tail)] {
            let written = self.file.write_all_at(bytes, at).and_then(|()| self.file.sync_all());
            written.doing("write the partition table")?;
        }
        Ok(())
    }
}

/// The one partition that a disk has: all of it.
pub fn only(disk: gpt::Disk, id: [u8; 16], label: &str) -> Option<gpt::Partition<'_>> {
    let align = ALIGN / disk.block as u64;
    let end = disk.blocks.checked_sub(disk.after())? / align * align;
    let blocks = end.checked_sub(align).filter(|blocks| *blocks > 0)?;
    Some(gpt::Partition { kind: gpt::LINUX, id: gpt::Guid(id), first: align, blocks, name: label })
}

/// A random number for a disk or a file system, as RFC 9562 has it. It need be unique, not secret:
/// nobody waits for entropy here.
pub fn random() -> Result<[u8; 16]> {
    let mut id = [0_u8; 16];
    getrandom(&mut id, GetRandomFlags::INSECURE).doing("make a number for a file system")?;
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    Ok(id)
}

/// The time in the form of file systems; a clock before 1970 has none.
pub fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}
