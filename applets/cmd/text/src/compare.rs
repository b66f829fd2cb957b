//! `cmp [-s] [-l] [-n BYTES] FILE [FILE]` tells where two files begin to differ. Exit status: 0 nowhere, 1 somewhere, 2 trouble.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// The same or not?
pub const CMP: Applet = Applet { name: "cmp", about: "tell where two files differ", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Say nothing.
    #[arg(short, long, visible_alias = "quiet")]
    silent: bool,
    /// All bytes that differ.
    #[arg(short = 'l', long)]
    verbose: bool,
    /// Compare so many bytes.
    #[arg(short = 'n', long, value_name = "BYTES")]
    bytes: Option<u64>,
    /// The first file.
    first: PathBuf,
    /// The second; standard input without one.
    #[arg(default_value = "-")]
    second: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CMP, args)?;
    compare(&options).map_err(|e| e.with_exit(Exit::USAGE))
}

fn compare(options: &Options) -> Result<Exit> {
    let (one, two) = (open(&options.first)?, open(&options.second)?);
    let (mut one, mut two) = (BufReader::new(one).bytes(), BufReader::new(two).bytes());
    let names = (options.first.display(), options.second.display());
    let mut out = out();
    let (mut at, mut line, mut exit) = (0u64, 1u64, Exit::OK);
    while options.bytes.is_none_or(|limit| at < limit) {
        let (a, b) = (one.next().transpose().on("read", &options.first)?, two.next().transpose().on("read", &options.second)?);
        at += 1;
        match (a, b) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => line += u64::from(a == b'\n'),
            (Some(a), Some(b)) => {
                exit = Exit::FAILED;
                if options.verbose {
                    writeln!(out, "{at} {a:3o} {b:3o}").doing("write standard output")?;
                    continue;
                }
                if !options.silent {
                    writeln!(out, "{} {} differ: byte {at}, line {line}", names.0, names.1).doing("write standard output")?;
                }
                break;
            }
            (a, _) => {
                exit = Exit::FAILED;
                if !options.silent {
                    let short = if a.is_none() { &names.0 } else { &names.1 };
                    // Nothing is left to tell it to when standard error is closed.
                    let _ = writeln!(io::stderr(), "cmp: EOF on {short} after byte {}", at - 1);
                }
                break;
            }
        }
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path).on("open", path)?))
}
