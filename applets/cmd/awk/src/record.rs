//! The record and its fields. It is split when a field is asked for, and joined again when it is asked for after a change.

use std::ops::Range;
use std::rc::Rc;

use kit::{Error, Result};

use crate::matcher::Matcher;
use crate::text::char_len;
use crate::value::Value;

/// Most fields of a record: a larger NF is a mistake that would fill the memory.
const MOST_FIELDS: usize = 50_000_000;

/// Separator of a record's fields.
#[derive(Debug, Clone, Default)]
pub enum Splitter {
    /// By blanks, with none at the ends.
    #[default]
    Blanks,
    Byte(u8),
    /// Each character is a field.
    Chars,
    Regex(Rc<Matcher>),
    /// A match is a field.
    Contents(Rc<Matcher>),
}

impl Splitter {
    /// By a value of FS, or by the third argument of `split`.
    ///
    /// # Errors
    /// It is a wrong regular expression.
    pub fn new(separator: &[u8]) -> Result<Self> {
        match separator {
            b" " => Ok(Self::Blanks),
            b"" => Ok(Self::Chars),
            b"\\" => Ok(Self::Byte(b'\\')),
            [byte] if byte.is_ascii() => Ok(Self::Byte(*byte)),
            _ => Ok(Self::Regex(Rc::new(Matcher::new(separator)?))),
        }
    }

    /// Calls `each` with the place of each field; `lines` ends fields at each newline too.
    ///
    /// # Errors
    /// A search takes too many steps.
    pub fn split(&self, text: &[u8], lines: bool, each: &mut dyn FnMut(Range<usize>)) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        match self {
            Self::Blanks => split_blanks(text, each),
            Self::Byte(byte) if lines => {
                split_at(text, text.iter().enumerate().filter(|(_, c)| **c == *byte || **c == b'\n').map(|(at, _)| at), each);
            }
            Self::Byte(byte) => split_at(text, memchr::memchr_iter(*byte, text), each),
            Self::Chars => {
                let mut at = 0;
                while at < text.len() {
                    let end = at + char_len(&text[at..]);
                    each(at..end);
                    at = end;
                }
            }
            Self::Contents(matcher) => matcher.each(text, |found| {
                each(found);
                true
            })?,
            Self::Regex(matcher) if lines => {
                let mut start = 0;
                for line in text.split(|c| *c == b'\n') {
                    split_by(matcher, line, &mut |field| each(start + field.start..start + field.end))?;
                    start += line.len() + 1;
                }
            }
            Self::Regex(matcher) => split_by(matcher, text, each)?,
        }
        Ok(())
    }
}

fn split_blanks(text: &[u8], each: &mut dyn FnMut(Range<usize>)) {
    let blank = |c: &u8| matches!(*c, b' ' | b'\t' | b'\n');
    let mut at = 0;
    while let Some(skipped) = text[at..].iter().position(|c| !blank(c)) {
        let start = at + skipped;
        at = text[start..].iter().position(blank).map_or(text.len(), |len| start + len);
        each(start..at);
    }
}

fn split_at(text: &[u8], ends: impl Iterator<Item = usize>, each: &mut dyn FnMut(Range<usize>)) {
    let mut start = 0;
    for end in ends {
        each(start..end);
        start = end + 1;
    }
    each(start..text.len());
}

/// An empty match separates nothing.
fn split_by(matcher: &Matcher, text: &[u8], each: &mut dyn FnMut(Range<usize>)) -> Result<()> {
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let Some(found) = matcher.find(text, at)? else { break };
        if found.is_empty() {
            at = found.end + char_len(&text[found.end..]).max(1);
            continue;
        }
        each(start..found.start);
        start = found.end;
        at = found.end;
    }
    each(start..text.len());
    Ok(())
}

/// The record.
#[derive(Debug, Default)]
pub struct Record {
    text: Vec<u8>,
    state: State,
    spans: Vec<Range<usize>>,
    values: Vec<Value>,
    splitter: Splitter,
    /// For the next record: a change of FS does not touch the one that is there.
    pub next_splitter: Option<Splitter>,
    /// Fields end at each newline too, because records are paragraphs.
    pub lines: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// The text alone counts.
    #[default]
    Whole,
    /// Fields are places in the text.
    Split,
    /// Fields are values; the text fits them.
    Values,
    /// Fields are values; the text is old.
    Changed,
}

/// Forms in which a changed record is joined.
#[derive(Debug)]
pub struct Joint<'a> {
    pub ofs: &'a [u8],
    pub convfmt: &'a [u8],
}

impl Record {
    /// Takes the text of a new record from a reader, which gets the old one's space.
    pub fn replace(&mut self) -> &mut Vec<u8> {
        self.state = State::Whole;
        self.text.clear();
        if let Some(splitter) = self.next_splitter.take() {
            self.splitter = splitter;
        }
        &mut self.text
    }

