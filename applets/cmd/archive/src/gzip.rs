//! `gzip [-c] [-d] [-k] [-f] [-t] [-1…-9] [FILE]...` packs files; `gunzip` is `gzip -d`, `zcat` is `gzip -dc`.
//!
//! Without a file, or for `-`, standard input goes to standard output. A file is replaced by its packed form with `.gz` behind its
//! name, or the other way round, with its mode and time. Exit status: 0, 1 something failed.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes};
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// Pack.
pub const GZIP: Applet = Applet { name: "gzip", about: "pack files with deflate", place: Place::Bin, run };
/// Unpack.
pub const GUNZIP: Applet = Applet { name: "gunzip", about: "unpack .gz files", place: Place::Bin, run };
/// Print unpacked.
pub const ZCAT: Applet = Applet { name: "zcat", about: "print .gz files unpacked", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Write to standard output, keep the files.
    #[arg(short = 'c', long, visible_alias = "to-stdout")]
    stdout: bool,
    /// Unpack.
    #[arg(short, long, visible_alias = "uncompress")]
    decompress: bool,
    /// Overwrite files, pack to a terminal.
    #[arg(short, long)]
    force: bool,
    /// Keep the files.
    #[arg(short, long)]
    keep: bool,
    /// Try whether they can be unpacked.
    #[arg(short, long)]
    test: bool,
    /// Say what was done.
    #[arg(short, long)]
    verbose: bool,
    /// No warnings: there are none.
    #[arg(short, long)]
    quiet: bool,
    /// Leave the name and time out of the packed form: they are always left out.
    #[arg(short = 'n', long)]
    no_name: bool,
    #[arg(short = '1', long = "fast", action = ArgAction::Count, hide = true)]
    level1: u8,
    #[arg(short = '2', action = ArgAction::Count, hide = true)]
    level2: u8,
    #[arg(short = '3', action = ArgAction::Count, hide = true)]
    level3: u8,
    #[arg(short = '4', action = ArgAction::Count, hide = true)]
    level4: u8,
    #[arg(short = '5', action = ArgAction::Count, hide = true)]
    level5: u8,
    #[arg(short = '6', action = ArgAction::Count, hide = true)]
    level6: u8,
    #[arg(short = '7', action = ArgAction::Count, hide = true)]
    level7: u8,
    #[arg(short = '8', action = ArgAction::Count, hide = true)]
    level8: u8,
    #[arg(short = '9', long = "best", action = ArgAction::Count, hide = true)]
    level9: u8,
    /// The files.
    files: Vec<PathBuf>,
}

impl Options {
    /// The highest level that was given; 6 without one, as gzip has it.
    fn level(&self) -> Compression {
        let given =
            [self.level1, self.level2, self.level3, self.level4, self.level5, self.level6, self.level7, self.level8, self.level9];
        Compression::new(given.iter().rposition(|n| *n > 0).map_or(6, |at| at as u32 + 1))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let name = args.first().map(|a| Path::new(a).file_name().unwrap_or_default().to_owned()).unwrap_or_default();
    let applet = if name == "zcat" {
        &ZCAT
    } else if name == "gunzip" {
        &GUNZIP
    } else {
        &GZIP
    };
    let mut options: Options = parse(applet, args)?;
    options.decompress |= name == "zcat" || name == "gunzip" || options.test;
    options.stdout |= name == "zcat";
    let input = [PathBuf::from("-")];
    let files = if options.files.is_empty() { &input[..] } else { &options.files };
    let mut exit = Exit::OK;
    for file in files {
        let done = if file == Path::new("-") { stream(&options) } else { one(file, &options) };
        if let Err(e) = done {
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(io::stderr(), "{}: {e}", applet.name);
            exit = Exit::FAILED;
        }
    }
    Ok(exit)
}

/// Standard input to standard output.
fn stream(options: &Options) -> Result<()> {
    if !options.decompress && !options.force && io::stdout().is_terminal() {
        return Err(Error::new("packed bytes are nothing for a terminal; -f writes them all the same"));
    }
    let mut input = BufReader::new(io::stdin().lock());
    convert(&mut input, to_output(options), options, Path::new("standard input"))
}

/// Standard output, or nowhere for a test.
fn to_output(options: &Options) -> Box<dyn Write> {
    if options.test { Box::new(io::sink()) } else { Box::new(out()) }
}

fn one(file: &Path, options: &Options) -> Result<()> {
    let opened = File::open(file).on("open", file)?;
    let meta = opened.metadata().on("look at", file)?;
    if !meta.is_file() && !options.stdout {
        return Err(Error::new(format!("{}: not a regular file", file.display())));
    }
    let mut input = BufReader::new(opened);
    if options.stdout || options.test {
        return convert(&mut input, to_output(options), options, file);
    }
    let target = target(file, options)?;
    let made = if options.force { File::create(&target) } else { File::create_new(&target) };
    let made = made.on("make", &target)?;
    let done = convert(&mut input, Box::new(BufWriter::new(made.try_clone().on("write", &target)?)), options, file);
    if let Err(e) = done {
        // Half a file must not look like a whole one.
        let _ = fs::remove_file(&target);
        return Err(e);
    }
    made.set_permissions(meta.permissions()).on("set the mode of", &target)?;
    let time = meta.modified().on("look at", file)?;
    made.set_times(FileTimes::new().set_modified(time)).on("set the time of", &target)?;
    if !options.keep {
        fs::remove_file(file).on("remove", file)?;
    }
    if options.verbose {
        // As above.
        let _ = writeln!(io::stderr(), "{}: made {}", file.display(), target.display());
    }
    Ok(())
}

/// The name of the other form.
fn target(file: &Path, options: &Options) -> Result<PathBuf> {
    let extension = file.extension().and_then(|e| e.to_str());
    match (options.decompress, extension) {
        (true, Some("gz")) => Ok(file.with_extension("")),
        (true, Some("tgz")) => Ok(file.with_extension("tar")),
        (true, _) => Err(Error::new(format!("{}: the name does not end in .gz", file.display()))),
        (false, Some("gz")) => Err(Error::new(format!("{}: the name ends in .gz already", file.display()))),
        (false, _) => {
            let mut name = file.as_os_str().to_owned();
            name.push(".gz");
            Ok(name.into())
        }
    }
}

fn convert(input: &mut dyn io::BufRead, mut to: Box<dyn Write>, options: &Options, name: &Path) -> Result<()> {
    if options.decompress {
        let mut decoder = MultiGzDecoder::new(input);
        copy(&mut decoder, &mut to).on("unpack", name)?;
        return to.flush().doing("write the output");
    }
    let mut encoder = GzEncoder::new(to, options.level());
    copy(input, &mut encoder).on("pack", name)?;
    encoder.finish().and_then(|mut to| to.flush()).doing("write the output")
}

fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<()> {
    io::copy(&mut from, to).map(|_| ())
}
