//! Flash parts by MTD: what the commands for them share.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use sys::device_io::{self, FlashWork};

use crate::attribute;

/// Flash part: bytes that are erased in blocks before they are written.
pub trait Part {
    /// Bytes of the part, of a block, and of the smallest write.
    fn form(&self) -> (u64, u64, u64);
    /// Tells if the block at that place is marked as bad.
    fn is_bad(&self, start: u64) -> bool;
    /// Erases the block at that place.
    fn erase(&self, start: u64) -> Result<()>;
    /// Lets the block at that place be written.
    fn unlock(&self, start: u64) -> Result<()>;
    /// Reads at that place until the buffer is full.
    fn read(&self, start: u64, bytes: &mut [u8]) -> Result<()>;
    /// Writes at that place.
    fn write(&self, start: u64, bytes: &[u8]) -> Result<()>;
}

/// Flash part of the machine.
pub struct Device {
    file: File,
    path: PathBuf,
    form: (u64, u64, u64),
    nand: bool,
}

impl Device {
    /// Opens /dev/mtdN.
    pub fn open(path: &Path, writes: bool) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(writes).open(path).on("open", path)?;
        let flash = device_io::flash(&file).on("ask for the form of", path)?;
        if flash.erase_size == 0 || flash.size == 0 {
            return Err(Error::new(format!("{}: it has no blocks", path.display())));
        }
        let form = (flash.size.into(), flash.erase_size.into(), flash.write_size.max(1).into());
        // MTD_NANDFLASH and MTD_MLCNANDFLASH
        Ok(Self { file, path: path.to_owned(), form, nand: matches!(flash.kind, 4 | 8) })
    }

    fn work(&self, work: FlashWork, start: u64, verb: &str) -> Result<()> {
        let short = |n: u64| u32::try_from(n).map_err(|_| Error::new(format!("{n:#x}: beyond 4 GiB")));
        let done = device_io::flash_work(&self.file, work, short(start)?, short(self.form.1)?);
        done.on(&format!("{verb} the block at {start:#x} of"), &self.path)
    }
}

impl Part for Device {
    fn form(&self) -> (u64, u64, u64) {
        self.form
    }

    fn is_bad(&self, start: u64) -> bool {
        self.nand && u32::try_from(start).is_ok_and(|start| device_io::is_bad_block(&self.file, start))
    }

    fn erase(&self, start: u64) -> Result<()> {
        self.work(FlashWork::Erase, start, "erase")
    }

    fn unlock(&self, start: u64) -> Result<()> {
        self.work(FlashWork::Unlock, start, "unlock")
    }

    fn read(&self, start: u64, bytes: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(bytes, start).on(&format!("read at {start:#x} of"), &self.path)
    }

    fn write(&self, start: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, start).on(&format!("write at {start:#x} of"), &self.path)
    }
}

/// Number of bytes: decimal or after `0x`, with `K`, `M`, `G` or KiB and so on.
pub fn size(text: &str) -> std::result::Result<u64, String> {
    let short = text.trim_end_matches("iB");
    let (digits, shift) = match short.char_indices().last() {
        Some((at, 'k' | 'K')) => (&short[..at], 10),
        Some((at, 'M')) => (&short[..at], 20),
        Some((at, 'G')) => (&short[..at], 30),
        _ => (short, 0),
    };
    let number = attribute::parse(digits).filter(|_| !digits.starts_with('+'));
    number.and_then(|n| n.checked_mul(1 << shift)).ok_or_else(|| "not a number of bytes".to_owned())
}

/// Flash parts in memory, for tests.
#[cfg(test)]
pub mod memory {
    use std::cell::RefCell;

    use super::*;

    /// Part with blocks of 16 bytes, writes of 4, and some bad blocks.
    pub struct Memory {
        pub bytes: RefCell<Vec<u8>>,
        pub bad: Vec<u64>,
        pub erased: RefCell<Vec<u64>>,
        /// Bits at this place stay as they are.
        pub broken: Option<usize>,
    }

    impl Memory {
        pub fn new(blocks: usize) -> Self {
            let bytes = RefCell::new(vec![0x55; blocks * 16]);
            Self { bytes, bad: Vec::new(), erased: RefCell::default(), broken: None }
        }
    }

    impl Part for Memory {
        fn form(&self) -> (u64, u64, u64) {
            (self.bytes.borrow().len() as u64, 16, 4)
        }
        fn is_bad(&self, start: u64) -> bool {
            self.bad.contains(&start)
        }
        fn erase(&self, start: u64) -> Result<()> {
            self.erased.borrow_mut().push(start);
            self.bytes.borrow_mut()[start as usize..start as usize + 16].fill(0xff);
            Ok(())
        }
        fn unlock(&self, _: u64) -> Result<()> {
            Ok(())
        }
        fn read(&self, start: u64, bytes: &mut [u8]) -> Result<()> {
            bytes.copy_from_slice(&self.bytes.borrow()[start as usize..start as usize + bytes.len()]);
            Ok(())
        }
        fn write(&self, start: u64, bytes: &[u8]) -> Result<()> {
            assert!(start.is_multiple_of(4) && bytes.len().is_multiple_of(4), "a write of a part");
            for (at, byte) in (start as usize..).zip(bytes) {
                // Flash turns ones into zeros alone.
                let mut memory = self.bytes.borrow_mut();
                if self.broken != Some(at) {
                    memory[at] &= byte;
                }
            }
            Ok(())
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!((size("0x10"), size("4K"), size("2MiB"), size("7")), (Ok(16), Ok(4096), Ok(2 << 20), Ok(7)));
        assert!(size("").is_err() && size("K").is_err() && size("-1").is_err() && size("99999999999999999999").is_err());
    }
}
