//! `xxd [OPTION]... [FILE [OUTPUT]]` prints bytes as hexadecimal numbers, or makes bytes of such (`-r`).
//!
//! `-p` numbers alone, `-i` as a C array (`-C` with a name in capitals, `-n NAME` with another one), `-b` bits, `-e` words with
//! the last byte first, `-u` capitals, `-d` decimal places; `-c COUNT` bytes a line, `-g COUNT` bytes a group, `-l LENGTH` bytes
//! in all, `-s SKIP` (with `-` from the end), `-o OFFSET` added to places, `-a` lines of zeros as a `*`. EBCDIC (`-E`) is refused.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// Hexadecimal and back.
pub const XXD: Applet =
    Applet { name: "xxd", about: "print bytes as hexadecimal numbers, or make bytes of such", place: Place::Bin, run };

#[derive(Parser)]
#[command(args_override_self = true)]
struct Options {
    /// Lines of zeros as one star.
    #[arg(short, long)]
    autoskip: bool,
    /// Bits.
    #[arg(short, long, conflicts_with_all = ["include", "revert", "plain"])]
    bits: bool,
    /// So many bytes a line.
    #[arg(short, long, value_name = "COUNT", value_parser = number)]
    cols: Option<u64>,
    /// The name of a C array in capitals.
    #[arg(short = 'C', long)]
    capitalize: bool,
    /// Decimal places.
    #[arg(short = 'd')]
    decimal: bool,
    /// Words with the last byte first.
    #[arg(short = 'e', conflicts_with_all = ["include", "revert", "plain", "bits"])]
    little: bool,
    /// So many bytes a group.
    #[arg(short, long, value_name = "COUNT", value_parser = number)]
    groupsize: Option<u64>,
    /// A C array.
    #[arg(short, long)]
    include: bool,
    /// So many bytes.
    #[arg(short, long, value_name = "LENGTH", value_parser = number)]
    len: Option<u64>,
    /// The name of a C array.
    #[arg(short, long)]
    name: Option<String>,
    /// Add this to places.
    #[arg(short = 'o', value_name = "OFFSET", value_parser = number)]
    offset: Option<u64>,
    /// Numbers alone.
    #[arg(short = 'p', long = "postscript", visible_alias = "plain")]
    plain: bool,
    /// Bytes of numbers.
    #[arg(short, long)]
    revert: bool,
    /// Begin at this byte; with - so many before the end.
    #[arg(short, long, value_name = "SKIP", allow_hyphen_values = true)]
    seek: Option<String>,
    /// Capitals.
    #[arg(short, long)]
    uppercase: bool,
    /// The input; standard input without one.
    #[arg(default_value = "-")]
    input: PathBuf,
    /// The output; standard output without one.
    output: Option<PathBuf>,
}

/// A number, octal or hexadecimal with C's prefixes, with a unit.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1u64),
    };
    let value = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        u64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.ok().and_then(|value| value.checked_mul(factor)).ok_or_else(|| format!("{text} is no number"))
}

fn run(args: &[OsString]) -> Result<Exit> {
    let postscript = |arg: &OsString| if arg == "-ps" { "-p".into() } else { arg.clone() };
    let args: Vec<OsString> = args.iter().map(postscript).collect();
    let options: Options = parse(&XXD, &args)?;
    let mut input: Box<dyn Read> = if options.input == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&options.input).on("open", &options.input).map_err(|e| e.with_exit(Exit::USAGE))?)
    };
    let mut output: Box<dyn Write> = match &options.output {
        Some(path) if path != Path::new("-") => Box::new(BufWriter::new(File::create(path).on("make", path)?)),
        _ => Box::new(out()),
    };
    if options.revert {
        revert(input, &options, &mut output)?;
    } else {
        let start = skip(&mut input, &options)?;
        let input = input.take(options.len.unwrap_or(u64::MAX));
        if options.include { array(input, &options, &mut output)? } else { lines(input, start, &options, &mut output)? }
    }
    output.flush().doing("write the output")?;
    Ok(Exit::OK)
}

