//! Regular expressions of the language, searched by crate `pattern`, or as plain texts where they are that.

use std::ops::Range;

use kit::Result;
use memchr::memmem::{self, Finder};
use pattern::{Meaning, Pattern, Spans, Syntax, compile_chars, decode};

use crate::escape::unescape;
use crate::text::char_len;

/// Expression, ready to search with.
#[derive(Debug)]
pub enum Matcher {
    /// No operator is in it.
    Literal(Box<Finder<'static>>),
    /// The same behind `^`.
    Start(Vec<u8>),
    Pattern(Box<Pattern>),
}

impl Matcher {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is wrong, or too large.
    pub fn new(source: &[u8]) -> Result<Self> {
        let operator = |c: &u8| b"\\^$.[]|()*+?{}".contains(c);
        let (anchored, body) = source.strip_prefix(b"^").map_or((false, source), |body| (true, body));
        if !body.is_empty() && !body.iter().any(operator) && std::str::from_utf8(body).is_ok() {
            let body = body.to_vec();
            return Ok(if anchored { Self::Start(body) } else { Self::Literal(Box::new(Finder::new(&body).into_owned())) });
        }
        let posix = to_posix(source);
        Ok(Self::Pattern(Box::new(compile_chars(&decode(&posix), Syntax::Extended, Meaning::default())?)))
    }

    /// Tells if there is a match.
    ///
    /// # Errors
    /// The search takes too many steps.
    pub fn is_match(&self, text: &[u8]) -> Result<bool> {
        match self {
            Self::Literal(finder) => Ok(finder.find(text).is_some()),
            Self::Start(head) => Ok(text.starts_with(head)),
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }

    /// The first match that begins at `at` or later.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn find(&self, text: &[u8], at: usize) -> Result<Option<Range<usize>>> {
        match self {
            Self::Literal(finder) => {
                let found = text.get(at..).and_then(|rest| finder.find(rest));
                Ok(found.map(|found| at + found..at + found + finder.needle().len()))
            }
            Self::Start(head) => Ok((at == 0 && text.starts_with(head)).then_some(0..head.len())),
            Self::Pattern(pattern) => pattern.find_at(text, at),
        }
    }

    /// The same with the groups.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn captures(&self, text: &[u8], at: usize) -> Result<Option<Spans>> {
        match self {
            Self::Pattern(pattern) => pattern.captures_at(text, at),
            _ => Ok(self.find(text, at)?.map(|found| vec![Some(found)])),
        }
    }

    /// Matches one after another, none overlapping, no empty one directly behind another. `each` returns false to end.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn each(&self, text: &[u8], mut each: impl FnMut(Range<usize>) -> bool) -> Result<()> {
        let (mut at, mut last) = (0, None);
        while at <= text.len() {
            let Some(found) = self.find(text, at)? else { break };
            if found.is_empty() {
                at = found.end + char_len(&text[found.end..]).max(1);
                if last == Some(found.end) {
                    continue;
                }
            } else {
                at = found.end;
            }
            last = Some(found.end);
            if !each(found) {
                break;
            }
        }
        Ok(())
    }
}

/// Place of a text in another.
pub fn find_text(text: &[u8], needle: &[u8]) -> Option<usize> {
    memmem::find(text, needle)
}

/// The expression in POSIX's own language: escapes of the language are replaced, inside brackets too.
fn to_posix(source: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(source.len() + 8);
    let mut at = 0;
    while let Some(&c) = source.get(at) {
        match c {
            b'\\' => at += escape(&source[at..], &mut out),
            b'[' => at += bracket(&source[at..], &mut out),
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    out
}

/// Bytes that are operators somewhere, and need a backslash to be themselves.
const OPERATORS: &[u8] = b"\\^$.[]|()*+?{}";

fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    match rest.get(1) {
        None => {
            out.extend_from_slice(b"\\\\");
            1
        }
        Some(b'y') => {
            out.extend_from_slice(b"\\b");
            2
        }
        Some(c @ (b'B' | b'<' | b'>' | b'w' | b'W' | b's' | b'S' | b'`' | b'\'')) => {
            out.extend([b'\\', *c]);
            2
        }
        Some(c) if OPERATORS.contains(c) => {
            out.extend([b'\\', *c]);
            2
        }
        Some(_) => {
            let mut byte = Vec::new();
            let used = unescape(rest, &mut byte);
            // An unknown escape is the character itself.
            let byte = byte.last().copied().unwrap_or(b'\\');
            if OPERATORS.contains(&byte) {
                out.push(b'\\');
            }
            out.push(byte);
            used
        }
    }
}

/// A bracket expression, from the `[` on; one that is not closed is a plain bracket.
fn bracket(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.push(b'[');
    let mut at = 1;
    if rest.get(at) == Some(&b'^') {
        out.push(b'^');
        at += 1;
    }
    let first = at;
    while let Some(&c) = rest.get(at) {
        match c {
            b']' if at > first => {
                out.push(b']');
                return at + 1;
            }
            b'[' if matches!(rest.get(at + 1), Some(b':' | b'.' | b'=')) => {
                let kind = rest[at + 1];
                let end = find_text(rest.get(at + 2..).unwrap_or_default(), &[kind, b']']);
                let len = end.map_or(1, |end| end + 4);
                out.extend_from_slice(&rest[at..at + len]);
                at += len;
            }
            b'\\' if rest.len() > at + 1 => {
                let mut byte = Vec::new();
                at += unescape(&rest[at..], &mut byte);
                match byte.last().copied().unwrap_or(b'\\') {
                    byte @ (b']' | b'-' | b'^' | b'[') => out.extend([b'[', b'.', byte, b'.', b']']),
                    byte => out.push(byte),
                }
            }
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    out.truncate(start);
    out.extend_from_slice(b"\\[");
    1
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn escapes() {
        for (source, text, found) in [
            ("[a\\]b]+", "x]ab", Some(1..4)),
            ("[\\]]", "a]", Some(1..2)),
            ("[^\\]]+", "]ab", Some(1..3)),
            ("a\\.b", "axb a.b", Some(4..7)),
            ("\\$", "a$", Some(1..2)),
            ("\\t[\\t]", "\t\t", Some(0..2)),
            ("[\\/]", "a/", Some(1..2)),
            ("\\yb", "ab b", Some(3..4)),
            ("^ab", "abab", Some(0..2)),
            ("ab", "xab", Some(1..3)),
            ("[[:digit:]\\-]+", "a1-2", Some(1..4)),
            ("\\052", "a*", Some(1..2)),
            ("", "a", Some(0..0)),
            ("a{2}", "caab", Some(1..3)),
            ("[x", "[x", Some(0..2)),
        ] {
            assert_eq!(Matcher::new(source.as_bytes()).unwrap().find(text.as_bytes(), 0).unwrap(), found, "{source}");
        }
        assert!(Matcher::new(b"(").is_err());
    }
}
