//! Motions: where a key leads, and how much of the text an operator takes on the way.

use crate::buffer::Pos;
use crate::chars::{self};
use crate::editor::{Done, Editor, Find, Stop};
use crate::keys::key;

/// Extent of an operator over a motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Without the character at its end.
    Exclusive,
    /// With it.
    Inclusive,
    /// Whole lines.
    Lines,
}

/// Target of a motion.
#[derive(Debug, Clone, Copy)]
pub struct Motion {
    pub to: Pos,
    pub reach: Reach,
}

const fn exclusive(to: Pos) -> Motion {
    Motion { to, reach: Reach::Exclusive }
}

const fn inclusive(to: Pos) -> Motion {
    Motion { to, reach: Reach::Inclusive }
}

const fn lines(line: usize) -> Motion {
    Motion { to: Pos { line, col: 0 }, reach: Reach::Lines }
}

impl Editor {
    /// The motion of a key; none if it is another command's. `operator` tells if one waits for it.
    pub fn motion(&mut self, k: char, count: Option<usize>, operator: bool) -> Done<Option<Motion>> {
        let n = count.unwrap_or(1);
        let at = self.cursor;
        let last = self.buffer.len() - 1;
        Ok(Some(match k {
            'h' | key::LEFT | '\x08' | '\x7f' => exclusive(self.left(n)?),
            'l' | key::RIGHT | ' ' => exclusive(self.right(n, operator)?),
            'j' | key::DOWN | '\n' | '\x0e' => self.down(n)?,
            'k' | key::UP | '\x10' => self.up(n)?,
            '+' | '\r' => self.shown(lines((at.line + n).min(last)), at.line + n <= last)?,
            '-' => self.shown(lines(at.line.saturating_sub(n)), at.line >= n)?,
            '_' => self.shown(lines((at.line + n - 1).min(last)), at.line + n - 1 <= last)?,
            '0' | key::HOME => exclusive(Pos { col: 0, ..at }),
            '^' => exclusive(Pos { col: chars::first_shown(self.line()), ..at }),
            '$' | key::END => self.line_end(n)?,
            '|' => exclusive(Pos { col: chars::place_of(self.line(), n - 1, self.settings.tab), ..at }),
            'w' | 'W' => exclusive(self.word_forward(n, k == 'W', operator)?),
            'b' | 'B' => exclusive(self.word_back(n, k == 'B')?),
            'e' | 'E' => inclusive(self.word_end(n, k == 'E')?),
            'G' => self.shown(lines(count.map_or(last, |n| n.saturating_sub(1).min(last))), true)?,
            'H' => self.shown(lines((self.top + n - 1).min(last)), true)?,
            'M' => self.shown(lines((self.top + self.rows().min(last + 1 - self.top.min(last)) / 2).min(last)), true)?,
            'L' => self.shown(lines((self.top + self.rows()).saturating_sub(n).min(last)), true)?,
            'f' | 't' | 'F' | 'T' => {
                let target = self.key()?;
                let find = Find { target, forward: matches!(k, 'f' | 't'), till: matches!(k, 't' | 'T') };
                self.find = Some(find);
                self.find_char(find, n, false)?
            }
            ';' | ',' => {
                let find = self.find.ok_or(Stop::Beep)?;
                self.find_char(Find { forward: find.forward == (k == ';'), ..find }, n, true)?
            }
            '%' => inclusive(self.bracket()?),
            '{' => exclusive(self.paragraph(n, false)),
            '}' => exclusive(self.paragraph(n, true)),
            '(' => exclusive(self.sentence(n, false)),
            ')' => exclusive(self.sentence(n, true)),
            '/' | '?' => exclusive(self.ask_search(k, n)?),
            'n' | 'N' => exclusive(self.jump(|e| e.search_again(at, n, k == 'N'))?),
            '*' | '#' => exclusive(self.search_word(k == '*', n)?),
            '\'' | '`' => self.mark(k)?,
            _ => return Ok(None),
        }))
    }

    /// Remembers the place before a long jump, for `` ` ` `` and `''`.
    pub fn jump(&mut self, to: impl FnOnce(&mut Self) -> Done<Pos>) -> Done<Pos> {
        let from = self.cursor;
        let to = to(self)?;
        self.buffer.marks.insert('`', from);
        Ok(to)
    }

    /// A motion by lines, to the first character that is no blank.
    fn shown(&mut self, motion: Motion, possible: bool) -> Done<Motion> {
        if !possible {
            return Err(Stop::Beep);
        }
        let line = motion.to.line;
        if line.abs_diff(self.cursor.line) > 1 {
            self.buffer.marks.insert('`', self.cursor);
        }
        Ok(Motion { to: Pos { line, col: chars::first_shown(self.buffer.line(line)) }, ..motion })
    }

    fn left(&self, n: usize) -> Done<Pos> {
        let mut col = self.cursor.col;
        if col == 0 {
            return Err(Stop::Beep);
        }
        for _ in 0..n {
            col = chars::before(self.line(), col);
        }
        Ok(Pos { col, ..self.cursor })
    }

    fn right(&self, n: usize, operator: bool) -> Done<Pos> {
        let line = self.line();
        let limit = if operator { line.len() } else { chars::last(line) };
        if self.cursor.col >= limit {
            return Err(Stop::Beep);
        }
        let mut col = self.cursor.col;
        for _ in 0..n {
            col = (col + chars::len_at(line, col)).min(limit);
        }
        Ok(Pos { col, ..self.cursor })
    }

