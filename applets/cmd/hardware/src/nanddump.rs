//! `nanddump` reads a flash part, block by block. NOR flash has no bad blocks and is read alike.
//!
//! ```text
//! nanddump -f part.bin /dev/mtd2
//! nanddump -s 0x20000 -l 0x4000 /dev/mtd2 | xxd
//! nanddump --bb=padbad -f part.bin /dev/mtd2    places stay: 0xff stands for a bad block
//! ```

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::flash::{Device, Part, size};

/// Reading flash.
pub const NANDDUMP: Applet = Applet { name: "nanddump", about: "read a flash part", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Write to this file in place of standard output.
    #[arg(short, long)]
    file: Option<PathBuf>,
    /// Begin at this place, the start of a page.
    #[arg(short, long, value_name = "PLACE", value_parser = size, default_value = "0")]
    startaddress: u64,
    /// Read so many bytes (default: to the end).
    #[arg(short, long, value_name = "BYTES", value_parser = size)]
    length: Option<u64>,
    /// Do this at a bad block.
    #[arg(long, value_name = "METHOD", default_value = "skipbad")]
    bb: Bad,
    /// Write bytes to a terminal, too.
    #[arg(short = 'a', long)]
    forcebinary: bool,
    /// Flash part, such as /dev/mtd0.
    device: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bad {
    Padbad,
    Dumpbad,
    Skipbad,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&NANDDUMP, args)?;
    if options.file.is_none() && !options.forcebinary && stdout().is_terminal() {
        return Err(Error::new("standard output is a terminal: use -f FILE, or -a"));
    }
    let part = Device::open(&options.device, false)?;
    // The output is not made, and an old one not emptied, for what can't be read.
    range(&part, &options)?;
    if let Some(path) = &options.file {
        let mut file = File::create(path).on("open", path)?;
        dump(&part, &options, &mut file)?;
        file.sync_all().on("write", path)?;
    } else {
        let mut out = out();
        dump(&part, &options, &mut out)?;
        out.flush().doing("write standard output")?;
    }
    Ok(Exit::OK)
}

/// Place and number of the bytes that were asked for.
fn range(part: &dyn Part, options: &Options) -> Result<(u64, u64)> {
    let (size, _, unit) = part.form();
    let start = options.startaddress;
    if start >= size || !start.is_multiple_of(unit) {
        return Err(Error::usage(format!("{start:#x}: pages have {unit:#x} bytes and end at {size:#x}")));
    }
    let length = options.length.unwrap_or(size - start);
    if length > size - start {
        return Err(Error::usage(format!("{length:#x} bytes: there are {:#x} to the end", size - start)));
    }
    Ok((start, length))
}

fn dump(part: &dyn Part, options: &Options, to: &mut dyn Write) -> Result<()> {
    let (start, length) = range(part, options)?;
    let (_, block, _) = part.form();
    let mut at = start;
    while at < start + length {
        let first = at - at % block;
        let end = (first + block).min(start + length);
        let mut bytes = vec![0xff; usize::try_from(end - at).map_err(|_| Error::new("a block is larger than memory"))?];
        let bad = options.bb != Bad::Dumpbad && part.is_bad(first);
        if !bad {
            part.read(at, &mut bytes)?;
        }
        if !bad || options.bb == Bad::Padbad {
            to.write_all(&bytes).doing("write the output")?;
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::flash::memory::Memory;

    fn dumped(args: &[&str]) -> Option<Vec<u8>> {
        let part = Memory { bad: vec![16], ..Memory::new(3) };
        part.bytes.borrow_mut()[32..].fill(9);
        let options = Options::try_parse_from([&["nanddump"], args, &["m"]].concat()).unwrap();
        let mut bytes = Vec::new();
        dump(&part, &options, &mut bytes).ok()?;
        Some(bytes)
    }

    #[test]
    fn bad_blocks_are_left_out_or_padded_or_read() {
        assert_eq!(dumped(&[]).unwrap(), [[0x55; 16], [9; 16]].concat());
        assert_eq!(dumped(&["--bb=padbad"]).unwrap(), [[0x55; 16], [0xff; 16], [9; 16]].concat());
        assert_eq!(dumped(&["--bb=dumpbad", "-s", "12", "-l", "8"]).unwrap(), [0x55; 8]);
        assert_eq!([dumped(&["-s", "48"]), dumped(&["-s", "2"]), dumped(&["-l", "49"])], [None, None, None]);
    }
}
