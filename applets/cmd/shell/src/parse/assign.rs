//! Assignments, those of arrays too.

use super::lexer::{Token, begins_name, in_name};
use super::{Parsed, Parser};
use crate::ast::{Assign, AssignValue, Element, Word};

impl Parser {
    /// `name[index]+=value` at the place, if one stands there.
    pub(super) fn assignment(&mut self) -> Parsed<Option<Assign>> {
        self.skip_blanks();
        let (start, line) = (self.at, self.line);
        let found = self.assignment_here()?;
        if found.is_none() {
            self.at = start;
            self.line = line;
        }
        Ok(found)
    }

    fn assignment_here(&mut self) -> Parsed<Option<Assign>> {
        let Some(true) = self.byte().map(begins_name) else { return Ok(None) };
        let mut name = Vec::new();
        while let Some(byte) = self.byte().filter(|byte| in_name(*byte)) {
            name.push(byte);
            self.at += 1;
        }
        let mut index = None;
        if self.byte() == Some(b'[') {
            if !self.has_assignment_behind_brackets() {
                return Ok(None);
            }
            self.at += 1;
            index = Some(self.subscript_word()?);
        }
        let append = self.byte() == Some(b'+');
        if append {
            self.at += 1;
        }
        if !self.eat(b'=') {
            return Ok(None);
        }
        self.inside = true;
        let value = if self.byte() == Some(b'(') {
            self.at += 1;
            AssignValue::Array(self.elements()?)
        } else {
            AssignValue::Word(self.word(self.settings.extglob.get())?)
        };
        Ok(Some(Assign { name, index, append, value }))
    }

    /// Looks over a subscript on this line for `=` or `+=` behind it.
    fn has_assignment_behind_brackets(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut depth = 0_u32;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'\n' => return false,
                b'[' => depth += 1,
                b']' => {
                    depth -= 1;
                    if depth == 0 {
                        let behind = rest.get(at + 1..).unwrap_or_default();
                        return behind.starts_with(b"=") || behind.starts_with(b"+=");
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Elements up to the closing parenthesis, which is taken.
    fn elements(&mut self) -> Parsed<Vec<Element>> {
        let mut elements = Vec::new();
        loop {
            self.skip_blanks();
            match self.byte() {
                Some(b'\n') => {
                    self.step();
                    self.read_documents()?;
                }
                Some(b')') => {
                    self.at += 1;
                    return Ok(elements);
                }
                None => {
                    return Err(self.at_end("syntax error: unexpected end of file (expecting \")\")"));
                }
                Some(_) => elements.push(self.element()?),
            }
        }
    }

    fn element(&mut self) -> Parsed<Element> {
        if self.byte() == Some(b'[') && self.has_assignment_behind_brackets() {
            self.at += 1;
            let index = Some(self.subscript_word()?);
            let append = self.eat(b'+');
            self.eat(b'=');
            let value = self.word(self.settings.extglob.get())?;
            return Ok(Element { index, append, value });
        }
        let start = self.at;
        let value: Word = self.word(self.settings.extglob.get())?;
        if self.at == start {
            let token = self.peek()?.clone();
            return Err(match token {
                Token::Word(_) => self.wrong("syntax error"),
                token => self.unexpected(&token),
            });
        }
        Ok(Element { index: None, append: false, value })
    }
}
