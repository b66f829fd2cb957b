//! `fallocate [-c | -d | -i | -p | -x | -z] [-n] [-o OFFSET] -l LENGTH FILE` gives a file room on its disk, or takes room away.
//!
//! Without a letter the file gets blocks, and grows to OFFSET + LENGTH unless `-n` keeps its size. `-p` punches a hole, `-z` makes zeroes,
//! `-c` cuts the range out, `-i` puts zeroes in, `-d` makes holes of all blocks of zeroes, `-x` writes zeroes where the file system
//! knows no better. Numbers may end in K, M, G, KB, KiB and so on.
//!
//! Example: `fallocate -l 1G /var/swap`.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

use crate::size;

/// Room for files.
pub const FALLOCATE: Applet = Applet { name: "fallocate", about: "give a file room, or take it away", place: Place::Bin, run };

/// Bytes that are looked at for zeroes at once.
const PIECE: u64 = 64 << 10;

#[derive(Parser)]
struct Options {
    /// Cut the range out
    #[arg(short, long, group = "mode")]
    collapse_range: bool,
    /// Make holes of zeroes
    #[arg(short, long, group = "mode")]
    dig_holes: bool,
    /// Put zeroes in
    #[arg(short, long, group = "mode")]
    insert_range: bool,
    /// Punch a hole
    #[arg(short, long, group = "mode")]
    punch_hole: bool,
    /// Write zeroes if there is no other way
    #[arg(short = 'x', long, group = "mode")]
    posix: bool,
    /// Make zeroes
    #[arg(short, long, group = "mode")]
    zero_range: bool,
    /// Keep the size
    #[arg(short = 'n', long)]
    keep_size: bool,
    /// First byte
    #[arg(short, long, value_name = "OFFSET", value_parser = bytes)]
    offset: Option<u64>,
    /// Number of bytes
    #[arg(short, long, value_name = "LENGTH", value_parser = bytes)]
    length: Option<u64>,
    /// Say what was done
    #[arg(short, long)]
    verbose: bool,
    /// The file
    file: PathBuf,
}

fn bytes(text: &str) -> Result<u64, String> {
    size::read(text).filter(|bytes| i64::try_from(*bytes).is_ok()).ok_or_else(|| "not a number of bytes".to_owned())
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&FALLOCATE, args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::FAILED) })?;
    let path = &options.file;
    // Checked before the file is created: a wrong call leaves nothing behind.
    match options.length {
        None if !options.dig_holes => return Err(Error::usage("no length argument specified").with_exit(Exit::FAILED)),
        Some(0) => return Err(Error::usage("invalid length value specified").with_exit(Exit::FAILED)),
        _ => {}
    }
    let creates = !(options.collapse_range || options.dig_holes || options.insert_range || options.punch_hole);
    let mut open = File::options();
    let file = open.read(true).write(true).create(creates).truncate(false).mode(0o666).open(path).on("open", path)?;
    let offset = options.offset.unwrap_or(0);
    let length = match options.length {
        Some(length) => length,
        None => file.metadata().on("measure", path)?.len().saturating_sub(offset),
    };
    if options.dig_holes {
        let freed = dig(&file, offset, length).on("dig holes in", path)?;
        if options.verbose {
            kit::print(&format!("{}: {} ({freed} bytes) converted to sparse holes.\n", path.display(), size::spelled(freed)))?;
        }
        return Ok(Exit::OK);
    }
    if options.posix {
        posix(&file, offset, length).on("allocate", path)?;
    } else {
        fallocate(file.as_fd(), options.flags(), offset, length).on("fallocate", path)?;
    }
    if options.verbose {
        let what = options.done();
        kit::print(&format!("{}: {} ({length} bytes) {what}.\n", path.display(), size::spelled(length)))?;
    }
    Ok(Exit::OK)
}

impl Options {
    fn flags(&self) -> FallocateFlags {
        let mode = if self.collapse_range {
            FallocateFlags::COLLAPSE_RANGE
        } else if self.insert_range {
            FallocateFlags::INSERT_RANGE
        } else if self.punch_hole {
            FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE
        } else if self.zero_range {
            FallocateFlags::ZERO_RANGE
        } else {
            FallocateFlags::empty()
        };
        if self.keep_size { mode | FallocateFlags::KEEP_SIZE } else { mode }
    }

    const fn done(&self) -> &'static str {
        match (self.collapse_range, self.insert_range, self.punch_hole, self.zero_range) {
            (true, ..) => "removed",
            (_, true, ..) => "inserted",
            (_, _, true, _) => "hole created",
            (.., true) => "zeroed",
            _ => "allocated",
        }
    }
}

/// Blocks for the range; where the file system has no call for it, by writing what is there again.
fn posix(file: &File, offset: u64, length: u64) -> std::io::Result<()> {
    match fallocate(file.as_fd(), FallocateFlags::empty(), offset, length) {
        Err(Errno::OPNOTSUPP) => {}
        done => return Ok(done?),
    }
    let old = file.metadata()?.len();
    let end = offset.checked_add(length).ok_or_else(|| std::io::Error::from(Errno::FBIG))?;
    if end > old {
        file.set_len(end)?;
    }
    let mut at = offset;
    while at < end {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        file.write_all_at(&byte, at)?;
        at += 512;
    }
    Ok(())
}

/// Punches holes where all bytes of a block are zero; the number of bytes.
fn dig(file: &File, offset: u64, length: u64) -> std::io::Result<u64> {
    let block = std::os::unix::fs::MetadataExt::blksize(&file.metadata()?).max(512);
    let end = offset.saturating_add(length).min(file.metadata()?.len());
    let mut freed = 0;
    let mut at = offset.next_multiple_of(block);
    let mut buffer = vec![0; PIECE.max(block) as usize];
    while at < end {
        // A hole that is there already is passed over.
        at = match seek(file, SeekFrom::Data(at)) {
            Ok(data) => data.next_multiple_of(block).max(at),
            Err(_) => break,
        };
        let count = file.read_at(&mut buffer, at)?.min((end - at.min(end)) as usize);
        if count == 0 {
            break;
        }
        for (number, piece) in buffer[..count].chunks(block as usize).enumerate() {
            if piece.iter().all(|byte| *byte == 0) {
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(file.as_fd(), flags, at + number as u64 * block, piece.len() as u64)?;
                freed += piece.len() as u64;
            }
        }
        at += (count as u64).next_multiple_of(block);
    }
    Ok(freed)
}
