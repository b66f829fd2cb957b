//! Words: quotes, and the parts that are expanded.

use super::{Parsed, Parser};
use crate::ast::{Bytes, Part, Word};

/// Place of a piece of text, which decides what quotes and backslashes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside of quotes.
    Bare,
    /// In double quotes.
    Double,
    /// In a here-document.
    Document,
    /// The word of `${x-word}` in double quotes: double quotes end and begin quotes inside.
    Inner,
    /// In `$((…))`.
    Arith,
}

/// Collects parts of a word, joining text.
#[derive(Default)]
pub(super) struct Builder {
    parts: Vec<Part>,
}

impl Builder {
    pub(super) fn plain(&mut self, byte: u8) {
        match self.parts.last_mut() {
            Some(Part::Plain(text)) => text.push(byte),
            _ => self.parts.push(Part::Plain(vec![byte])),
        }
    }

    pub(super) fn quoted(&mut self, byte: u8) {
        match self.parts.last_mut() {
            Some(Part::Quoted(text)) => text.push(byte),
            _ => self.parts.push(Part::Quoted(vec![byte])),
        }
    }

    pub(super) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    pub(super) fn finish(self) -> Word {
        Word { parts: self.parts }
    }
}

impl Parser {
    /// A word, up to a blank or an operator.
    pub(super) fn word(&mut self, extglob: bool) -> Parsed<Word> {
        let mut builder = Builder::default();
        self.deeper(|p| p.word_into(&mut builder, extglob))?;
        Ok(builder.finish())
    }

    fn word_into(&mut self, builder: &mut Builder, extglob: bool) -> Parsed<()> {
        while let Some(byte) = self.byte() {
            match byte {
                b'<' | b'>' if self.look(1) == Some(b'(') => {
                    let part = self.process(byte == b'>')?;
                    builder.push(part);
                }
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => break,
                b'?' | b'*' | b'+' | b'@' | b'!' if extglob && self.look(1) == Some(b'(') => {
                    self.group(builder)?;
                }
                _ => self.part(builder, Place::Bare)?,
            }
        }
        Ok(())
    }

    /// `@(a|b)` and the like, up to the closing parenthesis.
    pub(super) fn group(&mut self, builder: &mut Builder) -> Parsed<()> {
        for _ in 0..2 {
            if let Some(byte) = self.byte() {
                builder.plain(byte);
                self.at += 1;
            }
        }
        let mut depth = 1_u32;
        while depth > 0 {
            let Some(byte) = self.byte() else {
                return Err(self.at_end("syntax error: unexpected end of file (expecting \")\")"));
            };
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {
                    self.part(builder, Place::Bare)?;
                    continue;
                }
            }
            builder.plain(byte);
            self.at += 1;
        }
        Ok(())
    }

    /// One byte, or whatever begins there.
    pub(super) fn part(&mut self, builder: &mut Builder, place: Place) -> Parsed<()> {
        let Some(byte) = self.byte() else { return Ok(()) };
        match byte {
            b'\\' => self.backslash(builder, place),
            b'\'' if place == Place::Bare => {
                self.at += 1;
                let text = self.single_quoted()?;
                builder.push(Part::Quoted(text));
            }
            b'"' => match place {
                Place::Bare | Place::Inner => {
                    self.at += 1;
                    let parts = self.deeper(Self::double_quoted)?;
                    builder.push(Part::Double(parts));
                }
                Place::Arith => self.at += 1,
                _ => {
                    builder.plain(byte);
                    self.at += 1;
                }
            },
            b'$' => self.deeper(|p| p.dollar(builder, place))?,
            b'`' => {
                let part = self.deeper(|p| p.backquoted(place))?;
                builder.push(part);
            }
            _ => {
                builder.plain(byte);
                self.step();
            }
        }
        Ok(())
    }

    fn backslash(&mut self, builder: &mut Builder, place: Place) {
        self.at += 1;
        let Some(next) = self.look(0) else {
            builder.quoted(b'\\');
            return;
        };
        let escapes = match place {
            Place::Bare => true,
            Place::Double => matches!(next, b'$' | b'`' | b'"' | b'\\'),
            Place::Inner => matches!(next, b'$' | b'`' | b'"' | b'\\' | b'}'),
            Place::Document | Place::Arith => matches!(next, b'$' | b'`' | b'\\'),
        };
        if escapes {
            builder.quoted(next);
            self.step();
        } else {
            builder.quoted(b'\\');
        }
    }

    /// The text up to the next single quote.
    pub(super) fn single_quoted(&mut self) -> Parsed<Bytes> {
        let line = self.line;
        let mut text = Vec::new();
        loop {
            match self.look(0) {
                Some(b'\'') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(byte) => {
                    text.push(byte);
                    self.step();
                }
                None => return Err(self.unterminated(line)),
            }
        }
    }

    pub(super) fn unterminated(&self, line: u32) -> super::Wrong {
        let _ = line;
        self.at_end("syntax error: unterminated quoted string")
    }

    /// The parts up to the next double quote.
    pub(super) fn double_quoted(&mut self) -> Parsed<Vec<Part>> {
        let line = self.line;
        let mut builder = Builder::default();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(builder.finish().parts);
                }
                Some(_) => self.part(&mut builder, Place::Double)?,
                None => return Err(self.unterminated(line)),
            }
        }
    }

    /// A whole text as the inside of double quotes (`PS1`) or a here-document.
    ///
    /// # Errors
    /// As for a word.
    pub fn whole_text(&mut self) -> Parsed<Word> {
        let mut builder = Builder::default();
        while self.byte().is_some() {
            self.part(&mut builder, Place::Document)?;
        }
        Ok(builder.finish())
    }

    /// A whole text as one word outside of quotes, blanks and operators included.
    ///
    /// # Errors
    /// As for a word.
    pub fn whole_word(&mut self) -> Parsed<Word> {
        let mut builder = Builder::default();
        while self.byte().is_some() {
            self.part(&mut builder, Place::Bare)?;
        }
        Ok(builder.finish())
    }
}
