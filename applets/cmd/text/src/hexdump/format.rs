//! Forms of one's own for hexdump: `[TIMES][/BYTES] "TEXT"` units with conversions as printf has them.

use std::io::{self, Write};

/// Most bytes of a line: a form that asks for more is a mistake.
const LONGEST: usize = 1 << 20;

/// A form: units one after another.
pub(super) struct Format {
    units: Vec<Unit>,
    /// Bytes that all of it takes.
    pub(super) bytes: usize,
}

struct Unit {
    times: usize,
    /// The number of times was told.
    counted: bool,
    bytes: usize,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Vec<u8>),
    Value(Spec),
    /// Place in the input, in a radix; of the end, printed once behind all.
    Address {
        spec: Spec,
        end: bool,
    },
}

/// A conversion: flags, least width, precision, letter, and bytes of the input.
#[derive(Debug, Clone, Default)]
struct Spec {
    left: bool,
    zeros: bool,
    sign: Option<char>,
    prefix: bool,
    width: usize,
    precision: Option<usize>,
    letter: u8,
    /// The letter stands behind an underscore.
    special: bool,
    bytes: usize,
}

/// A form from its text, or what is wrong with it.
pub(super) fn parse(text: &[u8]) -> Result<Format, String> {
    let mut rest = text.trim_ascii();
    let mut units: Vec<Unit> = Vec::new();
    while !rest.is_empty() {
        let before = rest.len();
        let times = number(&mut rest);
        if times.is_none() && rest.len() < before {
            return Err("a number is too large".into());
        }
        rest = rest.trim_ascii_start();
        let mut bytes = None;
        if let Some(behind) = rest.strip_prefix(b"/") {
            rest = behind.trim_ascii_start();
            bytes = Some(number(&mut rest).ok_or("a number is expected behind /")?);
            rest = rest.trim_ascii_start();
        }
        let inside = rest.strip_prefix(b"\"").ok_or("a text between quotation marks is expected")?;
        let end = inside.iter().position(|byte| *byte == b'"').ok_or("a quotation mark is missing")?;
        let parts = parts(&inside[..end], bytes)?;
        rest = inside[end + 1..].trim_ascii_start();
        let taken = |part: &Part| if let Part::Value(spec) = part { spec.bytes } else { 0 };
        let bytes = parts.iter().map(taken).sum();
        units.push(Unit { times: times.unwrap_or(1), counted: times.is_some(), bytes, parts });
    }
    let bytes: usize = units.iter().map(|unit| unit.bytes.saturating_mul(unit.times)).sum();
    if bytes > LONGEST { Err("it takes too many bytes at once".into()) } else { Ok(Format { units, bytes }) }
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let number = std::str::from_utf8(&rest[..end]).ok()?.parse().ok().filter(|number| *number <= LONGEST);
    *rest = &rest[end..];
    number
}

fn parts(text: &[u8], bytes: Option<usize>) -> Result<Vec<Part>, String> {
    let (mut parts, mut plain, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        match (byte, text.get(at)) {
            (b'\\', Some(letter)) => {
                plain.push(escaped(*letter));
                at += 1;
            }
            (b'%', Some(b'%')) => {
                plain.push(b'%');
                at += 1;
            }
            (b'%', _) => {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(conversion(text, &mut at, bytes)?);
            }
            _ => plain.push(*byte),
        }
    }
    parts.push(Part::Text(plain));
    let values = parts.iter().filter(|part| matches!(part, Part::Value(_))).count();
    if bytes.is_some() && values > 1 { Err("a number of bytes is for one conversion".into()) } else { Ok(parts) }
}

const fn escaped(letter: u8) -> u8 {
    match letter {
        b'0' => 0,
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        other => other,
    }
}

