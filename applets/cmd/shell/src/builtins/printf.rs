//! `printf`

use super::Call;
use crate::ast::Bytes;
use crate::expand::escape::{self, Style};
use crate::shell::{Done, Shell, shown};

/// Widest field: a guard of the memory.
const WIDEST: usize = 1 << 20;

/// One directive of a format.
#[derive(Debug, Default, Clone)]
struct Directive {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternative: bool,
    width: usize,
    precision: Option<usize>,
}

/// A call under way.
struct Printer<'a> {
    shell: &'a mut Shell,
    args: &'a [Bytes],
    at: usize,
    text: Bytes,
    failed: bool,
    stopped: bool,
}

/// `printf [-v NAME] FORMAT [ARGUMENT…]`
pub fn printf(shell: &mut Shell, call: &Call) -> Done {
    let mut args = call.args();
    let mut target = None;
    if let [option, name, rest @ ..] = args
        && option == b"-v"
    {
        target = Some(name.clone());
        args = rest;
    }
    if args.first().is_some_and(|arg| arg == b"--") {
        args = &args[1..];
    }
    let Some((format, args)) = args.split_first() else {
        return shell.misused(call, "usage: printf [-v NAME] FORMAT [ARGUMENT...]");
    };
    let mut printer = Printer { shell, args, at: 0, text: Bytes::new(), failed: false, stopped: false };
    loop {
        let before = printer.at;
        if !printer.once(format) {
            return Ok(1);
        }
        if printer.stopped || printer.at >= args.len() || printer.at == before {
            break;
        }
    }
    let (text, failed) = (printer.text, printer.failed);
    if let Some(name) = target {
        shell.set_target(&name, text)?;
        return Ok(failed.into());
    }
    Ok(shell.print(b"printf", &text).max(failed.into()))
}

