//! `${…}`.

use super::dollar::bare_param;
use super::lexer::{begins_name, in_name};
use super::word::{Builder, Place};
use super::{Parsed, Parser};
use crate::ast::{Bytes, Index, Op, Param, Word};

/// Parameters with names of one character.
const SPECIAL: &[u8] = b"@*#?-$!";

impl Parser {
    /// A parameter's expansion, behind its opening brace.
    pub(super) fn braced(&mut self, place: Place) -> Parsed<Param> {
        let start = self.at;
        let line = self.line;
        let mut param = bare_param(Vec::new(), line);
        match self.byte() {
            Some(b'#') if self.is_length() => {
                self.at += 1;
                param.length = true;
            }
            Some(b'!') if self.is_indirect() => {
                self.at += 1;
                param.indirect = true;
            }
            _ => {}
        }
        param.name = self.param_name();
        let mut good = !param.name.is_empty();
        if good && begins_name(param.name[0]) && self.byte() == Some(b'[') {
            self.at += 1;
            param.index = Some(self.subscript()?);
        }
        if good && param.indirect {
            self.names_or_keys(&mut param);
        }
        if good && self.byte() != Some(b'}') {
            good = !param.length && self.operation(&mut param, place)?;
        }
        if !good || self.byte() != Some(b'}') {
            self.skip_braces()?;
            param.bad = Some(self.text.get(start..self.at).unwrap_or_default().to_vec());
        }
        if !self.eat(b'}') {
            return Err(self.at_end("syntax error: missing '}'"));
        }
        Ok(param)
    }

    /// True when `#` stands for the length and is not the parameter itself.
    fn is_length(&mut self) -> bool {
        match self.look(1) {
            None | Some(b'}' | b':' | b'%' | b'=' | b'+' | b'/' | b'^' | b',') => false,
            Some(b'#' | b'-' | b'?') => self.look(2) == Some(b'}'),
            Some(_) => true,
        }
    }

    fn is_indirect(&mut self) -> bool {
        self.look(1).is_some_and(|next| in_name(next) || b"@*#?!".contains(&next))
            && !(self.look(1) == Some(b'?') && self.look(2) != Some(b'}'))
    }

    fn param_name(&mut self) -> Bytes {
        let mut name = Vec::new();
        match self.byte() {
            Some(first) if begins_name(first) => {
                while let Some(byte) = self.byte().filter(|byte| in_name(*byte)) {
                    name.push(byte);
                    self.at += 1;
                }
            }
            Some(b'0'..=b'9') => {
                while let Some(byte) = self.byte().filter(u8::is_ascii_digit) {
                    name.push(byte);
                    self.at += 1;
                }
            }
            Some(byte) if SPECIAL.contains(&byte) => {
                name.push(byte);
                self.at += 1;
            }
            _ => {}
        }
        name
    }

    /// A subscript, behind its opening bracket, which is taken up to the closing one.
    pub(super) fn subscript(&mut self) -> Parsed<Index> {
        for (sign, index) in [(b'@', Index::All), (b'*', Index::Joined)] {
            if self.byte() == Some(sign) && self.look(1) == Some(b']') {
                self.at += 2;
                return Ok(index);
            }
        }
        Ok(Index::At(self.subscript_word()?))
    }

    /// Word of a subscript up to the closing bracket, which is taken.
    pub(super) fn subscript_word(&mut self) -> Parsed<Word> {
        let mut builder = Builder::default();
        let mut depth = 0_u32;
        loop {
            match self.byte() {
                None => return Err(self.at_end("syntax error: missing ']'")),
                Some(b']') if depth == 0 => break,
                Some(b'[') => depth += 1,
                Some(b']') => depth -= 1,
                Some(_) => {}
            }
            self.part(&mut builder, Place::Bare)?;
        }
        self.at += 1;
        Ok(builder.finish())
    }

    /// `${!prefix*}` and `${!name[@]}`.
    fn names_or_keys(&mut self, param: &mut Param) {
        let ends = self.look(1) == Some(b'}');
        match (self.byte(), &param.index) {
            (Some(sign @ (b'*' | b'@')), None) if ends => {
                self.at += 1;
                param.op = Op::Names(sign == b'@');
                param.indirect = false;
            }
            (Some(b'}'), Some(Index::All)) => {
                param.op = Op::Keys(true);
                param.indirect = false;
            }
            (Some(b'}'), Some(Index::Joined)) => {
                param.op = Op::Keys(false);
                param.indirect = false;
            }
            _ => {}
        }
    }

