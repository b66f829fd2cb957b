//! The formats of `printf`.

use crate::number;
use crate::text::{char_count, char_len, prefix};

/// Value that is formatted.
pub trait Argument {
    fn num(&self) -> f64;
    /// It is a number, or comes from outside and looks like one.
    fn is_code(&self) -> bool;
    /// Appends it as a text.
    fn put(&self, convfmt: &[u8], out: &mut Vec<u8>);
}

/// Widest field and longest number of digits: more is a mistake that would fill the memory.
const WIDEST: usize = 1 << 20;

/// Flags, width and precision between `%` and the letter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Appends a number as a text: whole ones as they are, others by a format of printf.
pub fn put_plain(n: f64, format: &[u8], out: &mut Vec<u8>) {
    if n.fract() == 0.0 || n.is_infinite() {
        if n.abs() < 1e16 {
            number::put_whole(n as i64, out);
        } else if n.is_finite() {
            out.extend_from_slice(format!("{n:.0}").as_bytes());
        } else {
            put_float(n, &Spec::default(), b'g', out);
        }
        return;
    }
    put_number(format, n, out);
}

/// Appends one number by a format, as CONVFMT and OFMT want it.
fn put_number(format: &[u8], n: f64, out: &mut Vec<u8>) {
    if format == b"%.6g" {
        return put_float(n, &Spec { precision: Some(6), ..Spec::default() }, b'g', out);
    }
    put(format, &[Number(n)], format, out);
}

/// Number as an argument of its own.
struct Number(f64);

impl Argument for Number {
    fn num(&self) -> f64 {
        self.0
    }

    fn is_code(&self) -> bool {
        true
    }

    // `%s` in CONVFMT: there is no other form left for a number.
    fn put(&self, _: &[u8], out: &mut Vec<u8>) {
        put_float(self.0, &Spec { precision: Some(6), ..Spec::default() }, b'g', out);
    }
}

/// Appends values by a format. A value that is missing counts as none; a conversion that is unknown stays as it stands.
pub fn put<A: Argument>(format: &[u8], values: &[A], convfmt: &[u8], out: &mut Vec<u8>) {
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if rest.get(1) == Some(&b'%') {
            out.push(b'%');
            rest = &rest[2..];
            continue;
        }
        let (spec, len) = spec(rest, &mut values);
        let Some(&letter) = rest.get(len) else { break };
        match letter {
            b'd' | b'i' => put_integer(number(&mut values), &spec, out),
            b'o' | b'x' | b'X' | b'u' => put_unsigned(number(&mut values), &spec, letter, out),
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => put_float(number(&mut values), &spec, letter, out),
            b'c' => put_char(values.next(), &spec, convfmt, out),
            b's' => put_text(values.next(), &spec, convfmt, out),
            _ => out.extend_from_slice(&rest[..=len]),
        }
        rest = &rest[len + 1..];
    }
    out.extend_from_slice(rest);
}

/// The next number; 0 if there is none.
fn number<'a, A: Argument + 'a>(values: &mut impl Iterator<Item = &'a A>) -> f64 {
    values.next().map_or(0.0, Argument::num)
}

/// Reads from the `%` on; returns the place of the letter too.
fn spec<'a, A: Argument + 'a>(text: &[u8], values: &mut impl Iterator<Item = &'a A>) -> (Spec, usize) {
    let mut spec = Spec::default();
    let mut at = 1;
    while let Some(c) = text.get(at) {
        match c {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'0' => spec.zero = true,
            b'#' => spec.alternate = true,
            b'\'' => {}
            _ => break,
        }
        at += 1;
    }
    let mut size = |at: &mut usize| -> Option<i64> {
        if text.get(*at) == Some(&b'*') {
            *at += 1;
            return Some(number(values) as i64);
        }
        let digits = text[*at..].iter().take_while(|c| c.is_ascii_digit());
        let mut value = None;
        for digit in digits {
            value = Some((value.unwrap_or(0) * 10 + i64::from(digit - b'0')).min(WIDEST as i64));
            *at += 1;
        }
        value
    };
    if let Some(width) = size(&mut at) {
        spec.left |= width < 0;
        spec.width = (width.unsigned_abs() as usize).min(WIDEST);
    }
    if text.get(at) == Some(&b'.') {
        at += 1;
        let precision = size(&mut at).unwrap_or(0);
        spec.precision = usize::try_from(precision).ok().map(|precision| precision.min(WIDEST));
    }
    while matches!(text.get(at), Some(b'h' | b'l' | b'L' | b'q' | b'j' | b'z' | b't')) {
        at += 1;
    }
    (spec, at)
}