    pub fn set_text(&mut self, text: &[u8]) {
        self.replace().extend_from_slice(text);
    }

    /// The text, joined if fields have changed.
    pub fn text(&mut self, joint: &Joint<'_>) -> &[u8] {
        if self.state == State::Changed {
            self.text.clear();
            for (at, value) in self.values.iter().enumerate() {
                if at > 0 {
                    self.text.extend_from_slice(joint.ofs);
                }
                value.put(joint.convfmt, &mut self.text);
            }
            self.state = State::Values;
        }
        &self.text
    }

    /// By what the next record will be split.
    pub fn splitter_now(&self) -> &Splitter {
        self.next_splitter.as_ref().unwrap_or(&self.splitter)
    }

    fn split(&mut self) -> Result<()> {
        if self.state == State::Whole {
            self.spans.clear();
            let spans = &mut self.spans;
            self.splitter.split(&self.text, self.lines, &mut |span| spans.push(span))?;
            self.state = State::Split;
        }
        Ok(())
    }

    /// Number of fields.
    ///
    /// # Errors
    /// As [`Splitter::split`].
    pub fn count(&mut self) -> Result<usize> {
        self.split()?;
        Ok(if self.state == State::Split { self.spans.len() } else { self.values.len() })
    }

    /// A field as it stands in the text, if it does; the first is 1.
    ///
    /// # Errors
    /// As [`Splitter::split`].
    pub fn slice(&mut self, at: usize) -> Result<Option<&[u8]>> {
        self.split()?;
        if self.state != State::Split {
            return Ok(None);
        }
        Ok(Some(self.spans.get(at - 1).map_or(&[], |span| &self.text[span.clone()])))
    }

    /// A field; the first is 1.
    ///
    /// # Errors
    /// As [`Splitter::split`].
    pub fn field(&mut self, at: usize) -> Result<Value> {
        self.split()?;
        if self.state != State::Split {
            return Ok(self.values.get(at - 1).cloned().unwrap_or_else(|| Value::input(b"")));
        }
        Ok(Value::input(self.spans.get(at - 1).map_or(&[], |span| &self.text[span.clone()])))
    }

    /// Makes values of the fields, so that they can change.
    fn own(&mut self) -> Result<()> {
        self.split()?;
        if self.state == State::Split {
            self.values.clear();
            let text = &self.text;
            self.values.extend(self.spans.iter().map(|span| Value::input(&text[span.clone()])));
        }
        self.state = State::Changed;
        Ok(())
    }

    /// Sets a field; those between it and the last become empty ones.
    ///
    /// # Errors
    /// There would be too many, or as [`Splitter::split`].
    pub fn set_field(&mut self, at: usize, value: Value) -> Result<()> {
        self.own()?;
        if at > self.values.len() {
            grow(&mut self.values, at)?;
        }
        self.values[at - 1] = value;
        Ok(())
    }

    /// Sets the number of fields.
    ///
    /// # Errors
    /// As [`Self::set_field`].
    pub fn set_count(&mut self, count: usize) -> Result<()> {
        self.own()?;
        grow(&mut self.values, count)
    }
}

fn grow(values: &mut Vec<Value>, count: usize) -> Result<()> {
    if count > MOST_FIELDS {
        return Err(Error::new(format!("make {count} fields: too many")));
    }
    values.resize(count, Value::Unset);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn fields(separator: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let splitter = Splitter::new(separator.as_bytes()).unwrap();
        splitter.split(text.as_bytes(), false, &mut |span| found.push(text[span].to_owned())).unwrap();
        found
    }

    #[test]
    fn separators() {
        assert_eq!(fields(" ", "  a\tb  c "), ["a", "b", "c"]);
        assert_eq!(fields(",", "a,,b,"), ["a", "", "b", ""]);
        assert_eq!(fields("|", "a|b"), ["a", "b"]);
        assert_eq!(fields("", "aé"), ["a", "é"]);
        assert_eq!(fields(", *", "a,  b,c"), ["a", "b", "c"]);
        assert_eq!(fields("x*", "abc"), ["abc"]);
        assert!(fields(",", "").is_empty());
    }

    #[test]
    fn changes_are_joined() {
        let joint = Joint { ofs: b"-", convfmt: b"%.6g" };
        let mut record = Record::default();
        record.set_text(b"a b c");
        assert_eq!(record.count().unwrap(), 3);
        record.set_field(5, Value::Num(1.5)).unwrap();
        assert_eq!(record.text(&joint), b"a-b-c--1.5");
        record.set_count(2).unwrap();
        assert_eq!(record.text(&joint), b"a-b");
        assert!(record.set_field(usize::MAX, Value::Unset).is_err());
    }
}
