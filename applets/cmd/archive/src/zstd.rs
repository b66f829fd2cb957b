//! `zstd [-cdfkqtv] [-1…-19] [-o FILE] [--rm] [FILE]...` packs files; `unzstd` is `zstd -d`, `zstdcat` is `zstd -dcf`.
//!
//! Without a file, or for `-`, standard input goes to standard output. Beside a file its packed form is made with `.zst`
//! behind its name, or the other way round, with its owner, mode and times; the file stays unless `--rm` is given. Unpacking
//! takes gzip, xz and lzma, too. Levels above 3 find somewhat less than zstd's own. Exit status: 0, 1 something failed.
//!
//! Example: `zstd -19 image` makes image.zst.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::codec::Codec;
use crate::squeeze::{Job, level};

/// Pack.
pub const ZSTD: Applet = Applet { name: "zstd", about: "pack files with zstd", place: Place::Bin, run: zstd };
/// Unpack.
pub const UNZSTD: Applet = Applet { name: "unzstd", about: "unpack .zst files", place: Place::Bin, run: unzstd };
/// Print unpacked.
pub const ZSTDCAT: Applet = Applet { name: "zstdcat", about: "print .zst files unpacked", place: Place::Bin, run: zstdcat };

#[derive(Parser)]
#[command(disable_version_flag = true, after_help = "Levels: -1 to -19; 3.")]
struct Options {
    /// Pack.
    #[arg(short = 'z', long)]
    compress: bool,
    /// Unpack.
    #[arg(short, long, visible_alias = "uncompress")]
    decompress: bool,
    /// Try if the files can be unpacked.
    #[arg(short, long)]
    test: bool,
    /// Write to standard output.
    #[arg(short = 'c', long)]
    stdout: bool,
    /// Write to this file.
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite files, follow links, use a terminal; with -dc pass on what is not packed.
    #[arg(short, long)]
    force: bool,
    /// Keep the files: so it is usual.
    #[arg(short, long, overrides_with = "rm")]
    keep: bool,
    /// Remove the files at the end.
    #[arg(long, overrides_with = "keep")]
    rm: bool,
    /// All files below directories.
    #[arg(short, long)]
    recursive: bool,
    /// Threads: one works, whatever is said.
    #[arg(short = 'T', long, value_name = "COUNT")]
    threads: Option<u32>,
    /// No messages.
    #[arg(short, long, action = ArgAction::Count)]
    quiet: u8,
    /// Print the ratio of each file.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Version.
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// Files.
    files: Vec<PathBuf>,
}

fn zstd(args: &[OsString]) -> Result<Exit> {
    run(&ZSTD, args, |_| {})
}

fn unzstd(args: &[OsString]) -> Result<Exit> {
    run(&UNZSTD, args, |job| job.decompress = true)
}

fn zstdcat(args: &[OsString]) -> Result<Exit> {
    run(&ZSTDCAT, args, |job| (job.decompress, job.stdout, job.force) = (true, true, true))
}

fn run(applet: &Applet, args: &[OsString], set: fn(&mut Job)) -> Result<Exit> {
    let (args, level) = level::take(args, b"oT");
    let options: Options = parse(applet, &args)?;
    let mut job = Job::new(applet.name, Codec::Zstd);
    set(&mut job);
    job.decompress = (job.decompress || options.decompress) && !options.compress;
    job.stdout |= options.stdout;
    job.force |= options.force;
    job.keep = !options.rm;
    job.test = options.test;
    job.recursive = options.recursive;
    job.verbose = options.verbose;
    job.quiet = options.quiet;
    job.level = level.unwrap_or(job.level).clamp(1, 19);
    if options.output.is_some() && options.files.len() > 1 {
        return Err(Error::usage("-o takes one file's output"));
    }
    job.stdout |= options.output.as_ref().is_some_and(|output| output.as_os_str() == "-");
    job.output = options.output.filter(|output| output.as_os_str() != "-");
    job.run(&options.files)
}