    fn wanted_column(&mut self) -> usize {
        let column = chars::column(self.line(), self.cursor.col, self.settings.tab);
        *self.wanted.get_or_insert(column)
    }

    fn in_column(&mut self, line: usize) -> Motion {
        let wanted = self.wanted_column();
        let col = chars::place_of(self.buffer.line(line), wanted, self.settings.tab);
        Motion { to: Pos { line, col }, reach: Reach::Lines }
    }

    fn down(&mut self, n: usize) -> Done<Motion> {
        let last = self.buffer.len() - 1;
        if self.cursor.line == last { Err(Stop::Beep) } else { Ok(self.in_column((self.cursor.line + n).min(last))) }
    }

    fn up(&mut self, n: usize) -> Done<Motion> {
        if self.cursor.line == 0 { Err(Stop::Beep) } else { Ok(self.in_column(self.cursor.line.saturating_sub(n))) }
    }

    fn line_end(&mut self, n: usize) -> Done<Motion> {
        let line = self.cursor.line + n - 1;
        if line >= self.buffer.len() {
            return Err(Stop::Beep);
        }
        self.wanted = Some(usize::MAX);
        let text = self.buffer.line(line);
        let to = Pos { line, col: chars::last(text) };
        // An operator has nothing to take in an empty line.
        Ok(if text.is_empty() { exclusive(to) } else { inclusive(to) })
    }

    /// The next place; an empty line is one. None at the end of the text.
    pub fn next_place(&self, at: Pos) -> Option<Pos> {
        let line = self.buffer.line(at.line);
        let col = at.col + chars::len_at(line, at.col);
        if col < line.len() {
            return Some(Pos { col, ..at });
        }
        (at.line + 1 < self.buffer.len()).then_some(Pos { line: at.line + 1, col: 0 })
    }

    pub fn place_before(&self, at: Pos) -> Option<Pos> {
        if at.col > 0 {
            return Some(Pos { col: chars::before(self.buffer.line(at.line), at.col), ..at });
        }
        let line = at.line.checked_sub(1)?;
        Some(Pos { line, col: chars::last(self.buffer.line(line)) })
    }

    pub fn is_empty_line(&self, at: Pos) -> bool {
        self.buffer.line(at.line).is_empty()
    }

    fn find_char(&self, find: Find, n: usize, again: bool) -> Done<Motion> {
        let line = self.line();
        let target = pattern::encode(&[find.target]);
        let fits = |at: usize| line[at..].starts_with(&target);
        let mut at = self.cursor.col;
        // Behind `t` the next one is where the cursor stands already.
        let mut skip = usize::from(again && find.till && n == 1);
        let mut left = n;
        while left > 0 {
            if find.forward {
                at += chars::len_at(line, at);
                if at >= line.len() {
                    return Err(Stop::Beep);
                }
            } else {
                if at == 0 {
                    return Err(Stop::Beep);
                }
                at = chars::before(line, at);
            }
            if fits(at) && skip == 0 {
                left -= 1;
            }
            skip = skip.saturating_sub(1);
        }
        if find.till {
            at = if find.forward { chars::before(line, at) } else { at + chars::len_at(line, at) };
        }
        let to = Pos { col: at, ..self.cursor };
        Ok(if find.forward { inclusive(to) } else { exclusive(to) })
    }

    /// The bracket that belongs to the next one in the line.
    fn bracket(&mut self) -> Done<Pos> {
        let line = self.line();
        let col = line.iter().skip(self.cursor.col).position(|c| b"()[]{}".contains(c)).ok_or(Stop::Beep)? + self.cursor.col;
        let c = line[col];
        let other = match c {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        let forward = b"([{".contains(&c);
        let (mut at, mut depth) = (Pos { col, ..self.cursor }, 1);
        while depth > 0 {
            at = if forward { self.next_place(at) } else { self.place_before(at) }.ok_or(Stop::Beep)?;
            match self.buffer.line(at.line).get(at.col) {
                Some(found) if *found == c => depth += 1,
                Some(found) if *found == other => depth -= 1,
                _ => {}
            }
        }
        Ok(at)
    }

    fn ask_search(&mut self, k: char, n: usize) -> Done<Pos> {
        let text = self.prompt(k)?;
        let text = pattern::encode(&text.chars().collect::<Vec<_>>());
        let end = unescaped(&text, k as u8);
        self.set_pattern(&text[..end], k == '/')?;
        let from = self.cursor;
        self.jump(|e| e.search_again(from, n, false))
    }

    fn mark(&mut self, k: char) -> Done<Motion> {
        let name = match self.key()? {
            '\'' => '`',
            name => name,
        };
        let mut to = *self.buffer.marks.get(&name).ok_or(Stop::Say("the mark is not set".into()))?;
        to.line = to.line.min(self.buffer.len() - 1);
        to.col = to.col.min(chars::last(self.buffer.line(to.line)));
        self.buffer.marks.insert('`', self.cursor);
        if k == '`' {
            return Ok(exclusive(to));
        }
        to.col = chars::first_shown(self.buffer.line(to.line));
        Ok(Motion { to, reach: Reach::Lines })
    }
}

/// Place of a delimiter that no backslash stands before, or the end.
pub fn unescaped(text: &[u8], delimiter: u8) -> usize {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            c if c == delimiter => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}
