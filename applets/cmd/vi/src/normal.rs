//! Commands of the normal mode.

use crate::buffer::Pos;
use crate::chars;
use crate::editor::{Done, Editor, Stop};
use crate::keys::key;
use crate::operator::Span;

/// Largest count: what is larger is a mistake that would fill the memory.
const LARGEST_COUNT: usize = 99_999_999;

impl Editor {
    /// Reads and does one command.
    pub fn normal(&mut self) -> Done {
        let mut count = None;
        loop {
            let k = self.key()?;
            match k {
                '1'..='9' => count = Some(more(count, k)),
                '0' if count.is_some() => count = Some(more(count, k)),
                '"' => self.chosen = Some(self.key()?),
                _ => return self.normal_key(k, count),
            }
        }
    }

    fn normal_key(&mut self, k: char, count: Option<usize>) -> Done {
        if k != ':' {
            self.message.clear();
        }
        match k {
            'd' | 'c' | 'y' | '<' | '>' | '!' => return self.operator(k, count),
            'g' => return self.g_command(count),
            'z' => return self.z_command(count),
            'Z' => {
                return match self.key()? {
                    'Z' => self.colon("x"),
                    'Q' => self.colon("q!"),
                    _ => Err(Stop::Beep),
                };
            }
            ':' => {
                let start = count.map_or(String::new(), |n| if n == 1 { ".".into() } else { format!(".,.+{}", n - 1) });
                let command = self.prompt_with(':', &start)?;
                return self.colon(&command);
            }
            key::ESCAPE => return if count.is_some() || self.chosen.is_some() { Ok(()) } else { Err(Stop::Beep) },
            '.' => return self.repeat(count),
            _ => {}
        }
        if self.scroll(k, count)? || self.edit(k, count)? {
            return Ok(());
        }
        let Some(motion) = self.motion(k, count, false)? else { return Err(Stop::Beep) };
        self.go(k, motion.to);
        Ok(())
    }

    /// Moves the cursor; all but `j`, `k` and `$` forget the column that is kept.
    pub fn go(&mut self, k: char, to: Pos) {
        self.cursor = to;
        if !matches!(k, 'j' | 'k' | '$' | '\n' | '\x0e' | '\x10' | key::UP | key::DOWN | key::END) {
            self.wanted = None;
        }
    }

    /// Does the last change again, with another count if there is one.
    fn repeat(&mut self, count: Option<usize>) -> Done {
        if self.last_change.is_empty() || self.keys.replays() {
            return Err(Stop::Beep);
        }
        let mut keys = self.last_change.clone();
        if let Some(count) = count {
            let register = if keys.first() == Some(&'"') { 2 } else { 0 };
            let digits = keys.iter().skip(register).take_while(|k| k.is_ascii_digit()).count();
            // A zero at the front is a motion, and no change begins with it.
            keys.splice(register..register + digits, count.to_string().chars());
            self.last_change.clone_from(&keys);
        }
        self.keys.push(&keys);
        self.keys.set_replays(true);
        Ok(())
    }

    fn g_command(&mut self, count: Option<usize>) -> Done {
        match self.key()? {
            'g' => {
                self.buffer.marks.insert('`', self.cursor);
                self.go_to_line(count.map_or(0, |n| n - 1));
                Ok(())
            }
            'J' => self.join(count, false),
            '~' => self.operator('~', count),
            'u' => self.operator('u', count),
            'U' => self.operator('U', count),
            _ => Err(Stop::Beep),
        }
    }

    fn z_command(&mut self, count: Option<usize>) -> Done {
        if let Some(line) = count {
            self.go_to_line(line - 1);
        }
        let rows = self.rows();
        self.top = match self.key()? {
            '\r' | '\n' | 't' => self.cursor.line,
            '.' | 'z' => self.cursor.line.saturating_sub(rows / 2),
            '-' | 'b' => (self.cursor.line + 1).saturating_sub(rows),
            _ => return Err(Stop::Beep),
        };
        Ok(())
    }