impl Printer<'_> {
    fn next(&mut self) -> Option<&Bytes> {
        let arg = self.args.get(self.at);
        self.at += 1;
        arg
    }

    fn complain(&mut self, message: String) {
        self.failed = true;
        self.shell.complain(Some(b"printf"), message);
    }

    /// Goes through the format once; false when it is wrong.
    fn once(&mut self, format: &[u8]) -> bool {
        let mut rest = format;
        while !rest.is_empty() && !self.stopped {
            let len = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            let (plain, behind) = rest.split_at(len);
            let result = escape::escapes(plain, Style::Format);
            self.text.extend(result.text);
            self.stopped |= result.stopped;
            rest = behind.get(1..).unwrap_or_default();
            if behind.is_empty() || self.stopped {
                break;
            }
            if let Some(behind) = rest.strip_prefix(b"%") {
                self.text.push(b'%');
                rest = behind;
                continue;
            }
            match self.directive(rest) {
                Some(len) => rest = rest.get(len..).unwrap_or_default(),
                None => return false,
            }
        }
        true
    }

    /// A width or precision that an argument names.
    fn star(&mut self) -> i64 {
        self.next().and_then(|arg| super::integer(arg).ok()).unwrap_or(0)
    }

    /// One directive behind its percent sign; its length.
    fn directive(&mut self, format: &[u8]) -> Option<usize> {
        let mut d = Directive::default();
        let mut at = 0;
        while let Some(flag) = format.get(at) {
            match flag {
                b'-' => d.left = true,
                b'0' => d.zero = true,
                b'+' => d.plus = true,
                b' ' => d.space = true,
                b'#' => d.alternative = true,
                _ => break,
            }
            at += 1;
        }
        at += self.size(
            format,
            at,
            |d, size| {
                d.left |= size < 0;
                d.width = usize::try_from(size.unsigned_abs()).unwrap_or(WIDEST).min(WIDEST);
            },
            &mut d,
        );
        if format.get(at) == Some(&b'.') {
            at += 1;
            d.precision = Some(0);
            at += self.size(format, at, |d, size| d.precision = usize::try_from(size).ok().map(|s| s.min(WIDEST)), &mut d);
        }
        while format.get(at).is_some_and(|byte| b"hlLjzt".contains(byte)) {
            at += 1;
        }
        if format.get(at) == Some(&b'(') {
            let end = format.get(at..)?.windows(2).position(|pair| pair == b")T")?;
            let form = format.get(at + 1..at + end)?.to_vec();
            self.date(&d, &form);
            return Some(at + end + 2);
        }
        let Some(kind) = format.get(at).copied() else {
            self.complain("missing format character".into());
            return None;
        };
        self.convert(kind, &d)?;
        Some(at + 1)
    }

    fn size(&mut self, format: &[u8], at: usize, set: impl Fn(&mut Directive, i64), d: &mut Directive) -> usize {
        let rest = format.get(at..).unwrap_or_default();
        if rest.first() == Some(&b'*') {
            let size = self.star();
            set(d, size);
            return 1;
        }
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = std::str::from_utf8(rest.get(..len).unwrap_or_default()).unwrap_or_default();
        if len > 0 {
            set(d, digits.parse().unwrap_or(i64::MAX));
        }
        len
    }

    fn convert(&mut self, kind: u8, d: &Directive) -> Option<()> {
        match kind {
            b's' => {
                let text = self.next().cloned().unwrap_or_default();
                self.pad_text(&text, d);
            }
            b'b' => {
                let text = self.next().cloned().unwrap_or_default();
                let result = escape::escapes(&text, Style::Echo);
                self.pad_text(&result.text, d);
                self.stopped |= result.stopped;
            }
            b'q' => {
                let text = self.next().cloned().unwrap_or_default();
                self.pad_text(&escape::backslashed(&text), d);
            }
            b'Q' => {
                let text = self.next().cloned().unwrap_or_default();
                self.pad_text(&escape::quoted(&text), d);
            }
            b'c' => {
                let text = self.next().cloned().unwrap_or_default();
                let len = text.len().min(1);
                self.pad_text(text.get(..len).unwrap_or_default(), d);
            }
            b'd' | b'i' => {
                let value = self.number();
                self.signed(value, d);
            }
            b'u' | b'o' | b'x' | b'X' => {
                let value = self.number();
                self.unsigned(kind, value as u64, d);
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => {
                let value = self.float();
                let text = float::text(kind, value, d.precision, d.alternative);
                self.pad_number(&text, value.is_sign_negative(), d, value.is_finite());
            }
            _ => {
                self.complain(format!("%{}: invalid format character", char::from(kind)));
                return None;
            }
        }
        Some(())
    }

    fn pad_text(&mut self, text: &[u8], d: &Directive) {
        let cut = match d.precision {
            Some(most) if !self.shell.bytes_only() => crate::matching::offset(text, most),
            Some(most) => most.min(text.len()),
            None => text.len(),
        };
        let text = text.get(..cut).unwrap_or_default();
        let blanks = d.width.saturating_sub(self.shell.characters(text));
        if !d.left {
            self.text.resize(self.text.len() + blanks, b' ');
        }
        self.text.extend_from_slice(text);
        if d.left {
            self.text.resize(self.text.len() + blanks, b' ');
        }
    }

    /// Number of the next argument: C's forms, or the code behind a quote.
    fn number(&mut self) -> i64 {
        let Some(arg) = self.next().cloned() else { return 0 };
        if let Some(b'"' | b'\'') = arg.first() {
            let rest = arg.get(1..).unwrap_or_default();
            let code = crate::matching::character(rest).map_or(0, |(code, _)| code);
            // A byte that is no character counts by itself.
            return i64::from(if (0xdc80..=0xdcff).contains(&code) { code - 0xdc00 } else { code });
        }
        let (value, whole) = parse_number(&arg);
        if !whole {
            self.complain(format!("{}: invalid number", shown(&arg)));
        }
        value
    }

    #[expect(clippy::cast_precision_loss, reason = "as C does")]
    fn float(&mut self) -> f64 {
        let Some(arg) = self.next().cloned() else { return 0.0 };
        if let Some(b'"' | b'\'') = arg.first() {
            let rest = arg.get(1..).unwrap_or_default();
            return crate::matching::character(rest).map_or(0.0, |(code, _)| f64::from(code));
        }
        let text = String::from_utf8_lossy(&arg).trim().to_owned();
        if let Ok(value) = text.parse() {
            return value;
        }
        let (value, whole) = parse_number(&arg);
        if !whole {
            self.complain(format!("{}: invalid number", shown(&arg)));
        }
        value as f64
    }

    fn signed(&mut self, value: i64, d: &Directive) {
        let mut digits = value.unsigned_abs().to_string();
        if let Some(least) = d.precision {
            digits = format!("{digits:0>least$}");
        }
        self.pad_number(&digits, value < 0, d, d.precision.is_none());
    }

    fn unsigned(&mut self, kind: u8, value: u64, d: &Directive) {
        let mut digits = match kind {
            b'o' => format!("{value:o}"),
            b'x' => format!("{value:x}"),
            b'X' => format!("{value:X}"),
            _ => value.to_string(),
        };
        if let Some(least) = d.precision {
            digits = format!("{digits:0>least$}");
        }
        if d.alternative && value != 0 {
            match kind {
                b'o' if !digits.starts_with('0') => digits.insert(0, '0'),
                b'x' => digits.insert_str(0, "0x"),
                b'X' => digits.insert_str(0, "0X"),
                _ => {}
            }
        }
        let plain = Directive { plus: false, space: false, ..d.clone() };
        self.pad_number(&digits, false, &plain, d.precision.is_none());
    }

    /// Adds digits with their sign, in a field.
    fn pad_number(&mut self, digits: &str, negative: bool, d: &Directive, zeros: bool) {
        let sign = match (negative, d.plus, d.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let blanks = d.width.saturating_sub(digits.len() + sign.len());
        let zeros = zeros && d.zero && !d.left;
        if !d.left && !zeros {
            self.text.resize(self.text.len() + blanks, b' ');
        }
        self.text.extend_from_slice(sign.as_bytes());
        if zeros {
            let prefix = if digits.starts_with("0x") || digits.starts_with("0X") { 2 } else { 0 };
            self.text.extend_from_slice(&digits.as_bytes()[..prefix]);
            self.text.resize(self.text.len() + blanks, b'0');
            self.text.extend_from_slice(&digits.as_bytes()[prefix..]);
        } else {
            self.text.extend_from_slice(digits.as_bytes());
        }
        if d.left {
            self.text.resize(self.text.len() + blanks, b' ');
        }
    }

    /// `%(form)T`: -1 or nothing is now, -2 the shell's begin.
    fn date(&mut self, d: &Directive, form: &[u8]) {
        let arg = self.next().cloned().filter(|arg| !arg.is_empty());
        let seconds = match arg.as_deref().map(super::integer) {
            None | Some(Ok(-1)) => crate::vars::special::now().0,
            Some(Ok(-2)) => crate::vars::special::now().0 - self.shell.started.elapsed().as_secs() as i64,
            Some(Ok(seconds)) => seconds,
            Some(Err(message)) => {
                self.complain(message);
                0
            }
        };
        let zone = self.shell.vars.text(b"TZ").cloned();
        let form = if form.is_empty() { b"%X".as_slice() } else { form };
        let text = crate::time::format(form, seconds, zone.as_deref());
        self.pad_text(&text, d);
    }
}

/// Value of a number in C's forms, and if all of the text was one.
fn parse_number(text: &[u8]) -> (i64, bool) {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => (8, rest),
        _ => (10, digits),
    };
    let mut value = 0_u64;
    let mut used = 0;
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(base) else { break };
        value = value.saturating_mul(base.into()).saturating_add(digit.into());
        used += 1;
    }
    let value = if negative { (value as i64).wrapping_neg() } else { value as i64 };
    (value, used == digits.len() && (used > 0 || text.is_empty()))
}

