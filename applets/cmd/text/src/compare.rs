//! `cmp [OPTION]... FILE [FILE [SKIP [SKIP]]]` tells where two files begin to differ.
//!
//! `-b` shows the bytes, `-l` all that differ, `-s` nothing; `-n BYTES` compares so many, `-i SKIP[:SKIP]` passes over the first
//! ones. Numbers may end in `k K kB M MB G GB T TB`. Exit status: 0 nowhere, 1 somewhere, 2 trouble.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// The same or not.
pub const CMP: Applet = Applet { name: "cmp", about: "tell where two files differ", place: Place::Bin, run };

#[derive(Parser)]
#[command(infer_long_args = true, args_override_self = true, disable_version_flag = true)]
struct Options {
    /// Say nothing.
    #[arg(short, long, visible_alias = "quiet")]
    silent: bool,
    /// All bytes that differ.
    #[arg(short = 'l', long)]
    verbose: bool,
    /// Show the bytes.
    #[arg(short = 'b', long)]
    print_bytes: bool,
    /// Compare so many bytes.
    #[arg(short = 'n', long, value_name = "BYTES", value_parser = number)]
    bytes: Option<u64>,
    /// Pass over the first bytes of both files, or of each.
    #[arg(short, long, value_name = "SKIP[:SKIP]", value_parser = skips)]
    ignore_initial: Option<(u64, u64)>,
    /// Print version.
    #[arg(short = 'v', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// The first file.
    first: PathBuf,
    /// The second; standard input without one.
    #[arg(default_value = "-")]
    second: PathBuf,
    /// Bytes of each to pass over.
    #[arg(value_parser = number, num_args = 0..=2)]
    skips: Vec<u64>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CMP, args)?;
    compare(&options).map_err(|e| e.with_exit(Exit::USAGE))
}

/// A number of bytes, with a unit.
fn number(text: &str) -> Result<u64, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(at);
    let wrong = || format!("{text} is no number of bytes");
    let power = |unit: &str| "KMGTPE".find(&unit[..1].to_ascii_uppercase()).map(|power| power as u32 + 1);
    let factor = match unit {
        "" => Some(1),
        unit if unit.len() == 2 && unit.ends_with('B') && unit.is_ascii() => power(unit).map(|power| 1000u64.pow(power)),
        unit if unit.len() == 1 && unit.is_ascii() => power(unit).map(|power| 1024u64.pow(power)),
        _ => None,
    };
    let value = digits.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    value.ok_or_else(wrong)
}

fn skips(text: &str) -> Result<(u64, u64), String> {
    match text.split_once(':') {
        Some((one, two)) => Ok((number(one)?, number(two)?)),
        None => number(text).map(|skip| (skip, skip)),
    }
}

/// A place in both files.
struct At {
    byte: u64,
    line: u64,
}

fn compare(options: &Options) -> Result<Exit> {
    let given = (options.skips.first().copied().unwrap_or(0), options.skips.get(1).copied().unwrap_or(0));
    let skips = options.ignore_initial.unwrap_or(given);
    let (one, two) = (open(&options.first, skips.0)?, open(&options.second, skips.1)?);
    let (mut one, mut two) = (BufReader::new(one).bytes(), BufReader::new(two).bytes());
    let width = width(options, skips);
    let mut out = out();
    let (mut at, mut exit, mut last) = (At { byte: 0, line: 1 }, Exit::OK, None);
    while options.bytes.is_none_or(|limit| at.byte < limit) {
        let (a, b) = (one.next().transpose().on("read", &options.first)?, two.next().transpose().on("read", &options.second)?);
        let (Some(a), Some(b)) = (a, b) else {
            if a.is_some() || b.is_some() {
                exit = Exit::FAILED;
                let short = if a.is_none() { &options.first } else { &options.second };
                say_end(options, short, &at, last);
            }
            break;
        };
        at.byte += 1;
        last = Some(a);
        if a == b {
            at.line += u64::from(a == b'\n');
            continue;
        }
        exit = Exit::FAILED;
        if options.silent {
            break;
        }
        out.write_all(differ(options, &at, width, (a, b)).as_bytes()).doing("write standard output")?;
        if !options.verbose {
            break;
        }
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

/// The line of a byte that differs.
fn differ(options: &Options, at: &At, width: usize, (a, b): (u8, u8)) -> String {
    match (options.verbose, options.print_bytes) {
        (true, true) => format!("{:>width$} {a:3o} {:4} {b:3o} {}\n", at.byte, shown(a), shown(b)),
        (true, false) => format!("{:>width$} {a:3o} {b:3o}\n", at.byte),
        _ => {
            let bytes = format!(" is {a:3o} {} {b:3o} {}", shown(a), shown(b));
            let bytes = if options.print_bytes { bytes } else { String::new() };
            let (first, second) = (options.first.display(), options.second.display());
            format!("{first} {second} differ: byte {}, line {}{bytes}\n", at.byte, at.line)
        }
    }
}

/// Say that a file is at its end, and the other one is not. `last` is its last byte.
fn say_end(options: &Options, short: &Path, at: &At, last: Option<u8>) {
    if options.silent {
        return;
    }
    let place = match last {
        None => "which is empty".to_owned(),
        Some(_) if options.verbose => format!("after byte {}", at.byte),
        Some(b'\n') => format!("after byte {}, line {}", at.byte, at.line - 1),
        Some(_) => format!("after byte {}, in line {}", at.byte, at.line),
    };
    // A closed standard error loses the message.
    let _ = writeln!(io::stderr(), "cmp: EOF on {} {place}", short.display());
}

/// Width of numbers of bytes: that of the smaller file's size.
fn width(options: &Options, skips: (u64, u64)) -> usize {
    let size = |path: &Path, skip: u64| {
        let len = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len().saturating_sub(skip));
        len.unwrap_or(i64::MAX.cast_unsigned())
    };
    let least = size(&options.first, skips.0).min(size(&options.second, skips.1)).min(options.bytes.unwrap_or(u64::MAX));
    least.to_string().len()
}

/// A byte as cat -v shows it.
fn shown(byte: u8) -> String {
    match byte {
        128.. => format!("M-{}", shown(byte - 128)),
        127 => "^?".into(),
        0..32 => format!("^{}", char::from(byte + 64)),
        _ => char::from(byte).into(),
    }
}

fn open(path: &Path, skip: u64) -> Result<Box<dyn Read>> {
    let mut file: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path).on("open", path)?) };
    io::copy(&mut file.by_ref().take(skip), &mut io::sink()).on("read", path)?;
    Ok(file)
}

/// Definition of the options, for the table of them.
#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <Options as clap::CommandFactory>::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        assert_eq!(number("12"), Ok(12));
        assert_eq!(number("1k"), Ok(1024));
        assert_eq!(number("2MB"), Ok(2_000_000));
        assert_eq!(skips("1:2K"), Ok((1, 2048)));
        assert!(number("x").is_err() && number("1q").is_err() && number("99E").is_err());
    }
}
