//! `[[ … ]]`.

use super::word::{Builder, Place};
use super::{Parsed, Parser};
use crate::ast::{Test, Word};

/// Tests of two words.
const BINARY: &[&[u8]] = &[b"=", b"==", b"!=", b"=~", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot", b"-ef"];

impl Parser {
    /// The expression behind `[[`, and its end.
    pub(super) fn test_command(&mut self) -> Parsed<Test> {
        let test = self.test_or()?;
        self.test_blanks();
        let word = self.word(true)?;
        if word.literal() == Some(b"]]") {
            return Ok(test);
        }
        Err(self.test_wrong())
    }

    fn test_wrong(&mut self) -> super::Wrong {
        match self.byte() {
            None => self.at_end("syntax error: unexpected end of file (expecting \"]]\")"),
            Some(_) => self.wrong("syntax error in conditional expression"),
        }
    }

    fn test_blanks(&mut self) {
        loop {
            self.skip_blanks();
            if self.byte() != Some(b'\n') {
                return;
            }
            self.step();
        }
    }

    fn test_or(&mut self) -> Parsed<Test> {
        let mut left = self.test_and()?;
        loop {
            self.test_blanks();
            if !self.starts(b"||") {
                return Ok(left);
            }
            self.at += 2;
            left = Test::Or(Box::new(left), Box::new(self.test_and()?));
        }
    }

    fn test_and(&mut self) -> Parsed<Test> {
        let mut left = self.test_one()?;
        loop {
            self.test_blanks();
            if !self.starts(b"&&") {
                return Ok(left);
            }
            self.at += 2;
            left = Test::And(Box::new(left), Box::new(self.test_one()?));
        }
    }

    fn test_one(&mut self) -> Parsed<Test> {
        self.test_blanks();
        if self.byte() == Some(b'(') {
            self.at += 1;
            let inner = self.deeper(Self::test_or)?;
            self.test_blanks();
            return if self.eat(b')') { Ok(inner) } else { Err(self.test_wrong()) };
        }
        let first = self.test_word()?;
        if first.literal() == Some(b"!") {
            return Ok(Test::Not(Box::new(self.deeper(Self::test_one)?)));
        }
        self.test_blanks();
        let unary = first.literal().filter(|text| text.len() == 2 && text[0] == b'-');
        if let Some(op) = unary.filter(|op| op[1].is_ascii_alphabetic()).map(<[u8]>::to_vec)
            && !self.is_test_end()
            && !self.is_binary()
        {
            return Ok(Test::Unary(op, self.test_word()?));
        }
        if self.is_test_end() {
            return Ok(Test::Unary(b"-n".to_vec(), first));
        }
        self.test_binary(first)
    }

    fn test_binary(&mut self, first: Word) -> Parsed<Test> {
        if let Some(sign @ (b'<' | b'>')) = self.byte() {
            self.at += 1;
            self.test_blanks();
            return Ok(Test::Binary(vec![sign], first, self.test_word()?));
        }
        let op = self.test_word()?;
        let Some(op) = op.literal().filter(|op| BINARY.contains(op)).map(<[u8]>::to_vec) else {
            return Err(self.test_wrong());
        };
        self.test_blanks();
        let second = if op == b"=~" { self.regex()? } else { self.test_word()? };
        Ok(Test::Binary(op, first, second))
    }

    /// True at what ends an expression.
    fn is_test_end(&mut self) -> bool {
        match self.byte() {
            None | Some(b')') => true,
            Some(b']') => self.starts(b"]]") && self.look(2).is_none_or(|next| b" \t\n;&|)<>".contains(&next)),
            Some(b'&') => self.starts(b"&&"),
            Some(b'|') => self.starts(b"||"),
            Some(_) => false,
        }
    }

    /// True when the next word is an operator between two others: `[[ -f = x ]]`.
    fn is_binary(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let word = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        matches!(word, b"=" | b"==" | b"!=")
    }

    fn test_word(&mut self) -> Parsed<Word> {
        let start = self.at;
        let word = self.word(true)?;
        if self.at == start { Err(self.test_wrong()) } else { Ok(word) }
    }

    /// A regular expression: parentheses and bars belong to it.
    fn regex(&mut self) -> Parsed<Word> {
        let mut builder = Builder::default();
        let mut depth = 0_u32;
        loop {
            match self.byte() {
                None => return Err(self.test_wrong()),
                Some(b'(') => depth += 1,
                Some(b')' | b' ' | b'\t' | b'\n' | b'&') if depth == 0 => break,
                Some(b')') => depth -= 1,
                Some(_) => {
                    self.part(&mut builder, Place::Bare)?;
                    continue;
                }
            }
            if let Some(byte) = self.byte() {
                builder.plain(byte);
            }
            self.at += 1;
        }
        Ok(builder.finish())
    }
}