    /// The operation behind a name; false when there is none of that kind.
    fn operation(&mut self, param: &mut Param, place: Place) -> Parsed<bool> {
        let Some(sign) = self.byte() else { return Ok(false) };
        self.at += 1;
        match sign {
            b':' => match self.byte() {
                Some(kind @ (b'-' | b'=' | b'?' | b'+')) => {
                    self.at += 1;
                    param.op = Op::Test { kind, colon: true, word: self.default_word(place)? };
                }
                _ => param.op = self.substring()?,
            },
            b'-' | b'=' | b'?' | b'+' => {
                param.op = Op::Test { kind: sign, colon: false, word: self.default_word(place)? };
            }
            b'#' | b'%' => {
                let longest = self.eat(sign);
                let pattern = self.pattern_until(b"}")?;
                param.op = Op::Trim { suffix: sign == b'%', longest, pattern };
            }
            b'/' => param.op = self.replacement()?,
            b'^' | b',' | b'~' => {
                let all = self.eat(sign);
                let pattern = self.pattern_until(b"}")?;
                let pattern = Some(pattern).filter(|pattern| !pattern.parts.is_empty());
                param.op = Op::Case { kind: sign, all, pattern };
            }
            b'@' => match self.byte() {
                Some(kind) if kind.is_ascii_alphabetic() => {
                    self.at += 1;
                    param.op = Op::Transform(kind);
                }
                _ => return Ok(false),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The word of `${x-word}`: in double quotes single quotes are plain.
    fn default_word(&mut self, place: Place) -> Parsed<Word> {
        let inner = match place {
            Place::Bare => Place::Bare,
            _ => Place::Inner,
        };
        self.until(b"}", inner)
    }

    /// A pattern: quotes have their meaning wherever it stands.
    fn pattern_until(&mut self, ends: &[u8]) -> Parsed<Word> {
        self.until(ends, Place::Bare)
    }

    /// Parts up to one of the bytes, which stays.
    fn until(&mut self, ends: &[u8], place: Place) -> Parsed<Word> {
        let mut builder = Builder::default();
        loop {
            match self.byte() {
                None => return Err(self.at_end("syntax error: missing '}'")),
                Some(byte) if ends.contains(&byte) => return Ok(builder.finish()),
                Some(_) => self.part(&mut builder, place)?,
            }
        }
    }

    fn replacement(&mut self) -> Parsed<Op> {
        let mode = match self.byte() {
            Some(mode @ (b'/' | b'#' | b'%')) => {
                self.at += 1;
                mode
            }
            _ => 0,
        };
        let mut builder = Builder::default();
        // A slash at the very beginning belongs to the pattern.
        if (mode == 0 || mode == b'/') && self.byte() == Some(b'/') {
            self.part(&mut builder, Place::Bare)?;
        }
        let mut pattern = builder.finish();
        pattern.parts.extend(self.pattern_until(b"/}")?.parts);
        let with = if self.eat(b'/') { self.pattern_until(b"}")? } else { Word::default() };
        Ok(Op::Replace { mode, pattern, with })
    }

    fn substring(&mut self) -> Parsed<Op> {
        let offset = self.expression()?;
        let length = if self.eat(b':') { Some(self.expression()?) } else { None };
        Ok(Op::Substring { offset, length })
    }

    /// An expression up to a colon that is none of `?:`, or the closing brace.
    fn expression(&mut self) -> Parsed<Word> {
        let mut builder = Builder::default();
        let (mut depth, mut questions) = (0_u32, 0_u32);
        loop {
            match self.byte() {
                None => return Err(self.at_end("syntax error: missing '}'")),
                Some(b'}') => return Ok(builder.finish()),
                Some(b':') if depth == 0 && questions == 0 => return Ok(builder.finish()),
                Some(b':') => questions = questions.saturating_sub(1),
                Some(b'?') => questions += 1,
                Some(b'(' | b'[') => depth += 1,
                Some(b')' | b']') => depth = depth.saturating_sub(1),
                Some(_) => {}
            }
            self.part(&mut builder, Place::Arith)?;
        }
    }

    /// Passes over the rest of a bad expansion.
    fn skip_braces(&mut self) -> Parsed<()> {
        self.until(b"}", Place::Bare).map(drop)
    }
}