    /// Keys that move the window; false for all others.
    fn scroll(&mut self, k: char, count: Option<usize>) -> Done<bool> {
        let rows = self.rows();
        let n = count.unwrap_or(1);
        let last = self.buffer.len() - 1;
        match k {
            '\x06' | key::PAGE_DOWN => {
                if self.top >= last && self.cursor.line >= last {
                    return Err(Stop::Beep);
                }
                self.top = (self.top + rows.saturating_sub(2).max(1) * n).min(last);
                self.go_to_line(self.top.max(self.cursor.line.min(self.top)));
            }
            '\x02' | key::PAGE_UP => {
                if self.top == 0 && self.cursor.line == 0 {
                    return Err(Stop::Beep);
                }
                self.top = self.top.saturating_sub(rows.saturating_sub(2).max(1) * n);
                self.go_to_line(self.cursor.line.min((self.top + rows).saturating_sub(1)));
            }
            '\x04' | '\x15' => {
                let by = count.unwrap_or(rows / 2).max(1);
                let (top, line) = if k == '\x04' {
                    ((self.top + by).min(last), (self.cursor.line + by).min(last))
                } else {
                    (self.top.saturating_sub(by), self.cursor.line.saturating_sub(by))
                };
                if line == self.cursor.line {
                    return Err(Stop::Beep);
                }
                self.top = top;
                self.go_to_line(line);
            }
            '\x05' => {
                self.top = (self.top + n).min(last);
                self.cursor.line = self.cursor.line.max(self.top);
            }
            '\x19' => {
                self.top = self.top.saturating_sub(n);
                self.cursor.line = self.cursor.line.min((self.top + rows).saturating_sub(1));
            }
            '\x0c' => {
                if let Some(screen) = &mut self.screen {
                    screen.forget();
                }
            }
            '\x07' => self.message = self.status(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Name, place and size, as Ctrl-G tells.
    pub fn status(&self) -> String {
        let name = self.path.as_ref().map_or_else(|| "no file".to_owned(), |path| format!("\"{}\"", path.display()));
        let changed = if self.buffer.modified { ", changed" } else { "" };
        format!("{name}{changed}, line {} of {}", self.cursor.line + 1, self.buffer.len())
    }

    /// Keys that change the text; false for all others.
    fn edit(&mut self, k: char, count: Option<usize>) -> Done<bool> {
        let n = count.unwrap_or(1);
        match k {
            'i' | 'I' | 'a' | 'A' | 'o' | 'O' | 'R' | key::INSERT => self.begin_insert(k, n)?,
            'x' | key::DELETE => {
                let to = self.advanced(n);
                self.apply('d', Span { from: self.cursor, to: self.some(to)?, linewise: false })?;
            }
            'X' => {
                let motion = self.motion('h', count, true)?.ok_or(Stop::Beep)?;
                self.apply('d', Span { from: motion.to, to: self.cursor, linewise: false })?;
            }
            's' => {
                let to = self.advanced(n);
                self.apply('c', Span { from: self.cursor, to, linewise: false })?;
            }
            'D' | 'C' => {
                let line = (self.cursor.line + n - 1).min(self.buffer.len() - 1);
                let to = Pos { line, col: self.buffer.line(line).len() };
                self.apply(k.to_ascii_lowercase(), Span { from: self.cursor, to, linewise: false })?;
            }
            'S' | 'Y' => {
                let last = (self.cursor.line + n - 1).min(self.buffer.len() - 1);
                let span = self.lines(self.cursor.line, last);
                self.apply(if k == 'S' { 'c' } else { 'y' }, span)?;
            }
            'p' | 'P' => self.put(k == 'P', n)?,
            'J' => self.join(count, true)?,
            'r' => self.replace_chars(n)?,
            '~' => {
                let to = self.advanced(n);
                let from = self.cursor;
                let to = self.some(to)?;
                self.apply('~', Span { from, to, linewise: false })?;
                self.cursor = to;
            }
            'u' | '\x12' | 'U' => {
                for _ in 0..n {
                    let place = if k == '\x12' { self.buffer.redo() } else { self.buffer.undo() };
                    self.cursor = place.ok_or_else(|| Stop::Say("nothing more to take back or do again".into()))?;
                }
                self.clamp();
                self.wanted = None;
            }
            '&' => self.colon("s")?,
            'm' => {
                let name = self.key()?;
                self.buffer.marks.insert(if name == '\'' { '`' } else { name }, self.cursor);
            }
            '@' => self.play(n)?,
            'v' | 'V' => self.visual(k == 'V')?,
            _ => return Ok(false),
        }
        if k != '$' {
            self.wanted = None;
        }
        Ok(true)
    }

    /// So many characters on in the line.
    fn advanced(&self, n: usize) -> Pos {
        let line = self.line();
        let mut col = self.cursor.col;
        for _ in 0..n.min(line.len()) {
            col += chars::len_at(line, col);
        }
        Pos { col, ..self.cursor }
    }

    fn some(&self, to: Pos) -> Done<Pos> {
        if to == self.cursor { Err(Stop::Beep) } else { Ok(to) }
    }

    /// `J` joins lines with a blank, `gJ` as they are.
    pub fn join(&mut self, count: Option<usize>, blanks: bool) -> Done {
        let lines = count.unwrap_or(2).max(2);
        if self.cursor.line + 1 >= self.buffer.len() {
            return Err(Stop::Beep);
        }
        self.repeatable = true;
        let last = (self.cursor.line + lines - 1).min(self.buffer.len() - 1);
        let mut joined = self.line().to_vec();
        let mut col = 0;
        for line in self.cursor.line + 1..=last {
            let text = self.buffer.line(line);
            col = joined.len();
            if !blanks {
                joined.extend_from_slice(text);
                continue;
            }
            let text = text.trim_ascii_start();
            let tight = text.is_empty()
                || text.starts_with(b")")
                || joined.is_empty()
                || joined.ends_with(b" ")
                || joined.ends_with(b"\t");
            if !tight {
                joined.push(b' ');
            }
            joined.extend_from_slice(text);
        }
        self.buffer.replace(self.cursor.line, last - self.cursor.line + 1, vec![joined]);
        self.cursor.col = col;
        Ok(())
    }

    fn replace_chars(&mut self, n: usize) -> Done {
        let k = self.key()?;
        if k == key::ESCAPE {
            return Ok(());
        }
        let k = if k == '\x16' { self.key()? } else { k };
        let line = self.line().to_vec();
        let mut end = self.cursor.col;
        for _ in 0..n {
            let len = chars::len_at(&line, end);
            if len == 0 {
                return Err(Stop::Beep);
            }
            end += len;
        }
        self.repeatable = true;
        let to = Pos { col: end, ..self.cursor };
        self.buffer.remove(self.cursor, to);
        if matches!(k, '\r' | '\n') {
            self.buffer.insert(self.cursor, &[Vec::new(), Vec::new()]);
            self.go_to_line(self.cursor.line + 1);
            return Ok(());
        }
        let new = pattern::encode(&vec![k; n]);
        let len = new.len() / n;
        let last = new.len() - len;
        self.buffer.insert(self.cursor, &[new]);
        self.cursor.col += last;
        Ok(())
    }

    /// `@r` types what a register holds.
    fn play(&mut self, n: usize) -> Done {
        let name = self.key()?;
        let register = self.registers.get(&name.to_ascii_lowercase()).ok_or(Stop::Beep)?;
        let mut text = register.lines.join(&b'\n');
        if register.linewise {
            text.push(b'\n');
        }
        let keys = pattern::decode(&text);
        for _ in 0..n.min(1000) {
            self.keys.push(&keys);
        }
        Ok(())
    }
}

fn more(count: Option<usize>, digit: char) -> usize {
    let digit = digit.to_digit(10).unwrap_or(0) as usize;
    count.unwrap_or(0).saturating_mul(10).saturating_add(digit).min(LARGEST_COUNT)
}
