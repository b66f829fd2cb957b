//! Text objects: `iw`, `aw`, and what stands in quotes and brackets.

use crate::buffer::Pos;
use crate::chars::{self, Class};
use crate::editor::{Done, Editor, Stop};

impl Editor {
    /// The text of `i` or `a` and a kind, from the first place to that behind the last.
    pub fn object(&self, around: bool, kind: char) -> Done<(Pos, Pos)> {
        match kind {
            'w' | 'W' => Ok(self.word_object(around, kind == 'W')),
            '"' | '\'' | '`' => self.quoted(around, kind as u8),
            '(' | ')' | 'b' => self.bracketed(around, b'(', b')'),
            '[' | ']' => self.bracketed(around, b'[', b']'),
            '{' | '}' | 'B' => self.bracketed(around, b'{', b'}'),
            '<' | '>' => self.bracketed(around, b'<', b'>'),
            _ => Err(Stop::Beep),
        }
    }

    fn word_object(&self, around: bool, big: bool) -> (Pos, Pos) {
        let line = self.line();
        let class = |at: usize| chars::class(line, at, big);
        let run = |mut at: usize, kind: Class| {
            while at < line.len() && class(at) == kind {
                at += chars::len_at(line, at);
            }
            at
        };
        let here = class(self.cursor.col);
        let mut start = self.cursor.col;
        while start > 0 && class(chars::before(line, start)) == here {
            start = chars::before(line, start);
        }
        let mut end = run(self.cursor.col, here);
        if around {
            if here == Class::Blank {
                end = run(end, class(end));
            } else {
                let after = run(end, Class::Blank);
                if after == end {
                    while start > 0 && class(chars::before(line, start)) == Class::Blank {
                        start = chars::before(line, start);
                    }
                }
                end = after;
            }
        }
        (Pos { col: start, ..self.cursor }, Pos { col: end, ..self.cursor })
    }

    fn quoted(&self, around: bool, quote: u8) -> Done<(Pos, Pos)> {
        let line = self.line();
        let places: Vec<usize> = (0..line.len()).filter(|at| line[*at] == quote && (*at == 0 || line[at - 1] != b'\\')).collect();
        let pair = places.as_chunks::<2>().0.iter().find(|pair| pair[1] >= self.cursor.col).ok_or(Stop::Beep)?;
        let (start, mut end) = if around { (pair[0], pair[1] + 1) } else { (pair[0] + 1, pair[1]) };
        if around {
            end += line[end..].iter().take_while(|c| matches!(c, b' ' | b'\t')).count();
        }
        Ok((Pos { col: start, ..self.cursor }, Pos { col: end, ..self.cursor }))
    }

    fn bracketed(&self, around: bool, open: u8, close: u8) -> Done<(Pos, Pos)> {
        let at = |place: Pos| self.buffer.line(place.line).get(place.col).copied();
        let (mut start, mut depth) = (self.cursor, 0);
        while at(start) != Some(open) || depth > 0 {
            if start != self.cursor && at(start) == Some(close) {
                depth += 1;
            } else if at(start) == Some(open) {
                depth -= 1;
            }
            if let Some(place) = self.place_before(start) {
                start = place;
                continue;
            }
            // Not inside of one: the next in the line.
            let next = self.line().iter().skip(self.cursor.col).position(|c| *c == open).ok_or(Stop::Beep)?;
            start = Pos { col: self.cursor.col + next, ..self.cursor };
            break;
        }
        let (mut end, mut depth) = (start, 1);
        while depth > 0 {
            end = self.next_place(end).ok_or(Stop::Beep)?;
            match at(end) {
                Some(c) if c == open => depth += 1,
                Some(c) if c == close => depth -= 1,
                _ => {}
            }
        }
        if around { Ok((start, Pos { col: end.col + 1, ..end })) } else { Ok((Pos { col: start.col + 1, ..start }, end)) }
    }
}
