//! `flash_erase` erases blocks of a flash part: all their bits become 1.
//!
//! ```text
//! flash_erase /dev/mtd0 0 0            the whole part
//! flash_erase /dev/mtd0 0x20000 2      two blocks from a place, which must be the start of a block
//! flash_erase -u /dev/mtd0 0 1         unlocks the block first
//! ```
//!
//! Bad blocks of NAND flash are left out, unless `-N` says otherwise.

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::flash::{Device, Part, size};

/// Erasing flash.
pub const FLASH_ERASE: Applet = Applet { name: "flash_erase", about: "erase blocks of a flash part", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Try bad blocks, too.
    #[arg(short = 'N', long)]
    noskipbad: bool,
    /// Unlock each block first.
    #[arg(short, long)]
    unlock: bool,
    /// Show no progress.
    #[arg(short, long, visible_alias = "silent")]
    quiet: bool,
    /// Flash part, such as /dev/mtd0.
    device: PathBuf,
    /// Place of the first block.
    #[arg(value_parser = size)]
    start: u64,
    /// Number of blocks; 0 for all to the end.
    #[arg(value_parser = size)]
    count: u64,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&FLASH_ERASE, args)?;
    let part = Device::open(&options.device, true)?;
    erase(&part, &options, &mut |text| {
        if !options.quiet {
            // A report that can't be written is no reason to stop.
            let _ = writeln!(stderr(), "{text}");
        }
    })?;
    Ok(Exit::OK)
}

fn erase(part: &dyn Part, options: &Options, report: &mut dyn FnMut(&str)) -> Result<()> {
    let (size, block, _) = part.form();
    let start = options.start;
    if !start.is_multiple_of(block) || start >= size {
        return Err(Error::usage(format!("{start:#x}: blocks have {block:#x} bytes and end at {size:#x}")));
    }
    let left = (size - start) / block;
    let count = if options.count == 0 { left } else { options.count };
    if count > left {
        return Err(Error::usage(format!("{count} blocks: there are {left} to the end")));
    }
    for number in 0..count {
        let at = start + number * block;
        if !options.noskipbad && part.is_bad(at) {
            report(&format!("Skipping bad block at {at:#010x}"));
            continue;
        }
        if options.unlock {
            part.unlock(at)?;
        }
        part.erase(at)?;
        report(&format!("Erasing {} Kibyte @ {at:x} -- {:2} % complete", block / 1024, (number + 1) * 100 / count));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::flash::memory::Memory;

    fn erased(args: &[&str]) -> Option<Vec<u64>> {
        let part = Memory { bad: vec![32], ..Memory::new(4) };
        let options = Options::try_parse_from([&["flash_erase"], args].concat()).unwrap();
        erase(&part, &options, &mut |_| ()).ok()?;
        Some(part.erased.take())
    }

    #[test]
    fn whole_blocks_of_the_part_are_erased() {
        assert_eq!(erased(&["m", "0", "0"]), Some(vec![0, 16, 48]));
        assert_eq!(erased(&["-N", "m", "0x10", "2"]), Some(vec![16, 32]));
        assert_eq!([erased(&["m", "8", "1"]), erased(&["m", "64", "0"]), erased(&["m", "48", "2"])], [None, None, None]);
    }
}
