//! `expr EXPRESSION` prints the value of an expression: numbers of any size, texts, and basic regular expressions.
//!
//! By binding, least first: `|`, `&`, `< <= = == != >= >`, `+ -`, `* / %`, `TEXT : PATTERN`, then `match TEXT PATTERN`,
//! `substr TEXT PLACE LENGTH`, `index TEXT CHARACTERS`, `length TEXT`, `+ WORD` (the word as a text), `( EXPRESSION )`.
//!
//! Exit status: 0, 1 the value is empty or zero, 2 the expression is wrong.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use kit::{Applet, Context, Error, Exit, Place, Result, out};
use num_bigint::BigInt;
use pattern::{Extent, Meaning, Syntax, compile_list, decode, encode};

/// Evaluate.
pub const EXPR: Applet = Applet { name: "expr", about: "evaluate an expression", place: Place::Bin, run };

const HELP: &str = "\
evaluate an expression

Usage: expr EXPRESSION

Operators: | & < <= = == != >= > + - * / % : ( )
Functions: match TEXT PATTERN, substr TEXT PLACE LENGTH, index TEXT CHARACTERS, length TEXT, + WORD
Example:   expr \"$n\" + 1
";

/// Most parentheses within one another.
const DEEPEST: usize = 200;

fn run(args: &[OsString]) -> Result<Exit> {
    let mut words = args.get(1..).unwrap_or_default();
    match words {
        [only] if only == "--help" => return Err(Error::text(HELP)),
        [only] if only == "--version" => return Err(Error::text(concat!("expr ", env!("CARGO_PKG_VERSION"), "\n"))),
        [first, rest @ ..] if first == "--" => words = rest,
        _ => {}
    }
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let value = value(&words)?;
    let mut out = out();
    out.write_all(&value).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(if is_null(&value) { Exit::FAILED } else { Exit::OK })
}

/// The value of all words.
fn value(words: &[&[u8]]) -> Result<Vec<u8>> {
    let mut parser = Parser { words, at: 0, depth: 0 };
    let value = parser.or(true)?;
    match parser.peek() {
        None => Ok(value),
        Some(word) => Err(wrong(&format!("'{}' does not belong here", String::from_utf8_lossy(word)))),
    }
}

fn wrong(what: &str) -> Error {
    Error::usage(format!("read the expression: {what}"))
}

/// Words, and the place in them. A value that does not count is not evaluated: no part of it is an error but its form.
struct Parser<'a> {
    words: &'a [&'a [u8]],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Result<&'a [u8]> {
        let word = self.peek().ok_or_else(|| wrong("it ends too early"))?;
        self.at += 1;
        Ok(word)
    }

    /// The next word if it is one of these.
    fn take(&mut self, any: &[&'static str]) -> Option<&'static str> {
        let word = self.peek()?;
        let found = any.iter().copied().find(|known| known.as_bytes() == word)?;
        self.at += 1;
        Some(found)
    }

    fn or(&mut self, counts: bool) -> Result<Vec<u8>> {
        let mut left = self.and(counts)?;
        while self.take(&["|"]).is_some() {
            let right = self.and(counts && is_null(&left))?;
            if is_null(&left) {
                left = if is_null(&right) { b"0".to_vec() } else { right };
            }
        }
        Ok(left)
    }

    fn and(&mut self, counts: bool) -> Result<Vec<u8>> {
        let mut left = self.comparison(counts)?;
        while self.take(&["&"]).is_some() {
            let right = self.comparison(counts && !is_null(&left))?;
            if is_null(&left) || is_null(&right) {
                left = b"0".to_vec();
            }
        }
        Ok(left)
    }

    fn comparison(&mut self, counts: bool) -> Result<Vec<u8>> {
        let mut left = self.sum(counts)?;
        while let Some(operator) = self.take(&["<", "<=", "=", "==", "!=", ">=", ">"]) {
            let right = self.sum(counts)?;
            let order = match (number(&left), number(&right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => left.cmp(&right),
            };
            let holds = match operator {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                "!=" => order.is_ne(),
                _ => order.is_eq(),
            };
            left = if holds { b"1".to_vec() } else { b"0".to_vec() };
        }
        Ok(left)
    }

    fn sum(&mut self, counts: bool) -> Result<Vec<u8>> {
        let mut left = self.product(counts)?;
        while let Some(operator) = self.take(&["+", "-"]) {
            let right = self.product(counts)?;
            if counts {
                let (a, b) = (integer(&left)?, integer(&right)?);
                left = if operator == "+" { a + b } else { a - b }.to_string().into_bytes();
            }
        }
        Ok(left)
    }

    fn product(&mut self, counts: bool) -> Result<Vec<u8>> {
        let mut left = self.matching(counts)?;
        while let Some(operator) = self.take(&["*", "/", "%"]) {
            let right = self.matching(counts)?;
            if !counts {
                continue;
            }
            let (a, b) = (integer(&left)?, integer(&right)?);
            if operator != "*" && b == BigInt::ZERO {
                return Err(Error::usage("divide by zero: that has no value"));
            }
            left = match operator {
                "*" => a * b,
                "/" => a / b,
                _ => a % b,
            }
            .to_string()
            .into_bytes();
        }
        Ok(left)
    }

    fn matching(&mut self, counts: bool) -> Result<Vec<u8>> {
        let mut left = self.function(counts)?;
        while self.take(&[":"]).is_some() {
            let right = self.function(counts)?;
            if counts {
                left = matched(&left, &right)?;
            }
        }
        Ok(left)
    }

    fn function(&mut self, counts: bool) -> Result<Vec<u8>> {
        Ok(match self.take(&["+", "length", "match", "index", "substr"]) {
            Some("+") => self.next()?.to_vec(),
            Some("length") => decode(&self.function(counts)?).len().to_string().into_bytes(),
            Some("match") => {
                let (text, pattern) = (self.function(counts)?, self.function(counts)?);
                if counts { matched(&text, &pattern)? } else { Vec::new() }
            }
            Some("index") => {
                let (text, any) = (decode(&self.function(counts)?), decode(&self.function(counts)?));
                let place = text.iter().position(|c| any.contains(c)).map_or(0, |at| at + 1);
                place.to_string().into_bytes()
            }
            Some(_) => {
                let (text, start, len) = (self.function(counts)?, self.function(counts)?, self.function(counts)?);
                part(&text, &start, &len)
            }
            None => self.atom(counts)?,
        })
    }

    fn atom(&mut self, counts: bool) -> Result<Vec<u8>> {
        let word = self.next()?;
        if word == b")" {
            return Err(wrong("a ) closes nothing"));
        }
        if word != b"(" {
            return Ok(word.to_vec());
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong("there are too many ( within one another"));
        }
        let value = self.or(counts)?;
        self.depth -= 1;
        if self.take(&[")"]).is_some() { Ok(value) } else { Err(wrong("a ( is not closed")) }
    }
}

/// Tell if a value is empty or zero.
fn is_null(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    value.is_empty() || (!digits.is_empty() && digits.iter().all(|byte| *byte == b'0'))
}

/// An integer, if it is one.
fn number(value: &[u8]) -> Option<BigInt> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let fits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    fits.then(|| BigInt::parse_bytes(value, 10)).flatten()
}

