//! `gzip [-cdfkNnlqrtv] [-1…-9] [-S SUFFIX] [FILE]...` packs files; `gunzip` is `gzip -d`, `zcat` is `gzip -dc`, `uncompress` is
//! `gzip -d` for files that end in `.Z`.
//!
//! Without a file, or for `-`, standard input goes to standard output. A file is replaced by its packed form with `.gz`
//! behind its name, or the other way round, with its owner, mode and times. Exit status: 0, 1 something failed, 2 something
//! was left as it is.
//!
//! Example: `gzip -9k log` makes log.gz beside log.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Exit, Place, Result, parse};

use crate::codec::Codec;
use crate::squeeze::{Job, level};

/// Pack.
pub const GZIP: Applet = Applet { name: "gzip", about: "pack files with deflate", place: Place::Bin, run: gzip };
/// Unpack.
pub const GUNZIP: Applet = Applet { name: "gunzip", about: "unpack .gz files", place: Place::Bin, run: gunzip };
/// Print unpacked.
pub const ZCAT: Applet = Applet { name: "zcat", about: "print .gz files unpacked", place: Place::Bin, run: zcat };
/// Unpack the form of old.
pub const UNCOMPRESS: Applet = Applet { name: "uncompress", about: "unpack .Z files", place: Place::Bin, run: uncompress };

#[derive(Parser)]
#[command(infer_long_args = true, disable_version_flag = true, after_help = "Levels: -1 (--fast) to -9 (--best); 6.")]
struct Options {
    /// As -d and -c have it on this system: nothing is converted.
    #[arg(short, long)]
    ascii: bool,
    /// Write to standard output, keep the files.
    #[arg(short = 'c', long, visible_alias = "to-stdout")]
    stdout: bool,
    /// Unpack.
    #[arg(short, long, visible_alias = "uncompress")]
    decompress: bool,
    /// Overwrite files, follow links, use a terminal; with -dc pass on what is not packed.
    #[arg(short, long)]
    force: bool,
    /// Keep the files.
    #[arg(short, long)]
    keep: bool,
    /// Print sizes.
    #[arg(short, long)]
    list: bool,
    /// No name and time in the packed form, or none taken from there.
    #[arg(short = 'n', long, overrides_with = "name")]
    no_name: bool,
    /// Name and time in the packed form, which is usual, or taken from there.
    #[arg(short = 'N', long, overrides_with = "no_name")]
    name: bool,
    /// No warnings.
    #[arg(short, long)]
    quiet: bool,
    /// All files below directories.
    #[arg(short, long)]
    recursive: bool,
    /// Another end of packed names.
    #[arg(short = 'S', long, value_name = "SUFFIX")]
    suffix: Option<OsString>,
    /// Try if the files can be unpacked.
    #[arg(short, long)]
    test: bool,
    /// Print the ratio of each file.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Version.
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[arg(long, hide = true)]
    fast: bool,
    #[arg(long, hide = true)]
    best: bool,
    /// Files.
    files: Vec<PathBuf>,
}

fn gzip(args: &[OsString]) -> Result<Exit> {
    run(&GZIP, args, |_| {})
}

fn gunzip(args: &[OsString]) -> Result<Exit> {
    run(&GUNZIP, args, |job| job.decompress = true)
}

fn zcat(args: &[OsString]) -> Result<Exit> {
    run(&ZCAT, args, |job| (job.decompress, job.stdout) = (true, true))
}

fn uncompress(args: &[OsString]) -> Result<Exit> {
    run(&UNCOMPRESS, args, |job| {
        job.decompress = true;
        job.codec = Codec::Compress;
    })
}

fn run(applet: &Applet, args: &[OsString], set: fn(&mut Job)) -> Result<Exit> {
    let (args, level) = level::take(args, b"S");
    let options: Options = parse(applet, &args)?;
    let mut job = Job::new(applet.name, Codec::Gzip);
    job.decompress = options.decompress;
    job.stdout = options.stdout;
    set(&mut job);
    job.force = options.force;
    job.keep = options.keep;
    job.test = options.test;
    job.list = options.list;
    job.recursive = options.recursive;
    job.verbose = options.verbose;
    job.quiet = u8::from(options.quiet);
    job.suffix = options.suffix;
    let named = if options.fast { Some(1) } else { options.best.then_some(9) };
    job.level = level.or(named).unwrap_or(job.level).clamp(1, 9);
    job.names = options.name || !(options.no_name || job.decompress || job.test || job.list);
    job.left = Exit::USAGE;
    job.run(&options.files)
}
