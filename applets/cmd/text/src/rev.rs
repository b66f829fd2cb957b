//! `rev [-0] [FILE]...` prints each line with its characters in reverse order. Exit status: 0, 1 a file can't be read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// Lines backward.
pub const REV: Applet =
    Applet { name: "rev", about: "print lines with their characters in reverse order", place: Place::Bin, run };

#[derive(Parser)]
#[command(infer_long_args = true, args_override_self = true)]
struct Options {
    /// Lines end with zero bytes.
    #[arg(short = '0', long)]
    zero: bool,
    /// The files; standard input without one.
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&REV, args)?;
    if options.files.is_empty() {
        options.files.push("-".into());
    }
    let end = if options.zero { 0 } else { b'\n' };
    let mut out = out();
    let mut exit = Exit::OK;
    for file in &options.files {
        let input: Box<dyn BufRead> = if file == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            match File::open(file).on("open", file) {
                Ok(file) => Box::new(BufReader::new(file)),
                Err(e) => {
                    exit = Exit::FAILED;
                    // A closed standard error loses the message.
                    let _ = writeln!(io::stderr(), "rev: {e}");
                    continue;
                }
            }
        };
        reverse(input, end, &mut out, file)?;
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

fn reverse(mut input: impl BufRead, end: u8, out: &mut impl Write, file: &Path) -> Result<()> {
    let mut line = Vec::new();
    while input.read_until(end, &mut line).on("read", file)? > 0 {
        let ended = line.pop_if(|byte| *byte == end).is_some();
        let mut chars = pattern::decode(&line);
        chars.reverse();
        let mut text = pattern::encode(&chars);
        if ended {
            text.push(end);
        }
        out.write_all(&text).doing("write standard output")?;
        line.clear();
    }
    Ok(())
}
