//! `hexdump [-bcCdox | -e FORM | -f FILE] [-v] [-n LENGTH] [-s SKIP] [FILE]...` prints bytes as numbers. `hd` is `hexdump -C`.
//!
//! Without a form: words of two bytes, hexadecimal. `-C` bytes and characters, `-b` octal bytes, `-c` characters, `-d` decimal,
//! `-o` octal and `-x` hexadecimal words; several forms one after another. Lines that are the same as the one before are a `*`,
//! unless `-v`.
//!
//! `-e` takes a form: units `[TIMES][/BYTES] "TEXT"`, whose text has printf's conversions `%d %i %o %u %x %X %c %s`, and `%_c`,
//! `%_p` (a dot for what can't be printed), `%_u` (names of control characters), `%_ad` (the place; `o` and `x` too) and `%_Ad`
//! (the place of the end). `-f` takes a file with a form on each line. Forms with fractions are refused.
//!
//! Exit status: 0, 1 a file can't be read.
//!
//! Example: `hexdump -v -e '16/1 "%02x " "\n"' FILE`

mod format;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse_matched};

use format::{Format, character};

/// Bytes as numbers.
pub const HEXDUMP: Applet = Applet { name: "hexdump", about: "print bytes as numbers", place: Place::Bin, run };
/// With characters.
pub const HD: Applet = Applet { name: "hd", about: "print bytes as numbers and characters", place: Place::Bin, run };

/// Bytes of a line.
const LINE: usize = 16;
/// Forms by their options.
const FORMS: [(&str, Form); 6] = [
    ("one_byte_octal", Form::OctalBytes),
    ("one_byte_char", Form::Characters),
    ("canonical", Form::Canonical),
    ("two_bytes_decimal", Form::Decimal),
    ("two_bytes_octal", Form::Octal),
    ("two_bytes_hex", Form::Hex),
];

/// Form of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    OctalBytes,
    Characters,
    Canonical,
    Decimal,
    Octal,
    Hex,
}

#[derive(Parser)]
#[command(infer_long_args = true, args_override_self = true)]
struct Options {
    /// Octal bytes.
    #[arg(short = 'b', long, action = clap::ArgAction::Count)]
    one_byte_octal: u8,
    /// Characters.
    #[arg(short = 'c', long, action = clap::ArgAction::Count)]
    one_byte_char: u8,
    /// Hexadecimal bytes, and characters beside them.
    #[arg(short = 'C', long, action = clap::ArgAction::Count)]
    canonical: u8,
    /// Decimal words of two bytes.
    #[arg(short = 'd', long, action = clap::ArgAction::Count)]
    two_bytes_decimal: u8,
    /// Octal words.
    #[arg(short = 'o', long, action = clap::ArgAction::Count)]
    two_bytes_octal: u8,
    /// Hexadecimal words.
    #[arg(short = 'x', long, action = clap::ArgAction::Count)]
    two_bytes_hex: u8,
    /// A form of one's own.
    #[arg(short = 'e', long, value_name = "FORM")]
    format: Vec<OsString>,
    /// A file with forms.
    #[arg(short = 'f', long, value_name = "FILE")]
    format_file: Vec<PathBuf>,
    /// So many bytes.
    #[arg(short = 'n', long, value_name = "LENGTH", value_parser = super::xxd::number)]
    length: Option<u64>,
    /// Pass over so many bytes first.
    #[arg(short = 's', long, value_name = "SKIP", default_value = "0", value_parser = super::xxd::number)]
    skip: u64,
    /// All lines, also those that are the same.
    #[arg(short = 'v', long, action = clap::ArgAction::Count)]
    no_squeezing: u8,
    /// The files; standard input without one.
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let name = args.first().map(|a| Path::new(a).file_name().unwrap_or_default().to_owned()).unwrap_or_default();
    let is_hd = name == "hd";
    let (options, matches): (Options, _) = parse_matched(if is_hd { &HD } else { &HEXDUMP }, args)?;
    let place = |id: &str| matches.indices_of(id).and_then(|mut all| all.next()).filter(|_| matches.get_count(id) > 0);
    let mut forms: Vec<(usize, Form)> = FORMS.iter().filter_map(|(id, form)| Some((place(id)?, *form))).collect();
    forms.sort_by_key(|(place, _)| *place);
    let mut forms: Vec<Form> = forms.into_iter().map(|(_, form)| form).collect();
    if is_hd && !forms.contains(&Form::Canonical) {
        forms.insert(0, Form::Canonical);
    }
    let own = own_forms(&options)?;
    if !own.is_empty() && !forms.is_empty() {
        return Err(Error::usage("-e and -f go with no other form"));
    }
    if forms.is_empty() {
        forms.push(Form::Plain);
    }
    let mut input: Box<dyn Read> = Box::new(io::empty());
    let mut exit = Exit::OK;
    for file in &options.files {
        match File::open(file).on("open", file) {
            Ok(file) => input = Box::new(input.chain(file)),
            Err(e) => {
                exit = Exit::FAILED;
                // A closed standard error loses the message.
                let _ = writeln!(io::stderr(), "hexdump: {e}");
            }
        }
    }
    if options.files.is_empty() {
        input = Box::new(io::stdin());
    }
    io::copy(&mut input.by_ref().take(options.skip), &mut io::sink()).doing("read the input")?;
    let input = input.take(options.length.unwrap_or(u64::MAX));
    if own.is_empty() {
        dump(input, &options, &forms)?;
    } else {
        dump_own(input, &options, own)?;
    }
    Ok(exit)
}

