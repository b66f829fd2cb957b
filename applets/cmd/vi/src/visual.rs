//! The visual mode: motions mark a text, an operator takes it.

use crate::buffer::Pos;
use crate::chars;
use crate::editor::{Done, Editor, Mode, Stop};
use crate::keys::key;
use crate::operator::Span;

impl Editor {
    /// Marks from here on until an operator or Escape.
    pub fn visual(&mut self, lines: bool) -> Done {
        self.anchor = self.cursor;
        self.mode = Mode::Visual(lines);
        let mut count: Option<usize> = None;
        loop {
            let k = self.key()?;
            if k.is_ascii_digit() && (k != '0' || count.is_some()) {
                count = Some((count.unwrap_or(0) * 10 + k.to_digit(10).unwrap_or(0) as usize).min(99_999_999));
                continue;
            }
            if self.visual_key(k, count.take())? {
                break;
            }
            self.clamp_shown();
        }
        self.mode = Mode::Normal;
        Ok(())
    }

    fn clamp_shown(&mut self) {
        let last = chars::last(self.line());
        self.cursor.col = self.cursor.col.min(last);
    }

    /// One key; true if it ends the mode.
    fn visual_key(&mut self, k: char, count: Option<usize>) -> Done<bool> {
        match k {
            key::ESCAPE | '\x03' => return Ok(true),
            'v' | 'V' => {
                let lines = k == 'V';
                let same = self.mode == Mode::Visual(lines);
                self.mode = Mode::Visual(lines);
                return Ok(same);
            }
            'o' => std::mem::swap(&mut self.cursor, &mut self.anchor),
            '"' => self.chosen = Some(self.key()?),
            'i' | 'a' => {
                let kind = self.key()?;
                let (from, to) = self.object(k == 'a', kind)?;
                self.anchor = from;
                self.cursor = Pos { col: chars::before(self.buffer.line(to.line), to.col), ..to };
            }
            ':' => {
                let span = self.marked();
                self.mode = Mode::Normal;
                let command = self.prompt_with(':', &format!("{},{}", span.from.line + 1, span.to.line + 1))?;
                self.colon(&command)?;
                return Ok(true);
            }
            'd' | 'x' | 'c' | 's' | 'y' | '<' | '>' | '~' | 'u' | 'U' | '!' | 'J' | 'r' | 'p' | 'D' | 'Y' | key::DELETE => {
                let span = self.marked();
                self.mode = Mode::Normal;
                self.visual_operator(k, span)?;
                return Ok(true);
            }
            'G' | 'g' if k == 'G' || self.key()? == 'g' => {
                let last = self.buffer.len();
                self.go_to_line(count.unwrap_or(if k == 'G' { last } else { 1 }).saturating_sub(1));
            }
            _ => match self.motion(k, count, false) {
                Ok(Some(motion)) => self.go(k, motion.to),
                Ok(None) | Err(Stop::Beep | Stop::Say(_)) => {}
                Err(stop) => return Err(stop),
            },
        }
        Ok(false)
    }

    /// Returns the marked span.
    pub fn marked(&self) -> Span {
        let (from, to) = if self.anchor < self.cursor { (self.anchor, self.cursor) } else { (self.cursor, self.anchor) };
        if self.mode == Mode::Visual(true) {
            return self.lines(from.line, to.line);
        }
        let len = chars::len_at(self.buffer.line(to.line), to.col);
        if len == 0 && to.line + 1 < self.buffer.len() {
            // In an empty line the mark lies on its end.
            return Span { from, to: Pos { line: to.line + 1, col: 0 }, linewise: false };
        }
        Span { from, to: Pos { col: to.col + len, ..to }, linewise: false }
    }

    fn visual_operator(&mut self, k: char, span: Span) -> Done {
        match k {
            'J' => {
                self.cursor = span.from;
                self.join(Some(span.to.line - span.from.line + 1), true)
            }
            'r' => {
                let new = self.key()?;
                let text = self.buffer.slice(span.from, span.to);
                let count = |line: &Vec<u8>| pattern::decode(line).len();
                let text: Vec<_> = text.iter().map(|line| pattern::encode(&vec![new; count(line)])).collect();
                self.buffer.remove(span.from, span.to);
                self.buffer.insert(span.from, &text);
                self.cursor = span.from;
                Ok(())
            }
            'p' => {
                let old = self.registers.get(&self.chosen.unwrap_or('"')).cloned().ok_or(Stop::Beep)?;
                self.chosen = None;
                self.apply('d', span)?;
                self.registers.insert('\0', old);
                self.chosen = Some('\0');
                let at_end = self.cursor.col >= self.line().len() && self.cursor.col > 0;
                self.clamp();
                self.put(!at_end, 1)
            }
            'D' | 'Y' => {
                let span = self.lines(span.from.line, span.to.line);
                self.apply(k.to_ascii_lowercase(), span)
            }
            'x' | key::DELETE => self.apply('d', span),
            's' => self.apply('c', span),
            _ => self.apply(k, span),
        }?;
        // The keys that marked it would mark something else next time.
        self.repeatable = false;
        Ok(())
    }
}
