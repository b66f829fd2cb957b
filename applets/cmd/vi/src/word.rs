//! Motions by words, sentences and paragraphs.

use crate::buffer::Pos;
use crate::chars::{self, Class};
use crate::editor::{Done, Editor, Stop};

impl Editor {
    pub fn class_at(&self, at: Pos, big: bool) -> Class {
        chars::class(self.buffer.line(at.line), at.col, big)
    }

    pub fn word_forward(&self, n: usize, big: bool, operator: bool) -> Done<Pos> {
        let mut at = self.cursor;
        for round in 0..n {
            let class = self.class_at(at, big);
            let start = at;
            let mut next = self.next_place(at);
            while let Some(place) = next.filter(|p| p.line == at.line && class != Class::Blank && self.class_at(*p, big) == class)
            {
                at = place;
                next = self.next_place(at);
            }
            while let Some(place) = next.filter(|p| self.class_at(*p, big) == Class::Blank) {
                at = place;
                if self.is_empty_line(place) {
                    break;
                }
                next = self.next_place(place);
            }
            let ends = operator && round + 1 == n && class != Class::Blank;
            if self.is_empty_line(at) && at != start {
                if ends {
                    return Ok(Pos { line: start.line, col: self.buffer.line(start.line).len() });
                }
                continue;
            }
            match next {
                // The last word of an operator ends with its line.
                Some(place) if ends && place.line > start.line => {
                    return Ok(Pos { line: start.line, col: self.buffer.line(start.line).len() });
                }
                Some(place) => at = place,
                None => {
                    let line = self.buffer.len() - 1;
                    let text = self.buffer.line(line);
                    let col = if operator { text.len() } else { chars::last(text) };
                    let end = Pos { line, col };
                    return if end == self.cursor { Err(Stop::Beep) } else { Ok(end) };
                }
            }
        }
        Ok(at)
    }

    pub fn word_back(&self, n: usize, big: bool) -> Done<Pos> {
        let mut at = self.cursor;
        for _ in 0..n {
            at = self.place_before(at).ok_or(Stop::Beep)?;
            while self.class_at(at, big) == Class::Blank && !self.is_empty_line(at) {
                match self.place_before(at) {
                    Some(place) => at = place,
                    None => return Ok(at),
                }
            }
            let class = self.class_at(at, big);
            while let Some(place) = self.place_before(at).filter(|p| p.line == at.line && self.class_at(*p, big) == class) {
                at = place;
            }
        }
        Ok(at)
    }

    pub fn word_end(&self, n: usize, big: bool) -> Done<Pos> {
        let mut at = self.cursor;
        for _ in 0..n {
            at = self.next_place(at).ok_or(Stop::Beep)?;
            while self.class_at(at, big) == Class::Blank {
                match self.next_place(at) {
                    Some(place) => at = place,
                    None => return Ok(at),
                }
            }
            let class = self.class_at(at, big);
            while let Some(place) = self.next_place(at).filter(|p| p.line == at.line && self.class_at(*p, big) == class) {
                at = place;
            }
        }
        Ok(at)
    }

    pub fn paragraph(&self, n: usize, forward: bool) -> Pos {
        let mut line = self.cursor.line;
        for _ in 0..n {
            let empty = |line: usize| self.buffer.line(line).is_empty();
            if forward {
                while line + 1 < self.buffer.len() && empty(line) {
                    line += 1;
                }
                while line + 1 < self.buffer.len() && !empty(line) {
                    line += 1;
                }
            } else {
                while line > 0 && empty(line) {
                    line -= 1;
                }
                while line > 0 && !empty(line) {
                    line -= 1;
                }
            }
        }
        let text = self.buffer.line(line);
        Pos { line, col: if forward && !text.is_empty() { text.len() } else { 0 } }
    }

    /// Sentences end with `.`, `!` or `?` before a blank, and at empty lines.
    pub fn sentence(&self, n: usize, forward: bool) -> Pos {
        let mut at = self.cursor;
        for _ in 0..n {
            let mut place = at;
            while let Some(next) = if forward { self.next_place(place) } else { self.place_before(place) } {
                place = next;
                if self.begins_sentence(place) {
                    break;
                }
            }
            at = place;
        }
        at
    }

    fn begins_sentence(&self, at: Pos) -> bool {
        if self.is_empty_line(at) {
            return at.line == 0 || !self.buffer.line(at.line - 1).is_empty();
        }
        if self.class_at(at, true) == Class::Blank {
            return false;
        }
        let mut before = self.place_before(at);
        let mut blank = at.col == 0;
        while let Some(place) = before.filter(|p| self.class_at(*p, true) == Class::Blank) {
            if self.is_empty_line(place) {
                return true;
            }
            blank = true;
            before = self.place_before(place);
        }
        let Some(place) = before else { return true };
        let mut end = place;
        while matches!(self.buffer.line(end.line).get(end.col), Some(b')' | b']' | b'"' | b'\'')) && end.col > 0 {
            end.col -= 1;
        }
        blank && matches!(self.buffer.line(end.line).get(end.col), Some(b'.' | b'!' | b'?'))
    }

    /// The word at the cursor.
    pub fn search_word(&mut self, forward: bool, n: usize) -> Done<Pos> {
        let line = self.line();
        let word = |at: usize| chars::class(line, at, false) == Class::Word;
        let mut start = self.cursor.col;
        while start < line.len() && !word(start) {
            start += chars::len_at(line, start);
        }
        if start >= line.len() {
            return Err(Stop::Beep);
        }
        let mut end = start;
        while start > 0 && word(chars::before(line, start)) {
            start = chars::before(line, start);
        }
        while word(end) {
            end += chars::len_at(line, end);
        }
        let text = [b"\\<", &line[start..end], b"\\>"].concat();
        self.set_pattern(&text, forward)?;
        let from = Pos { col: start, ..self.cursor };
        self.jump(|e| e.search_again(from, n, false))
    }
}