/// Numbers with a point.
mod float {
    /// Text of the size of a number, as C's printf writes it.
    pub fn text(kind: u8, value: f64, precision: Option<usize>, keep: bool) -> String {
        let size = value.abs();
        if !size.is_finite() {
            return if size.is_nan() { "nan".into() } else { "inf".into() };
        }
        let digits = precision.unwrap_or(6).min(500);
        match kind {
            b'f' | b'F' => format!("{size:.digits$}"),
            b'e' | b'E' => exponent(size, digits, kind),
            b'g' | b'G' => general(size, digits.max(1), kind, keep),
            _ => format!("{size:e}"),
        }
    }

    fn exponent(size: f64, digits: usize, kind: u8) -> String {
        let text = format!("{size:.digits$e}");
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        let power: i32 = power.parse().unwrap_or(0);
        let sign = if power < 0 { '-' } else { '+' };
        let letter = if kind.is_ascii_uppercase() { 'E' } else { 'e' };
        format!("{mantissa}{letter}{sign}{:02}", power.abs())
    }

    fn general(size: f64, digits: usize, kind: u8, keep: bool) -> String {
        let letter = if kind == b'G' { b'E' } else { b'e' };
        let scientific = exponent(size, digits - 1, b'e');
        let power: i32 = scientific.split_once('e').and_then(|(_, p)| p.parse().ok()).unwrap_or(0);
        let bare = |text: String| {
            if text.contains('.') && !keep { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        };
        if power < -4 || power >= digits as i32 {
            let text = exponent(size, digits - 1, letter);
            let at = text.find(['e', 'E']).unwrap_or(text.len());
            let (mantissa, rest) = text.split_at(at);
            return format!("{}{rest}", bare(mantissa.to_owned()));
        }
        let places = usize::try_from(digits as i32 - 1 - power).unwrap_or(0);
        bare(format!("{size:.places$}"))
    }
}
