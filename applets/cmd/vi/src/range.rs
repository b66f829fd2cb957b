//! Addresses of lines before a command: `1,$`, `.,+3`, `'a,'b`, `/one/,/two/`, `%`.

use crate::buffer::Pos;
use crate::editor::{Done, Editor, Stop};
use crate::motion::unescaped;

/// Text of a command, with the place where it is read.
pub struct Words<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl Words<'_> {
    pub fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    pub fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.at += 1;
        }
    }

    pub fn rest(&self) -> &[u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest().iter().take_while(|c| c.is_ascii_digit()).count();
        let number = std::str::from_utf8(&self.rest()[..digits]).ok()?.parse().ok();
        self.at += digits;
        number
    }

    /// Passes over the sign that meant a line.
    fn passed(&mut self, line: usize) -> usize {
        self.at += 1;
        line
    }

    /// Letters of a command's name.
    pub fn name(&mut self) -> String {
        let len = self.rest().iter().take_while(|c| c.is_ascii_alphabetic()).count();
        let name = String::from_utf8_lossy(&self.rest()[..len]).into_owned();
        self.at += len;
        name
    }

    /// Text up to a delimiter, without the backslash before one.
    pub fn delimited(&mut self, delimiter: u8) -> Vec<u8> {
        let end = unescaped(self.rest(), delimiter);
        let part = &self.rest()[..end];
        let mut text = Vec::with_capacity(end);
        let mut at = 0;
        while at < part.len() {
            if part[at] == b'\\' && at + 1 < part.len() {
                if part[at + 1] != delimiter {
                    text.push(b'\\');
                }
                at += 1;
            }
            text.push(part[at]);
            at += 1;
        }
        self.at += end + 1;
        text
    }
}

/// Lines before a command; line 0 is before the first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    pub first: Option<usize>,
    pub last: Option<usize>,
}

impl Editor {
    /// Reads the addresses; lines count from 1.
    pub fn range(&mut self, words: &mut Words<'_>) -> Done<Range> {
        words.blanks();
        if words.peek() == b'%' {
            words.at += 1;
            return Ok(Range { first: Some(1), last: Some(self.buffer.len()) });
        }
        let mut range = Range::default();
        let start = self.cursor;
        loop {
            let address = self.address(words)?;
            words.blanks();
            let separator = words.peek();
            let is_separator = matches!(separator, b',' | b';');
            if address.is_some() || is_separator || range.last.is_some() {
                range.first = range.last;
                range.last = Some(address.unwrap_or(self.cursor.line + 1));
            }
            if !is_separator {
                break;
            }
            if separator == b';' {
                self.cursor.line = range.last.unwrap_or(1).clamp(1, self.buffer.len()) - 1;
            }
            words.at += 1;
        }
        self.cursor = start;
        if range.last.is_some_and(|last| last > self.buffer.len()) || range.first > range.last {
            return Err(Stop::Say("the lines are not there, or in the wrong order".into()));
        }
        Ok(range)
    }

    fn address(&mut self, words: &mut Words<'_>) -> Done<Option<usize>> {
        words.blanks();
        let mut line = match words.peek() {
            b'0'..=b'9' => words.number(),
            b'.' => Some(words.passed(self.cursor.line + 1)),
            b'$' => Some(words.passed(self.buffer.len())),
            b'\'' => {
                words.at += 1;
                let name = char::from(words.peek());
                let name = if name == '\'' { '`' } else { name };
                let mark = self.buffer.marks.get(&name).ok_or(Stop::Say("the mark is not set".into()))?;
                let line = mark.line + 1;
                Some(words.passed(line))
            }
            sign @ (b'/' | b'?') => {
                words.at += 1;
                let pattern = words.delimited(sign);
                self.set_pattern(&pattern, sign == b'/')?;
                let from = Pos { line: self.cursor.line, col: if sign == b'/' { self.line().len() } else { 0 } };
                Some(self.find_match(from, sign == b'/')?.line + 1)
            }
            b'+' | b'-' => Some(self.cursor.line + 1),
            _ => None,
        };
        while let (Some(base), sign @ (b'+' | b'-')) = (line, words.peek()) {
            words.at += 1;
            let by = words.number().unwrap_or(1);
            let moved = if sign == b'+' { base.checked_add(by) } else { base.checked_sub(by) };
            line = Some(moved.ok_or(Stop::Say("the line is not there".into()))?);
        }
        Ok(line)
    }
}
