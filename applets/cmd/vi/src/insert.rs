//! Inserting and overwriting text.

use crate::buffer::{Line, Pos};
use crate::chars;
use crate::editor::{Done, Editor, Mode};
use crate::keys::key;

impl Editor {
    /// The commands that begin to insert.
    pub fn begin_insert(&mut self, k: char, count: usize) -> Done {
        self.repeatable = true;
        let at = self.cursor;
        let mut mode = Mode::Insert;
        match k {
            'I' => self.cursor.col = self.line().iter().take_while(|c| matches!(c, b' ' | b'\t')).count(),
            'a' => self.cursor.col += chars::len_at(self.line(), at.col),
            'A' => self.cursor.col = self.line().len(),
            'o' | 'O' => {
                let indent = if self.settings.auto_indent { self.indent_of(at.line) } else { Line::new() };
                let line = at.line + usize::from(k == 'o');
                self.cursor = Pos { line, col: indent.len() };
                self.buffer.replace(line, 0, vec![indent]);
            }
            'R' => mode = Mode::Replace,
            _ => {}
        }
        self.insert_lines(count, mode, matches!(k, 'o' | 'O'))
    }

    pub fn insert_mode(&mut self, count: usize, mode: Mode) -> Done {
        self.insert_lines(count, mode, false)
    }

    /// Inserts until Escape, and the same again if there is a count; `opened` puts each time on a line of its own.
    fn insert_lines(&mut self, count: usize, mode: Mode, opened: bool) -> Done {
        self.mode = mode;
        let start = self.cursor;
        let mut covered = Vec::new();
        let mut typed: Vec<char> = Vec::new();
        loop {
            let k = self.key()?;
            if matches!(k, key::ESCAPE | '\x03') {
                break;
            }
            if self.insert_key(k, start, &mut covered)? {
                typed.push(k);
            }
        }
        if count > 1 {
            self.insert_again(count, start, opened, &typed);
        }
        self.mode = Mode::Normal;
        if self.line().iter().all(|c| matches!(c, b' ' | b'\t')) && opened && self.settings.auto_indent {
            // An indentation alone is not left behind.
            self.buffer.set_line(self.cursor.line, Line::new());
            self.cursor.col = 0;
        }
        if self.cursor.col > 0 {
            self.cursor.col = chars::before(self.line(), self.cursor.col);
        }
        self.wanted = None;
        Ok(())
    }

    /// Inserts the typed text again, so many times in all.
    fn insert_again(&mut self, count: usize, start: Pos, opened: bool, typed: &[char]) {
        if self.mode == Mode::Replace {
            let mut covered = Vec::new();
            for _ in 1..count {
                for k in typed {
                    self.put_char(*k, &mut covered);
                }
            }
            return;
        }
        if self.cursor <= start && !opened {
            return;
        }
        let text = self.buffer.slice(if opened { Pos { col: 0, ..start } } else { start }, self.cursor);
        for _ in 1..count {
            if opened {
                self.buffer.replace(self.cursor.line + 1, 0, text.clone());
                self.cursor.line += text.len();
            } else {
                self.cursor = self.buffer.insert(self.cursor, &text);
            }
        }
    }