/// Forms of -e and -f.
fn own_forms(options: &Options) -> Result<Vec<Format>> {
    let mut texts: Vec<Vec<u8>> = options.format.iter().map(|text| text.as_encoded_bytes().to_vec()).collect();
    for file in &options.format_file {
        let text = std::fs::read(file).on("read", file)?;
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        texts.extend(lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).map(<[u8]>::to_vec));
    }
    let parse = |text: &Vec<u8>| {
        let wrong = |e| Error::usage(format!("read the form {}: {e}", String::from_utf8_lossy(text)));
        format::parse(text).map_err(|e| wrong(e).with_exit(Exit::FAILED))
    };
    texts.iter().map(parse).collect()
}

/// All lines in forms of one's own.
fn dump_own(mut input: impl Read, options: &Options, mut forms: Vec<Format>) -> Result<()> {
    let bytes = forms.iter().map(|form| form.bytes).max().unwrap_or(0);
    if bytes == 0 {
        return Err(Error::usage("the form takes no bytes"));
    }
    for form in &mut forms {
        form.fill(bytes);
    }
    let mut out = out();
    let mut at = options.skip;
    let (mut before, mut squeezed) = (None::<Vec<u8>>, false);
    loop {
        let mut line = Vec::new();
        input.by_ref().take(bytes as u64).read_to_end(&mut line).doing("read the input")?;
        if line.is_empty() {
            break;
        }
        let same = options.no_squeezing == 0 && before.as_ref() == Some(&line);
        let shown = match (same, squeezed) {
            (true, true) => Ok(()),
            (true, false) => out.write_all(b"*\n"),
            _ => forms.iter().try_for_each(|form| form.print(&mut out, at, &line, line.len() < bytes)),
        };
        shown.doing("write standard output")?;
        squeezed = same;
        at += line.len() as u64;
        before = Some(line);
    }
    if before.is_some() {
        forms.iter().try_for_each(|form| form.end(&mut out, at)).doing("write standard output")?;
    }
    out.flush().doing("write standard output")
}

/// All lines, and the place of the end.
fn dump(mut input: impl Read, options: &Options, forms: &[Form]) -> Result<()> {
    let mut out = out();
    let mut at = options.skip;
    let (mut before, mut squeezed) = (None::<Vec<u8>>, false);
    loop {
        let mut line = Vec::with_capacity(LINE);
        input.by_ref().take(LINE as u64).read_to_end(&mut line).doing("read the input")?;
        if line.is_empty() {
            break;
        }
        let same = options.no_squeezing == 0 && before.as_ref() == Some(&line) && line.len() == LINE;
        let text = match (same, squeezed) {
            (true, true) => String::new(),
            (true, false) => "*\n".into(),
            _ => forms.iter().map(|form| shown(*form, at, &line)).collect(),
        };
        out.write_all(text.as_bytes()).doing("write standard output")?;
        squeezed = same;
        at += line.len() as u64;
        before = Some(line);
    }
    if before.is_some() {
        let width = if forms.last() == Some(&Form::Canonical) { 8 } else { 7 };
        writeln!(out, "{at:0width$x}").doing("write standard output")?;
    }
    out.flush().doing("write standard output")
}

/// A line in a form. Places that the last one lacks are blank.
fn shown(form: Form, at: u64, line: &[u8]) -> String {
    let words = line.chunks(2).map(|word| u16::from_le_bytes([word[0], word.get(1).copied().unwrap_or(0)]));
    let (cell, cells): (usize, Vec<String>) = match form {
        Form::Plain => (5, words.map(|word| format!(" {word:04x}")).collect()),
        Form::Hex => (8, words.map(|word| format!("    {word:04x}")).collect()),
        Form::Decimal => (8, words.map(|word| format!("   {word:05}")).collect()),
        Form::Octal => (8, words.map(|word| format!("  {word:06o}")).collect()),
        Form::OctalBytes => (4, line.iter().map(|byte| format!(" {byte:03o}")).collect()),
        Form::Characters => (4, line.iter().map(|byte| format!(" {:>3}", character(*byte))).collect()),
        Form::Canonical => return canonical(at, line),
    };
    let count = if cell == 4 { LINE } else { LINE / 2 };
    format!("{at:07x}{:<width$}\n", cells.concat(), width = cell * count)
}

fn canonical(at: u64, line: &[u8]) -> String {
    let mut text = format!("{at:08x}");
    for place in 0..LINE {
        text.push_str(if place % 8 == 0 { "  " } else { " " });
        text.push_str(&line.get(place).map_or("  ".into(), |byte| format!("{byte:02x}")));
    }
    let characters: String = line.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
    format!("{text}  |{characters}|\n")
}
