//! Disks and images with their tables.

use std::fs::File;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};

use disk::make::{Device, random};
use kit::{Context, Error, Result};

use super::model::{Label, Table};
use super::{dos, gpt};

/// An open disk.
pub struct Target {
    file: File,
    /// Its path.
    pub path: PathBuf,
    /// Bytes of a sector.
    pub sector: u64,
    /// Sectors.
    pub sectors: u64,
    is_block: bool,
}

impl Target {
    /// Opens a disk for reading only.
    pub fn look(path: &Path) -> Result<Self> {
        Self::of(File::open(path).on("open", path)?, path)
    }

    /// Opens a disk for writing. One that is in use is refused, unless it is forced.
    pub fn take(path: &Path, is_forced: bool) -> Result<Self> {
        let file = if is_forced {
            File::options().read(true).write(true).open(path).on("open", path)?
        } else {
            Device::open(path).map_err(|e| Error::new(format!("{e}; a disk in use is only written by force")))?.file
        };
        Self::of(file, path)
    }

    fn of(file: File, path: &Path) -> Result<Self> {
        use std::io::{Seek, SeekFrom};
        let is_block = file.metadata().on("look at", path)?.file_type().is_block_device();
        let bytes = (&file).seek(SeekFrom::End(0)).on("measure", path)?;
        let sector = if is_block { u64::from(rustix::fs::ioctl_blksszget(&file).on("measure", path)?) } else { 512 };
        Ok(Self { file, path: path.to_owned(), sector, sectors: bytes / sector, is_block })
    }

    fn sectors(&self, at: u64, count: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(count.checked_mul(self.sector)?).ok()?];
        self.file.read_exact_at(&mut bytes, at.checked_mul(self.sector)?).ok().map(|()| bytes)
    }

    /// The disk's table, if it has one. A copy stands in for a damaged GPT.
    pub fn table(&self) -> Option<Table> {
        let read = |at: u64, count: u64| self.sectors(at, count);
        if let Some((table, is_damaged)) = gpt::read(self.sector, self.sectors, &read) {
            let mbr = dos::read(self.sector, self.sectors, &read);
            let is_protected =
                mbr.is_none_or(|mbr| mbr.parts.is_empty() || mbr.parts.iter().any(|part| part.kind.number() == "ee"));
            if is_damaged && is_protected {
                let text = format!("the first GPT of {} is damaged; its copy is used", self.path.display());
                kit::warn("warning", &Error::new(text));
            }
            if is_protected {
                return Some(table);
            }
        }
        dos::read(self.sector, self.sectors, &read)
    }

    /// Writes a table, waits for the disk, and tells the kernel unless told not to.
    pub fn write(&self, table: &Table, tells: bool) -> Result<()> {
        table.check()?;
        let put = |at: u64, bytes: &[u8]| self.file.write_all_at(bytes, at * self.sector).and_then(|()| self.file.sync_all());
        let put = |at: u64, bytes: &[u8]| put(at, bytes).on("write the partition table of", &self.path);
        let old = self.sectors(0, 1).on_none(&self.path)?;
        match table.label {
            Label::Gpt(id) => {
                let mut new = gpt::bytes(table, id);
                // A BIOS loader stays. The copy comes first: at each moment one of both is whole.
                new.head[..440].copy_from_slice(&old[..440]);
                put(self.sectors - new.tail.len() as u64 / self.sector, &new.tail)?;
                put(0, &new.head)?;
            }
            Label::Dos(id) => {
                for (at, bytes) in dos::bytes(table, id, &old) {
                    put(at, &bytes)?;
                }
                // A GPT of before would be preferred to the new table.
                for at in [1, self.sectors - 1] {
                    if self.sectors(at, 1).is_some_and(|sector| sector.starts_with(b"EFI PART")) {
                        put(at, &vec![0; self.sector as usize])?;
                    }
                }
            }
        }
        if tells && self.is_block {
            sys::block::read_partitions(&self.file).on("tell the kernel the new table of", &self.path)?;
        }
        Ok(())
    }

    /// An empty table of a new disk, with a number of its own.
    pub fn fresh(&self, is_gpt: bool) -> Result<Table> {
        let id = random()?;
        let label = if is_gpt { Label::Gpt(id) } else { Label::Dos(u32::from_le_bytes([id[0], id[1], id[2], id[3]])) };
        Table::new(label, self.sector, self.sectors)
    }
}

/// An error for a disk without a first sector.
trait OnNone<T> {
    fn on_none(self, path: &Path) -> Result<T>;
}

impl<T> OnNone<T> for Option<T> {
    fn on_none(self, path: &Path) -> Result<T> {
        self.ok_or_else(|| Error::new(format!("read {}: it has no sectors", path.display())))
    }
}