fn integer(value: &[u8]) -> Result<BigInt> {
    let wrong = || Error::usage(format!("{} is no integer", String::from_utf8_lossy(value)));
    number(value).ok_or_else(wrong)
}

/// Text that the first group of a pattern matches from the start of a text on; without groups the number of characters.
fn matched(text: &[u8], pattern: &[u8]) -> Result<Vec<u8>> {
    // The match begins where the text does. A caret first says the same; in a group it would count the same way.
    let regex = compile_list(&[decode(pattern)], Syntax::Basic, Meaning::default(), Extent::Start)?;
    let found = regex.captures_at(text, 0)?;
    if regex.groups() > 0 {
        let group = found.and_then(|spans| spans.get(1).cloned().flatten());
        return Ok(group.map_or_else(Vec::new, |span| text[span].to_vec()));
    }
    let whole = found.and_then(|spans| spans.into_iter().next().flatten());
    Ok(whole.map_or(0, |span| decode(&text[span]).len()).to_string().into_bytes())
}

/// `substr`: nothing where a number is none, or too small.
fn part(text: &[u8], start: &[u8], len: &[u8]) -> Vec<u8> {
    let chars = decode(text);
    // A number that does not fit is beyond any end.
    let place = |value: &[u8]| number(value).filter(|n| *n > BigInt::ZERO).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let (Some(start), Some(len)) = (place(start), place(len)) else { return Vec::new() };
    encode(&chars.into_iter().skip(start - 1).take(len).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn of(text: &str) -> Result<String> {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        value(&words).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("( 1 + 2 ) * 3", "9"),
            ("abc : a\\(.\\)", "b"),
            ("abc : a.", "2"),
            ("abc : b", "0"),
            ("abc : b\\|abc", "3"),
            ("ab : a\\|ab", "2"),
            ("index abcdef dc", "3"),
            ("substr abcdef 2 3", "bcd"),
            ("substr abc 0 2", ""),
            ("+ length", "length"),
            ("length + length", "6"),
            ("10 < 9", "0"),
            ("a < b", "1"),
            ("01 = 1", "1"),
            ("-5 % 3", "-2"),
            ("-5 / 3", "-1"),
            ("1 | 1 / 0", "1"),
            ("0 & 1 / 0", "0"),
            ("99999999999999999999 * 99999999999999999999", "9999999999999999999800000000000000000001"),
        ] {
            assert_eq!(of(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn errors() {
        for text in ["1 +", "1 2", "a + 1", "1 / 0", "( 1", ")", "a : a\\{1"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