fn conversion(text: &[u8], at: &mut usize, bytes: Option<usize>) -> Result<Part, String> {
    let mut spec = Spec::default();
    while let Some(flag) = text.get(*at).filter(|byte| b"-0+ #".contains(byte)) {
        match flag {
            b'-' => spec.left = true,
            b'0' => spec.zeros = true,
            b'#' => spec.prefix = true,
            sign => spec.sign = Some(char::from(*sign)),
        }
        *at += 1;
    }
    let digits = |at: &mut usize| {
        let mut rest = &text[*at..];
        let number = number(&mut rest);
        *at = text.len() - rest.len();
        number.unwrap_or(0)
    };
    spec.width = digits(at);
    if text.get(*at) == Some(&b'.') {
        *at += 1;
        spec.precision = Some(digits(at));
    }
    spec.special = text.get(*at) == Some(&b'_');
    *at += usize::from(spec.special);
    spec.letter = text.get(*at).copied().ok_or("a conversion is cut off")?;
    *at += 1;
    let (usual, fits): (usize, &[usize]) = match (spec.special, spec.letter) {
        (true, letter @ (b'a' | b'A')) => {
            spec.letter = text.get(*at).copied().filter(|radix| b"dox".contains(radix)).ok_or("_a and _A take d, o or x")?;
            *at += 1;
            return Ok(Part::Address { spec: Spec { special: false, ..spec }, end: letter == b'A' });
        }
        (true, b'c' | b'p' | b'u') | (false, b'c') => (1, &[1]),
        (false, b'd' | b'i' | b'o' | b'u' | b'x' | b'X') => (4, &[1, 2, 4, 8]),
        (false, b's') => (bytes.or(spec.precision).ok_or("%s needs a precision")?, &[]),
        (_, letter) => return Err(format!("the conversion {} is not known", char::from(letter))),
    };
    spec.bytes = bytes.unwrap_or(usual);
    if !fits.is_empty() && !fits.contains(&spec.bytes) {
        return Err(format!("{} does not take {} bytes", char::from(spec.letter), spec.bytes));
    }
    Ok(Part::Value(spec))
}

impl Unit {
    /// Tells if it is for the end alone.
    fn is_end(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Address { end: true, .. }))
    }
}

impl Format {
    /// Repeats the last unit until it takes so many bytes, if its number was not told.
    pub(super) fn fill(&mut self, bytes: usize) {
        if let Some(last) = self.units.last_mut().filter(|last| !last.counted && last.bytes > 0) {
            last.times += bytes.saturating_sub(self.bytes) / last.bytes;
        }
    }

