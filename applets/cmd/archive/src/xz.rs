//! `xz [-cdefkqtvz] [-0…-9] [-S SUFFIX] [-F FORMAT] [FILE]...` packs files; `unxz` is `xz -d`, `xzcat` is `xz -dc`; `lzma`, `unlzma`
//! and `lzcat` are the same with `--format=lzma`.
//!
//! Without a file, or for `-`, standard input goes to standard output. A file is replaced by its packed form with `.xz`
//! behind its name, or the other way round, with its owner, mode and times. Packing is single-threaded and takes memory by
//! the level: 10 MB for -1, 94 MB for -6, 674 MB for -9. Exit status: 0, 1 something failed, 2 something was left as it is.
//!
//! Example: `xz -9k image` makes image.xz beside image.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::codec::Codec;
use crate::squeeze::{Job, level};

/// Pack.
pub const XZ: Applet = Applet { name: "xz", about: "pack files with LZMA2", place: Place::Bin, run: xz };
/// Unpack.
pub const UNXZ: Applet = Applet { name: "unxz", about: "unpack .xz files", place: Place::Bin, run: unxz };
/// Print unpacked.
pub const XZCAT: Applet = Applet { name: "xzcat", about: "print .xz files unpacked", place: Place::Bin, run: xzcat };
/// Pack in the old form.
pub const LZMA: Applet = Applet { name: "lzma", about: "pack files with LZMA", place: Place::Bin, run: lzma };
/// Unpack the old form.
pub const UNLZMA: Applet = Applet { name: "unlzma", about: "unpack .lzma files", place: Place::Bin, run: unlzma };
/// Print the old form unpacked.
pub const LZCAT: Applet = Applet { name: "lzcat", about: "print .lzma files unpacked", place: Place::Bin, run: lzcat };

#[derive(Parser)]
#[command(infer_long_args = true, disable_version_flag = true, after_help = "Levels: -0 (--fast) to -9 (--best); 6.")]
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
    /// Print sizes.
    #[arg(short, long)]
    list: bool,
    /// Keep the files.
    #[arg(short, long)]
    keep: bool,
    /// Overwrite files, follow links, use a terminal; with -dc pass on what is not packed.
    #[arg(short, long)]
    force: bool,
    /// Write to standard output, keep the files.
    #[arg(short = 'c', long, visible_alias = "to-stdout")]
    stdout: bool,
    /// Another end of packed names.
    #[arg(short = 'S', long, value_name = "SUFFIX")]
    suffix: Option<OsString>,
    /// Form: auto, xz, lzma (alone).
    #[arg(short = 'F', long, value_name = "FORMAT")]
    format: Option<String>,
    /// Threads: one works, whatever is said.
    #[arg(short = 'T', long, value_name = "COUNT")]
    threads: Option<u32>,
    /// More effort: the levels' own is the most that there is.
    #[arg(short, long)]
    extreme: bool,
    /// No warnings; twice, no messages.
    #[arg(short, long, action = ArgAction::Count)]
    quiet: u8,
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

fn xz(args: &[OsString]) -> Result<Exit> {
    run(&XZ, args, Codec::Xz, |_| {})
}

fn unxz(args: &[OsString]) -> Result<Exit> {
    run(&UNXZ, args, Codec::Xz, |job| job.decompress = true)
}

fn xzcat(args: &[OsString]) -> Result<Exit> {
    run(&XZCAT, args, Codec::Xz, |job| (job.decompress, job.stdout) = (true, true))
}

fn lzma(args: &[OsString]) -> Result<Exit> {
    run(&LZMA, args, Codec::Lzma, |_| {})
}

fn unlzma(args: &[OsString]) -> Result<Exit> {
    run(&UNLZMA, args, Codec::Lzma, |job| job.decompress = true)
}

fn lzcat(args: &[OsString]) -> Result<Exit> {
    run(&LZCAT, args, Codec::Lzma, |job| (job.decompress, job.stdout) = (true, true))
}

fn run(applet: &Applet, args: &[OsString], codec: Codec, set: fn(&mut Job)) -> Result<Exit> {
    let (args, level) = level::take(args, b"SFT");
    let options: Options = parse(applet, &args)?;
    let codec = match options.format.as_deref() {
        None | Some("auto") => codec,
        Some("xz") => Codec::Xz,
        Some("lzma" | "alone") => Codec::Lzma,
        Some(other) => return Err(Error::usage(format!("no such form: {other}"))),
    };
    let mut job = Job::new(applet.name, codec);
    set(&mut job);
    job.decompress = (job.decompress || options.decompress) && !options.compress;
    job.stdout |= options.stdout;
    job.force = options.force;
    job.keep = options.keep;
    job.test = options.test;
    job.list = options.list;
    job.verbose = options.verbose;
    job.quiet = options.quiet;
    job.suffix = options.suffix;
    let named = if options.fast { Some(0) } else { options.best.then_some(9) };
    job.level = level.or(named).unwrap_or(job.level).min(9);
    job.left = Exit::USAGE;
    job.run(&options.files)
}
