//! `bzip2 [-cdfkqstv] [-1…-9] [FILE]...` packs files; `bunzip2` is `bzip2 -d`, `bzcat` is `bzip2 -dc`.
//!
//! Without a file, or for `-`, standard input goes to standard output. A file is replaced by its packed form with `.bz2`
//! behind its name, or the other way round, with its owner, mode and times. Exit status: 0, 1 something failed, 2 the data is
//! damaged.
//!
//! Example: `bzcat a.bz2 | head`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Exit, Place, Result, parse};

use crate::codec::Codec;
use crate::squeeze::{Job, level};

/// Pack.
pub const BZIP2: Applet = Applet { name: "bzip2", about: "pack files by sorting blocks", place: Place::Bin, run: bzip2 };
/// Unpack.
pub const BUNZIP2: Applet = Applet { name: "bunzip2", about: "unpack .bz2 files", place: Place::Bin, run: bunzip2 };
/// Print unpacked.
pub const BZCAT: Applet = Applet { name: "bzcat", about: "print .bz2 files unpacked", place: Place::Bin, run: bzcat };

#[derive(Parser)]
#[command(disable_version_flag = true, after_help = "Levels: -1 (--fast) to -9 (--best), hundreds of KiB in a block; 9.")]
struct Options {
    /// Write to standard output, keep the files.
    #[arg(short = 'c', long)]
    stdout: bool,
    /// Unpack.
    #[arg(short, long)]
    decompress: bool,
    /// Pack, whatever the name is.
    #[arg(short = 'z', long)]
    compress: bool,
    /// Overwrite files, follow links, use a terminal; with -dc pass on what is not packed.
    #[arg(short, long)]
    force: bool,
    /// Keep the files.
    #[arg(short, long)]
    keep: bool,
    /// Less memory: blocks of at most 200 KB.
    #[arg(short, long)]
    small: bool,
    /// No warnings.
    #[arg(short, long)]
    quiet: bool,
    /// Try if the files can be unpacked.
    #[arg(short, long)]
    test: bool,
    /// Print the ratio of each file.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    #[arg(long, hide = true)]
    fast: bool,
    #[arg(long, hide = true)]
    best: bool,
    /// Version.
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// Files.
    files: Vec<PathBuf>,
}

fn bzip2(args: &[OsString]) -> Result<Exit> {
    run(&BZIP2, args, |_| {})
}

fn bunzip2(args: &[OsString]) -> Result<Exit> {
    run(&BUNZIP2, args, |job| job.decompress = true)
}

fn bzcat(args: &[OsString]) -> Result<Exit> {
    run(&BZCAT, args, |job| (job.decompress, job.stdout) = (true, true))
}

fn run(applet: &Applet, args: &[OsString], set: fn(&mut Job)) -> Result<Exit> {
    let (args, level) = level::take(args, b"");
    let options: Options = parse(applet, &args)?;
    let mut job = Job::new(applet.name, Codec::Bzip2);
    set(&mut job);
    job.decompress = (job.decompress || options.decompress) && !options.compress;
    job.stdout |= options.stdout;
    job.force = options.force;
    job.keep = options.keep;
    job.test = options.test;
    job.verbose = options.verbose;
    job.quiet = u8::from(options.quiet);
    job.damaged = Exit(2);
    let named = if options.fast { Some(1) } else { options.best.then_some(9) };
    job.level = level.or(named).unwrap_or(job.level).clamp(1, if options.small { 2 } else { 9 });
    job.run(&options.files)
}