    /// Prints bytes from a place on; behind the end of a line that is cut off all is blank, places too. Units for the input's end
    /// are left out.
    pub(super) fn print(&self, out: &mut dyn Write, mut at: u64, mut line: &[u8], cut: bool) -> io::Result<()> {
        for unit in self.units.iter().filter(|unit| !unit.is_end()) {
            for time in 1..=unit.times {
                let last = unit.parts.len() - 1;
                for (number, part) in unit.parts.iter().enumerate() {
                    match part {
                        // A blank between repetitions is none behind the last one.
                        Part::Text(text) if number == last && unit.times > 1 && time == unit.times => {
                            let blank = text.last().is_some_and(u8::is_ascii_whitespace);
                            out.write_all(&text[..text.len() - usize::from(blank)])?;
                        }
                        Part::Text(text) => out.write_all(text)?,
                        Part::Address { spec, .. } if cut && line.is_empty() => out.write_all(&spec.padded(Vec::new()))?,
                        Part::Address { spec, .. } => out.write_all(&spec.number(i128::from(at)))?,
                        Part::Value(spec) => {
                            let (value, rest) = line.split_at(spec.bytes.min(line.len()));
                            out.write_all(&if value.is_empty() { spec.padded(Vec::new()) } else { spec.value(value) })?;
                            line = rest;
                            at += value.len() as u64;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Prints units with the place of the end.
    pub(super) fn end(&self, out: &mut dyn Write, at: u64) -> io::Result<()> {
        for part in self.units.iter().rfind(|unit| unit.is_end()).into_iter().flat_map(|unit| &unit.parts) {
            match part {
                Part::Text(text) => out.write_all(text)?,
                Part::Address { spec, .. } => out.write_all(&spec.number(i128::from(at)))?,
                Part::Value(_) => {}
            }
        }
        Ok(())
    }
}

impl Spec {
    fn value(&self, bytes: &[u8]) -> Vec<u8> {
        let byte = bytes.first().copied().unwrap_or(0);
        match (self.special, self.letter) {
            (true, b'p') => self.padded(vec![if (0x20..0x7f).contains(&byte) { byte } else { b'.' }]),
            (true, b'u') if byte < 0x20 || byte == 0x7f => self.padded(NAMES[usize::from(byte.min(0x20))].into()),
            (true, b'u') if byte > 0x7f => self.padded(format!("{byte:02x}").into_bytes()),
            (true, _) => self.padded(character(byte).into_bytes()),
            (false, b'c') => self.padded(vec![byte]),
            (false, b's') => {
                let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                self.padded(text[..text.len().min(self.precision.unwrap_or(usize::MAX))].to_vec())
            }
            _ => {
                let mut all = [0; 8];
                all[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
                let number = u64::from_le_bytes(all);
                let signed = matches!(self.letter, b'd' | b'i');
                let shift = 64 - 8 * self.bytes.clamp(1, 8);
                self.number(if signed { i128::from((number << shift) as i64 >> shift) } else { i128::from(number) })
            }
        }
    }

    fn number(&self, number: i128) -> Vec<u8> {
        let size = number.unsigned_abs();
        let (prefix, digits) = match self.letter {
            b'o' => ("0", format!("{size:o}")),
            b'x' => ("0x", format!("{size:x}")),
            b'X' => ("0X", format!("{size:X}")),
            _ => ("", size.to_string()),
        };
        let signed = matches!(self.letter, b'd' | b'i');
        let sign = if number < 0 { Some('-') } else { self.sign.filter(|_| signed) };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
        let bare = !self.prefix || number == 0 || (prefix == "0" && digits.starts_with('0'));
        let prefix = if bare { "" } else { prefix };
        let head = sign.map_or_else(String::new, String::from) + prefix;
        let zeros = self.zeros && !self.left && self.precision.is_none();
        let room = if zeros { self.width.saturating_sub(head.len()) } else { 0 };
        self.padded(format!("{head}{digits:0>room$}").into_bytes())
    }

    fn padded(&self, text: Vec<u8>) -> Vec<u8> {
        let blanks = vec![b' '; self.width.saturating_sub(text.len())];
        if self.left { [text, blanks].concat() } else { [blanks, text].concat() }
    }
}

/// A byte as a character, an escape or three digits.
pub(super) fn character(byte: u8) -> String {
    match byte {
        0 => "\\0".into(),
        7 => "\\a".into(),
        8 => "\\b".into(),
        9 => "\\t".into(),
        10 => "\\n".into(),
        11 => "\\v".into(),
        12 => "\\f".into(),
        13 => "\\r".into(),
        0x20..0x7f => char::from(byte).into(),
        byte => format!("{byte:03o}"),
    }
}

/// Names of control characters, the last one that of 0x7f.
const NAMES: [&str; 33] = [
    "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "lf", "vt", "ff", "cr", "so", "si", "dle", "dc1", "dc2",
    "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs", "us", "del",
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn forms_that_are_none() {
        for text in
            ["1/", "x", "\"%d", "\"%", "\"%\"", "\"%s\"", "\"%q\"", "\"%_z\"", "\"%_ab\"", "/2 \"%d%d\"", "/3 \"%d\"", "\"%f\""]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"99999999999 \"%d\"").is_err() && parse(b"1000000 \"%d\"").is_err());
    }

    #[test]
    fn bytes_in_a_form() {
        let mut form = parse(br#""%_ad " 2/2 "%04x " 1/1 "%-3_u|" "%_p\n""#).unwrap();
        form.fill(6);
        let mut out = Vec::new();
        form.print(&mut out, 10, b"\x01\x02\x03\x04\x00A", false).unwrap();
        form.print(&mut out, 16, b"\x01", true).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "10 0201 0403nul|A\n16 0001        |\n");
    }
}
