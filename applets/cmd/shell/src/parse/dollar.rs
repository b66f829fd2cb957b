//! `$…` and backquotes.

use std::rc::Rc;

use super::lexer::{Token, begins_name, in_name};
use super::word::{Builder, Place};
use super::{Parsed, Parser};
use crate::ast::{Bytes, List, Op, Param, Part, Word};
use crate::expand::escape::ansi_c;

/// A parameter without any operation.
pub(super) fn bare_param(name: Bytes, line: u32) -> Param {
    Param { name, indirect: false, length: false, index: None, op: Op::None, bad: None, line }
}

impl Parser {
    /// Part that a dollar sign begins; the sign itself where that is nothing.
    pub(super) fn dollar(&mut self, builder: &mut Builder, place: Place) -> Parsed<()> {
        self.at += 1;
        let Some(next) = self.byte() else {
            builder.plain(b'$');
            return Ok(());
        };
        match next {
            b'{' => {
                self.at += 1;
                let param = self.braced(place)?;
                builder.push(Part::Param(Box::new(param)));
            }
            b'(' => {
                let part = self.substitution()?;
                builder.push(part);
            }
            b'[' if !self.settings.posix.get() => self.old_arith(builder)?,
            b'\'' if place == Place::Bare => {
                self.at += 1;
                let text = self.ansi_quoted()?;
                builder.push(Part::Quoted(text));
            }
            // A translation is the text itself.
            b'"' if place == Place::Bare => {}
            _ if begins_name(next) => {
                let mut name = Vec::new();
                while let Some(byte) = self.byte().filter(|byte| in_name(*byte)) {
                    name.push(byte);
                    self.at += 1;
                }
                builder.push(Part::Param(Box::new(bare_param(name, self.line))));
            }
            b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' => {
                self.at += 1;
                builder.push(Part::Param(Box::new(bare_param(vec![next], self.line))));
            }
            _ => builder.plain(b'$'),
        }
        Ok(())
    }

    /// `$'…'`, up to its quote.
    fn ansi_quoted(&mut self) -> Parsed<Bytes> {
        let line = self.line;
        let mut text = Vec::new();
        loop {
            match self.look(0) {
                Some(b'\'') => {
                    self.at += 1;
                    return Ok(ansi_c(&text));
                }
                Some(b'\\') => {
                    text.push(b'\\');
                    self.at += 1;
                    if let Some(next) = self.look(0) {
                        text.push(next);
                        self.step();
                    }
                }
                Some(byte) => {
                    text.push(byte);
                    self.step();
                }
                None => return Err(self.unterminated(line)),
            }
        }
    }

    /// `$((…))` or `$(…)`, at the first parenthesis.
    fn substitution(&mut self) -> Parsed<Part> {
        let (at, line) = (self.at, self.line);
        self.at += 1;
        if self.byte() == Some(b'(') {
            self.at += 1;
            // A text that does not end in two parentheses is a subshell in a substitution.
            match self.arith_until_parens() {
                Ok(Some(word)) => return Ok(Part::Arith(word)),
                Ok(None) => {}
                Err(wrong) if wrong.at_end => {}
                Err(wrong) => return Err(wrong),
            }
        }
        self.at = at + 1;
        self.line = line;
        let list = self.nested_list()?;
        Ok(Part::Command(Rc::new(list)))
    }

    /// Arithmetic up to `))`; none when a parenthesis closes alone.
    pub(super) fn arith_until_parens(&mut self) -> Parsed<Option<Word>> {
        let mut builder = Builder::default();
        let mut depth = 0_u32;
        loop {
            match self.byte() {
                None => return Err(self.at_end("syntax error: missing '))'")),
                Some(b'(') => depth += 1,
                Some(b')') if depth == 0 => {
                    self.at += 1;
                    return Ok(self.eat(b')').then(|| builder.finish()));
                }
                Some(b')') => depth -= 1,
                Some(_) => {
                    self.part(&mut builder, Place::Arith)?;
                    continue;
                }
            }
            if let Some(byte) = self.byte() {
                builder.plain(byte);
            }
            self.at += 1;
        }
    }

    /// `$[…]`.
    fn old_arith(&mut self, builder: &mut Builder) -> Parsed<()> {
        self.at += 1;
        let mut inner = Builder::default();
        let mut depth = 0_u32;
        loop {
            match self.byte() {
                None => return Err(self.at_end("syntax error: missing ']'")),
                Some(b']') if depth == 0 => break,
                Some(b'[') => depth += 1,
                Some(b']') => depth -= 1,
                Some(_) => {}
            }
            self.part(&mut inner, Place::Arith)?;
        }
        self.at += 1;
        builder.push(Part::Arith(inner.finish()));
        Ok(())
    }

    /// Commands up to a closing parenthesis, which is taken.
    pub(super) fn nested_list(&mut self) -> Parsed<List> {
        let pending = std::mem::take(&mut self.pending);
        let peeked = self.peeked.take();
        let list = self.deeper(|p| {
            let list = p.list_until(&[")"])?;
            if !p.is_op(")")? {
                let token = p.peek()?.clone();
                return Err(match token {
                    Token::End => p.at_end("syntax error: unexpected end of file (expecting \")\")"),
                    token => p.unexpected(&token),
                });
            }
            p.take()?;
            Ok(list)
        })?;
        // A document that began in here and whose line goes on behind the parenthesis.
        let left = std::mem::replace(&mut self.pending, pending);
        self.pending.extend(left);
        self.peeked = peeked;
        Ok(list)
    }

    /// `<(…)` or `>(…)`.
    pub(super) fn process(&mut self, output: bool) -> Parsed<Part> {
        self.at += 2;
        let list = self.nested_list()?;
        Ok(Part::Process { output, list: Rc::new(list) })
    }

    /// A command in backquotes.
    pub(super) fn backquoted(&mut self, place: Place) -> Parsed<Part> {
        let line = self.line;
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let Some(byte) = self.look(0) else {
                return Err(self.at_end("syntax error: EOF in backquote substitution"));
            };
            self.step();
            match byte {
                b'`' => break,
                b'\\' => match self.look(0) {
                    Some(next @ (b'$' | b'`' | b'\\')) => {
                        text.push(next);
                        self.step();
                    }
                    Some(b'"') if matches!(place, Place::Double | Place::Inner) => {
                        text.push(b'"');
                        self.step();
                    }
                    _ => text.push(b'\\'),
                },
                _ => text.push(byte),
            }
        }
        let mut inner = Self::of_text(&text, &self.settings, line);
        inner.depth = self.depth;
        Ok(Part::Command(Rc::new(inner.whole()?)))
    }
}