/// Appends what is `chars` wide, with blanks round it.
fn pad(body: &[u8], chars: usize, spec: &Spec, out: &mut Vec<u8>) {
    let blanks = spec.width.saturating_sub(chars);
    if !spec.left {
        out.resize(out.len() + blanks, b' ');
    }
    out.extend_from_slice(body);
    if spec.left {
        out.resize(out.len() + blanks, b' ');
    }
}

/// Appends a number whose sign and digits are apart: zeros stand between them.
fn pad_number(sign: &str, digits: &str, zeros: bool, spec: &Spec, out: &mut Vec<u8>) {
    let len = sign.len() + digits.len();
    if zeros && spec.zero && !spec.left {
        out.extend_from_slice(sign.as_bytes());
        out.resize(out.len() + spec.width.saturating_sub(len), b'0');
        out.extend_from_slice(digits.as_bytes());
        return;
    }
    pad(format!("{sign}{digits}").as_bytes(), len, spec, out);
}

fn sign(negative: bool, spec: &Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

fn put_integer(n: f64, spec: &Spec, out: &mut Vec<u8>) {
    if !n.is_finite() {
        return put_float(n, &Spec { zero: false, ..*spec }, b'f', out);
    }
    let n = n.trunc();
    if spec.width == 0 && spec.precision.is_none() && !spec.plus && !spec.space && n.abs() < 1e18 {
        return number::put_whole(n as i64, out);
    }
    let digits = format!("{:.0}", n.abs());
    let digits = match spec.precision {
        Some(0) if digits == "0" => String::new(),
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    };
    pad_number(sign(n < 0.0, spec), &digits, spec.precision.is_none(), spec, out);
}

fn put_unsigned(n: f64, spec: &Spec, letter: u8, out: &mut Vec<u8>) {
    if !n.is_finite() {
        return put_float(n, &Spec { zero: false, ..*spec }, b'f', out);
    }
    // A negative number as the machine holds it, as in C.
    let value = if n < 0.0 { n.trunc() as i64 as u64 } else { n.trunc() as u64 };
    let (mut digits, mut prefix) = match letter {
        b'o' => (format!("{value:o}"), ""),
        b'x' => (format!("{value:x}"), "0x"),
        b'X' => (format!("{value:X}"), "0X"),
        _ => (value.to_string(), ""),
    };
    if let Some(precision) = spec.precision {
        digits = if precision == 0 && value == 0 { String::new() } else { format!("{digits:0>precision$}") };
    }
    if !spec.alternate || value == 0 {
        prefix = "";
    } else if letter == b'o' && !digits.starts_with('0') {
        digits.insert(0, '0');
    }
    pad_number(prefix, &digits, spec.precision.is_none(), spec, out);
}

/// Appends a number by `e`, `f` or `g`.
fn put_float(n: f64, spec: &Spec, letter: u8, out: &mut Vec<u8>) {
    let sign = sign(n.is_sign_negative() && !n.is_nan(), spec);
    let size = n.abs();
    let digits = if n.is_nan() {
        "nan".to_owned()
    } else if n.is_infinite() {
        "inf".to_owned()
    } else {
        let precision = spec.precision.unwrap_or(6);
        match letter.to_ascii_lowercase() {
            b'f' => fixed(size, precision, spec.alternate),
            b'e' => scientific(size, precision, spec.alternate),
            _ => general(size, precision.max(1), spec.alternate),
        }
    };
    let digits = if letter.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits };
    pad_number(sign, &digits, n.is_finite(), spec, out);
}

fn fixed(size: f64, precision: usize, alternate: bool) -> String {
    let mut text = format!("{size:.precision$}");
    if alternate && precision == 0 {
        text.push('.');
    }
    text
}