    /// One key; true if it put a character.
    fn insert_key(&mut self, k: char, start: Pos, covered: &mut Vec<Line>) -> Done<bool> {
        match k {
            '\x08' | '\x7f' => self.rub_out(start, covered),
            '\x17' => {
                let line = self.line();
                let mut col = self.cursor.col;
                let back = |col: usize| chars::before(line, col);
                while col > 0 && chars::class(line, back(col), false) == chars::Class::Blank {
                    col = back(col);
                }
                let class = chars::class(line, back(col), false);
                while col > 0 && chars::class(line, back(col), false) == class {
                    col = back(col);
                }
                self.erase_to(col, start);
            }
            '\x15' => self.erase_to(0, start),
            '\r' | '\n' => self.break_line(),
            '\t' if self.settings.expand_tab => {
                let column = chars::column(self.line(), self.cursor.col, self.settings.tab);
                let blanks = vec![b' '; self.settings.tab - column % self.settings.tab];
                self.cursor = self.buffer.insert(self.cursor, &[blanks]);
            }
            '\x16' => {
                let literal = self.key()?;
                self.put_char(literal, covered);
                return Ok(true);
            }
            '\x14' | '\x04' => {
                let before = self.line().len();
                self.shift(self.cursor.line, self.cursor.line, k == '\x14', 1);
                let after = self.line().len();
                self.cursor.col = (self.cursor.col + after).saturating_sub(before).min(after);
            }
            key::UP | key::DOWN | key::LEFT | key::RIGHT | key::HOME | key::END | key::PAGE_UP | key::PAGE_DOWN => {
                self.move_in(k);
            }
            key::DELETE => {
                let len = chars::len_at(self.line(), self.cursor.col);
                let to = Pos { col: self.cursor.col + len, ..self.cursor };
                self.buffer.remove(self.cursor, to);
            }
            key::INSERT => self.mode = if self.mode == Mode::Insert { Mode::Replace } else { Mode::Insert },
            _ => {
                self.put_char(k, covered);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn put_char(&mut self, k: char, covered: &mut Vec<Line>) {
        if self.mode == Mode::Replace {
            let len = chars::len_at(self.line(), self.cursor.col);
            let to = Pos { col: self.cursor.col + len, ..self.cursor };
            covered.push(self.line()[self.cursor.col..to.col].to_vec());
            self.buffer.remove(self.cursor, to);
        }
        let bytes = pattern::encode(&[k]);
        let lines = bytes.split(|c| *c == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        self.cursor = self.buffer.insert(self.cursor, &lines);
    }

    fn break_line(&mut self) {
        let indent = if self.settings.auto_indent { self.indent_of(self.cursor.line) } else { Line::new() };
        let rest = self.line()[self.cursor.col..].to_vec();
        if self.settings.auto_indent {
            let blanks = rest.iter().take_while(|c| matches!(c, b' ' | b'\t')).count();
            let to = Pos { col: self.cursor.col + blanks, ..self.cursor };
            self.buffer.remove(self.cursor, to);
        }
        self.cursor = self.buffer.insert(self.cursor, &[Line::new(), indent]);
    }

    fn rub_out(&mut self, start: Pos, covered: &mut Vec<Line>) {
        if self.mode == Mode::Replace {
            // The overwritten character comes back.
            if let Some(old) = covered.pop() {
                let col = chars::before(self.line(), self.cursor.col);
                let from = Pos { col, ..self.cursor };
                self.buffer.remove(from, self.cursor);
                self.buffer.insert(from, &[old]);
                self.cursor = from;
            } else if self.cursor.col > 0 {
                self.cursor.col = chars::before(self.line(), self.cursor.col);
            }
            return;
        }
        if self.cursor.col > 0 {
            let col = chars::before(self.line(), self.cursor.col);
            self.erase_to(col, Pos { col: if self.cursor > start { 0 } else { start.col }, ..start });
        } else if self.cursor.line > 0 {
            let line = self.cursor.line - 1;
            let from = Pos { line, col: self.buffer.line(line).len() };
            self.buffer.remove(from, self.cursor);
            self.cursor = from;
        }
    }

    /// Erases back to a column, first only what was typed.
    fn erase_to(&mut self, col: usize, start: Pos) {
        let stop = if self.cursor.line == start.line && self.cursor.col > start.col { start.col } else { 0 };
        let from = Pos { col: col.max(stop), ..self.cursor };
        if from < self.cursor {
            self.buffer.remove(from, self.cursor);
            self.cursor = from;
        }
    }

    fn move_in(&mut self, k: char) {
        let last = self.buffer.len() - 1;
        let column = chars::column(self.line(), self.cursor.col, self.settings.tab);
        let rows = self.rows();
        let line = match k {
            key::UP => self.cursor.line.saturating_sub(1),
            key::DOWN => (self.cursor.line + 1).min(last),
            key::PAGE_UP => self.cursor.line.saturating_sub(rows),
            key::PAGE_DOWN => (self.cursor.line + rows).min(last),
            _ => self.cursor.line,
        };
        let text = self.buffer.line(line);
        self.cursor.col = match k {
            key::LEFT => chars::before(text, self.cursor.col),
            key::RIGHT => self.cursor.col + chars::len_at(text, self.cursor.col),
            key::HOME => 0,
            key::END => text.len(),
            _ if chars::column(text, text.len(), self.settings.tab) <= column => text.len(),
            _ => chars::place_of(text, column, self.settings.tab),
        };
        self.cursor.line = line;
    }
}
