//! `flashcp` writes a file to a flash part: it erases the blocks, writes, reads back and compares.
//!
//! ```text
//! flashcp -v rom.bin /dev/mtd0    with a report of the steps
//! flashcp -p rom.bin /dev/mtd0    the blocks alone that differ
//! flashcp -A rom.bin /dev/mtd0    erases the whole part first
//! ```
//!
//! A file that is larger than the part is refused before anything is erased. On NAND flash with bad blocks use a tool that
//! knows what the part is for: this one stops at a bad block before it has changed anything.

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::bounded;
use crate::flash::{Device, Part};

/// Writing flash.
pub const FLASHCP: Applet = Applet { name: "flashcp", about: "write a file to a flash part", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Report the steps.
    #[arg(short, long)]
    verbose: bool,
    /// Write only blocks that differ.
    #[arg(short, long, conflicts_with = "erase_all")]
    partition: bool,
    /// Erase the whole part.
    #[arg(short = 'A', long)]
    erase_all: bool,
    /// File.
    file: PathBuf,
    /// Flash part, such as /dev/mtd0.
    device: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&FLASHCP, args)?;
    let device = Device::open(&options.device, true)?;
    let bytes = bounded(&options.file, device.form().0)?;
    let mut report = |step: &str, done: usize, of: usize| {
        if options.verbose {
            // A report that can't be written is no reason to leave a part half written.
            let _ = write!(stderr(), "\r{step}: {done}/{of}{}", if done == of { "\n" } else { "" });
        }
    };
    copy(&device, &bytes, &options, &mut report)?;
    Ok(Exit::OK)
}

/// Puts bytes at the start of the part.
fn copy(part: &dyn Part, bytes: &[u8], options: &Options, report: &mut dyn FnMut(&str, usize, usize)) -> Result<()> {
    let (size, block, unit) = part.form();
    if bytes.len() as u64 > size {
        return Err(Error::new(format!("the file has {} bytes, the part {size}", bytes.len())));
    }
    let length = usize::try_from(block).map_err(|_| Error::new("a block is larger than memory"))?;
    let blocks: Vec<_> = bytes.chunks(length).enumerate().map(|(at, content)| (at as u64 * block, content)).collect();
    if let Some((at, _)) = blocks.iter().find(|(at, _)| part.is_bad(*at)) {
        return Err(Error::new(format!("the block at {at:#x} is bad: nothing was written")));
    }
    let mut chosen = Vec::new();
    for (at, content) in blocks {
        if !options.partition || !is_there(part, at, content)? {
            chosen.push((at, content));
        }
    }
    let written = chosen.len() as u64;
    let erased: Vec<u64> = if options.erase_all {
        (0..size / block).map(|n| n * block).collect()
    } else {
        chosen.iter().map(|(at, _)| *at).collect()
    };
    for (count, at) in erased.iter().enumerate() {
        part.erase(*at)?;
        report("Erasing blocks", count + 1, erased.len());
    }
    for (count, (at, content)) in chosen.iter().enumerate() {
        part.write(*at, &padded(content, unit))?;
        report("Writing blocks", count + 1, written as usize);
    }
    for (count, (at, content)) in chosen.iter().enumerate() {
        if !is_there(part, *at, content)? {
            return Err(Error::new(format!("the block at {at:#x} does not hold what was written")));
        }
        report("Verifying blocks", count + 1, written as usize);
    }
    Ok(())
}

/// Tells if the part holds these bytes at that place.
fn is_there(part: &dyn Part, at: u64, content: &[u8]) -> Result<bool> {
    let mut found = vec![0; content.len()];
    part.read(at, &mut found)?;
    Ok(found == content)
}

/// Content up to a whole number of writes, with the ones of erased flash.
fn padded(content: &[u8], unit: u64) -> Vec<u8> {
    let mut bytes = content.to_vec();
    let unit = usize::try_from(unit).unwrap_or(1).max(1);
    bytes.resize(bytes.len().next_multiple_of(unit), 0xff);
    bytes
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::flash::memory::Memory;

    fn options(args: &[&str]) -> Options {
        Options::try_parse_from([&["flashcp"], args, &["file", "device"]].concat()).unwrap()
    }

    #[test]
    fn bytes_are_written_into_erased_blocks_and_the_rest_stays() {
        let part = Memory::new(4);
        copy(&part, &[7; 21], &options(&[]), &mut |_, _, _| ()).unwrap();
        let bytes = part.bytes.borrow();
        assert!(bytes[..21] == [7; 21] && bytes[21..32] == [0xff; 11] && bytes[32..] == [0x55; 32]);
        assert_eq!(*part.erased.borrow(), [0, 16]);
    }

    #[test]
    fn only_blocks_that_differ_are_written_or_all_are_erased() {
        let part = Memory::new(4);
        let content = [[0x55; 16], [1; 16]].concat();
        copy(&part, &content, &options(&["-p"]), &mut |_, _, _| ()).unwrap();
        assert_eq!(*part.erased.borrow(), [16]);
        copy(&part, &content, &options(&["-A"]), &mut |_, _, _| ()).unwrap();
        assert_eq!(part.bytes.borrow()[32..], [0xff; 32]);
    }

    #[test]
    fn nothing_is_lost_by_a_file_that_is_too_large_or_a_bad_block() {
        let mut part = Memory::new(2);
        assert!(copy(&part, &[0; 33], &options(&[]), &mut |_, _, _| ()).is_err());
        part.bad = vec![16];
        assert!(copy(&part, &[0; 32], &options(&[]), &mut |_, _, _| ()).is_err());
        assert!(part.erased.borrow().is_empty());
        part.broken = Some(3);
        assert!(copy(&part, &[0; 16], &options(&[]), &mut |_, _, _| ()).is_err());
    }
}