/// Mantissa and exponent, rounded to so many digits behind the point.
fn parts(size: f64, precision: usize) -> (String, i32) {
    let text = format!("{size:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

fn scientific(size: f64, precision: usize, alternate: bool) -> String {
    let (mut mantissa, exponent) = parts(size, precision);
    if alternate && precision == 0 {
        mantissa.push('.');
    }
    with_exponent(&mantissa, exponent)
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn general(size: f64, precision: usize, alternate: bool) -> String {
    let (mantissa, exponent) = parts(size, precision - 1);
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    let short = |text: String| {
        if alternate || !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent >= -4 && exponent < digits {
        let places = usize::try_from(digits - 1 - exponent).unwrap_or(0);
        return short(format!("{size:.places$}"));
    }
    with_exponent(&short(mantissa), exponent)
}

/// A number is the code of a character; of a text the first counts.
fn put_char<A: Argument>(value: Option<&A>, spec: &Spec, convfmt: &[u8], out: &mut Vec<u8>) {
    let Some(value) = value else { return pad(b"", 0, spec, out) };
    if value.is_code() {
        let code = value.num();
        let c = if (0.0..1_114_112.0).contains(&code) { char::from_u32(code as u32) } else { None };
        let mut place = [0; 4];
        match c {
            Some(c) => pad(c.encode_utf8(&mut place).as_bytes(), 1, spec, out),
            None => pad(&[code as i64 as u8], 1, spec, out),
        }
        return;
    }
    let mut text = Vec::new();
    value.put(convfmt, &mut text);
    let first = &text[..char_len(&text)];
    pad(first, usize::from(!first.is_empty()), spec, out);
}

fn put_text<A: Argument>(value: Option<&A>, spec: &Spec, convfmt: &[u8], out: &mut Vec<u8>) {
    let mut text = Vec::new();
    match value {
        Some(value) if spec.width == 0 && spec.precision.is_none() => return value.put(convfmt, out),
        Some(value) => value.put(convfmt, &mut text),
        None => {}
    }
    let text = spec.precision.map_or(&*text, |chars| prefix(&text, chars));
    pad(text, char_count(text), spec, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn said(format: &str, values: &[Value]) -> String {
        let mut out = Vec::new();
        put(format.as_bytes(), values, b"%.6g", &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn numbers() {
        let n = |format, n| said(format, &[Value::Num(n)]);
        assert_eq!(n("%5d|", 42.9), "   42|");
        assert_eq!(n("%-5d|", -42.9), "-42  |");
        assert_eq!(n("%05d %+i", -42.0), "-0042 +0");
        assert_eq!(n("%x", 255.0), "ff");
        assert_eq!(n("%#o", 8.0), "010");
        assert_eq!(n("%.3d", 5.0), "005");
        assert_eq!(n("%e", 12345.678), "1.234568e+04");
        assert_eq!(n("%G", 1e-10), "1E-10");
        assert_eq!(n("%g", 100_000.0), "100000");
        assert_eq!(n("%g", 1_000_000.0), "1e+06");
        assert_eq!(n("%#g", 1.0), "1.00000");
        assert_eq!(n("%010.2f", -1.255), "-000001.25");
        assert_eq!(n("%d", 1e20), "100000000000000000000");
        assert_eq!(n("%c%%", 65.0), "A%");
        assert_eq!(n("%z %5", 1.0), "%z %5");
    }

    #[test]
    fn texts() {
        let t = |format| said(format, &[Value::text("äbc".as_bytes())]);
        assert_eq!(t("%5s|"), "  äbc|");
        assert_eq!(t("%-5.2s|"), "äb   |");
        assert_eq!(t("%c"), "ä");
        assert_eq!(said("%*d|%s", &[Value::Num(4.0), Value::Num(7.0)]), "   7|");
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let text = |n| {
            let mut out = Vec::new();
            put_plain(n, b"%.6g", &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        assert_eq!(text(-0.0), "0");
        assert_eq!(text(1e15), "1000000000000000");
        assert_eq!(text(3.0e20), "300000000000000000000");
        assert_eq!(text(0.1 + 0.2), "0.3");
        assert_eq!(text(1e-7), "1e-07");
        assert_eq!((text(f64::INFINITY), text(f64::NAN)), ("inf".into(), "nan".into()));
    }
}