/// Pass over what comes before -s. Returns the place.
fn skip(input: &mut Box<dyn Read>, options: &Options) -> Result<u64> {
    let Some(text) = &options.seek else { return Ok(0) };
    let (back, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let count = number(digits.strip_prefix('+').unwrap_or(digits)).map_err(Error::usage)?;
    let start = if back {
        let size = fs::metadata(&options.input).on("look at", &options.input)?.len();
        size.checked_sub(count).ok_or_else(|| Error::new("the file is shorter than that"))?
    } else {
        count
    };
    io::copy(&mut input.by_ref().take(start), &mut io::sink()).on("read", &options.input)?;
    Ok(start)
}

fn hex(byte: u8, options: &Options) -> String {
    if options.uppercase { format!("{byte:02X}") } else { format!("{byte:02x}") }
}

/// Lines with places, groups and characters, or numbers alone.
fn lines(mut input: impl Read, start: u64, options: &Options, out: &mut dyn Write) -> Result<()> {
    let usual = if options.plain {
        30
    } else if options.bits {
        6
    } else {
        16
    };
    let columns = options.cols.filter(|count| *count > 0).unwrap_or(usual).min(1 << 16);
    let group = options.groupsize.unwrap_or(if options.bits {
        1
    } else if options.little {
        4
    } else {
        2
    });
    let group = usize::try_from(if group == 0 { columns } else { group }).unwrap_or(usize::MAX);
    if options.little && !group.is_power_of_two() {
        return Err(Error::usage("with -e the bytes of a group are a power of two"));
    }
    let mut at = start + options.offset.unwrap_or(0);
    let mut zeros = 0u64;
    loop {
        let mut line = Vec::new();
        input.by_ref().take(columns).read_to_end(&mut line).on("read", &options.input)?;
        if line.is_empty() {
            return Ok(());
        }
        let text = if options.plain {
            line.iter().map(|byte| hex(*byte, options)).collect::<String>() + "\n"
        } else {
            let is_zero = options.autoskip && line.len() as u64 == columns && line.iter().all(|byte| *byte == 0);
            zeros = if is_zero { zeros + 1 } else { 0 };
            match zeros {
                0 | 1 => shown(&line, at, columns as usize, group, options),
                2 => "*\n".into(),
                _ => String::new(),
            }
        };
        out.write_all(text.as_bytes()).doing("write the output")?;
        at += line.len() as u64;
    }
}

fn shown(line: &[u8], at: u64, columns: usize, group: usize, options: &Options) -> String {
    let width = if options.bits { 8 } else { 2 };
    let mut text = if options.decimal { format!("{at:08}: ") } else { format!("{at:08x}: ") };
    let mut numbers = String::new();
    for bytes in line.chunks(group) {
        let mut cells: Vec<String> =
            bytes.iter().map(|byte| if options.bits { format!("{byte:08b}") } else { hex(*byte, options) }).collect();
        if options.little {
            cells.resize(group, " ".repeat(width));
            cells.reverse();
        }
        numbers.push_str(&cells.concat());
        numbers.push(' ');
    }
    let full = columns * width + columns.div_ceil(group);
    let characters: String = line.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
    text.extend([format!("{numbers:<full$} {characters}\n")]);
    text
}

/// A C array, with a name where there is a file's or a given one.
fn array(mut input: impl Read, options: &Options, out: &mut dyn Write) -> Result<()> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).on("read", &options.input)?;
    let columns = options.cols.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0).unwrap_or(12);
    let lines: Vec<String> = bytes
        .chunks(columns)
        .map(|line| {
            let cells = line.iter().map(|byte| if options.uppercase { format!("0X{byte:02X}") } else { format!("0x{byte:02x}") });
            format!("  {}", cells.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let body = if lines.is_empty() { String::new() } else { lines.join(",\n") + "\n" };
    let is_file = options.input != Path::new("-");
    let name = options.name.clone().or_else(|| is_file.then(|| options.input.to_string_lossy().into_owned()));
    let text = match name {
        None => body,
        Some(name) => {
            let mut name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                name.insert_str(0, "__");
            }
            let (name, len) = if options.capitalize { (name.to_ascii_uppercase(), "LEN") } else { (name, "len") };
            format!("unsigned char {name}[] = {{\n{body}}};\nunsigned int {name}_{len} = {};\n", bytes.len())
        }
    };
    out.write_all(text.as_bytes()).doing("write the output")
}

/// Bytes of numbers: plain ones, or lines as they are printed.
fn revert(mut input: impl Read, options: &Options, out: &mut dyn Write) -> Result<()> {
    let mut text = Vec::new();
    input.read_to_end(&mut text).on("read", &options.input)?;
    if options.plain {
        let digits: Vec<u8> = text.iter().filter_map(|byte| value(*byte)).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        return out.write_all(&bytes).doing("write the output");
    }
    let mut done = 0u64;
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let place = std::str::from_utf8(&line[..colon]).ok().and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
        let place = place.ok_or_else(|| Error::new(format!("{} is no place", String::from_utf8_lossy(&line[..colon]))))?;
        let gap = place.checked_sub(done).ok_or_else(|| Error::new("the places go backward"))?;
        io::copy(&mut io::repeat(0).take(gap), out).doing("write the output")?;
        let bytes = numbers(&line[colon + 1..]);
        out.write_all(&bytes).doing("write the output")?;
        done = place + bytes.len() as u64;
    }
    Ok(())
}

/// Numbers of a line: two blanks, or anything else, end them.
fn numbers(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let end = text.windows(2).position(|two| two == b"  ").unwrap_or(text.len());
    let digits = text[..end].iter().filter(|byte| **byte != b' ').map_while(|byte| value(*byte));
    digits.collect::<Vec<u8>>().chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
