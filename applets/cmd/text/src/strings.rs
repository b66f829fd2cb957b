//! `strings [OPTION]... [FILE]...` prints the texts in files of any kind: four or more printable characters in a row.
//!
//! `-n COUNT` or `-COUNT` another number, `-t o|d|x` and `-o` with their places, `-f` with the file's name, `-w` with all blanks,
//! `-e s|S|b|l|B|L` characters of seven or eight bits, or of two or four bytes, `-s TEXT` between them. Files are read whole
//! (`-a`); `-d`, the data sections alone, is refused. Exit status: 0, 1 a file can't be read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// Texts in files.
pub const STRINGS: Applet = Applet { name: "strings", about: "print the texts in files of any kind", place: Place::Bin, run };

/// The base of a place.
#[derive(Clone, Copy, ValueEnum)]
enum Radix {
    /// Octal.
    O,
    /// Decimal.
    D,
    /// Hexadecimal.
    X,
}

#[derive(Parser)]
#[command(infer_long_args = true, args_override_self = true)]
struct Options {
    /// The whole file, as without it.
    #[arg(short, long)]
    all: bool,
    /// With the file's name.
    #[arg(short = 'f', long)]
    print_file_name: bool,
    /// So many characters at least. Short: -n COUNT or -COUNT.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 4)]
    bytes: usize,
    /// With the place in the file.
    #[arg(short = 't', long, value_enum)]
    radix: Option<Radix>,
    /// As -t o.
    #[arg(short = 'o')]
    octal: bool,
    /// All blanks are parts of texts, also ends of lines.
    #[arg(short = 'w', long)]
    include_all_whitespace: bool,
    /// s: seven bits a character, S: eight, b and l: two bytes, B and L: four, the most significant one first or last.
    #[arg(short, long, default_value = "s", value_parser = ["s", "S", "b", "l", "B", "L"])]
    encoding: String,
    /// Between texts, in place of an end of line.
    #[arg(short = 's', long, value_name = "TEXT")]
    output_separator: Option<OsString>,
    /// The files; standard input without one.
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let is_count = |arg: &OsString| {
        let digits = arg.as_bytes().strip_prefix(b"-").unwrap_or_default();
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    let long = |arg: &OsString| {
        if is_count(arg) { format!("--bytes{}", arg.display()).replace("--bytes-", "--bytes=").into() } else { arg.clone() }
    };
    let args: Vec<OsString> = args.iter().map(long).collect();
    let options: Options = parse(&STRINGS, &args)?;
    if options.bytes == 0 {
        return Err(kit::Error::usage("a text has one character at least"));
    }
    let mut out = out();
    let mut exit = Exit::OK;
    for file in &options.files {
        match File::open(file).and_then(|opened| opened.metadata().map(|meta| (opened, meta))).on("open", file) {
            Ok((_, meta)) if meta.is_dir() => {
                exit = Exit::FAILED;
                // A closed standard error loses the message.
                let _ = writeln!(io::stderr(), "strings: {} is a directory", file.display());
            }
            Ok((opened, _)) => search(BufReader::new(opened), file, &options, &mut out)?,
            Err(e) => {
                exit = Exit::FAILED;
                // As above.
                let _ = writeln!(io::stderr(), "strings: {e}");
            }
        }
    }
    if options.files.is_empty() {
        search(io::stdin().lock(), Path::new("{standard input}"), &options, &mut out)?;
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

fn search(mut input: impl BufRead, file: &Path, options: &Options, out: &mut impl Write) -> Result<()> {
    let (width, big) = match options.encoding.as_str() {
        "b" => (2, true),
        "l" => (2, false),
        "B" => (4, true),
        "L" => (4, false),
        _ => (1, true),
    };
    let mut text: Vec<u8> = Vec::new();
    let (mut at, mut start) = (0u64, 0u64);
    let mut window: Vec<u8> = Vec::with_capacity(width);
    while let Some(byte) = next(&mut input).on("read", file)? {
        window.push(byte);
        at += 1;
        if window.len() < width {
            continue;
        }
        let value = window.iter().enumerate().fold(0u32, |value, (place, byte)| {
            let shift = if big { width - 1 - place } else { place };
            value | u32::from(*byte) << (8 * shift)
        });
        let found = u8::try_from(value).ok().filter(|byte| is_text(*byte, options));
        if let Some(byte) = found {
            if text.is_empty() {
                start = at - width as u64;
            }
            text.push(byte);
            window.clear();
        } else {
            put(&text, start, file, options, out)?;
            // A text of wide characters may begin at any byte behind another one.
            window.drain(..if text.is_empty() { 1 } else { width });
            text.clear();
        }
    }
    put(&text, start, file, options, out)
}

fn next(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    let byte = input.fill_buf()?.first().copied();
    input.consume(usize::from(byte.is_some()));
    Ok(byte)
}

fn is_text(byte: u8, options: &Options) -> bool {
    match byte {
        b'\t' | 0x20..=0x7e => true,
        b'\n' | 0x0b..=0x0d => options.include_all_whitespace,
        0x80.. => options.encoding == "S",
        _ => false,
    }
}

fn put(text: &[u8], start: u64, file: &Path, options: &Options, out: &mut impl Write) -> Result<()> {
    if text.len() < options.bytes {
        return Ok(());
    }
    let mut line = Vec::new();
    if options.print_file_name {
        line.extend_from_slice(file.as_os_str().as_bytes());
        line.extend_from_slice(b": ");
    }
    let place = match if options.octal { Some(Radix::O) } else { options.radix } {
        Some(Radix::O) => format!("{start:7o} "),
        Some(Radix::D) => format!("{start:7} "),
        Some(Radix::X) => format!("{start:7x} "),
        None => String::new(),
    };
    line.extend_from_slice(place.as_bytes());
    line.extend_from_slice(text);
    line.extend_from_slice(options.output_separator.as_ref().map_or(b"\n", |text| text.as_bytes()));
    out.write_all(&line).doing("write standard output")
}
