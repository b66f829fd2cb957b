//! Operators: what is done with the text that a motion passes; registers, and putting back.

use crate::buffer::{Line, Pos};
use crate::chars;
use crate::editor::{Done, Editor, Mode, Register, Stop};
use crate::keys::key;
use crate::motion::{Motion, Reach};

/// Text that an operator takes: from a place to that behind its end, or whole lines.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub from: Pos,
    pub to: Pos,
    pub linewise: bool,
}

impl Editor {
    /// An operator with the motion that follows.
    pub fn operator(&mut self, operator: char, count: Option<usize>) -> Done {
        let mut count = count;
        let mut k = self.key()?;
        let mut digits = None;
        while k.is_ascii_digit() && (k != '0' || digits.is_some()) {
            digits = Some(digits.unwrap_or(0usize).saturating_mul(10).saturating_add(k as usize - '0' as usize).min(99_999_999));
            k = self.key()?;
        }
        if let Some(digits) = digits {
            count = Some(count.unwrap_or(1).saturating_mul(digits));
        }
        let span = self.span(operator, k, count)?;
        self.apply(operator, span)
    }

    fn span(&mut self, operator: char, k: char, count: Option<usize>) -> Done<Span> {
        let n = count.unwrap_or(1);
        if k == operator || (operator == 'U' && k == 'u') {
            let last = (self.cursor.line + n - 1).min(self.buffer.len() - 1);
            if n > 1 && last == self.cursor.line {
                return Err(Stop::Beep);
            }
            return Ok(self.lines(self.cursor.line, last));
        }
        if matches!(k, 'i' | 'a') {
            let kind = self.key()?;
            let (from, to) = self.object(k == 'a', kind)?;
            return Ok(Span { from, to, linewise: false });
        }
        let k = self.change_word(operator, k);
        if k == 'g' {
            let second = self.key()?;
            if second != 'g' {
                return Err(Stop::Beep);
            }
            let line = count.map_or(0, |n| n - 1).min(self.buffer.len() - 1);
            return Ok(self.lines(self.cursor.line.min(line), self.cursor.line.max(line)));
        }
        let start = self.cursor;
        let wanted = self.wanted;
        let motion = self.motion(k, count, true)?.ok_or(Stop::Beep)?;
        self.wanted = wanted;
        Ok(self.passed(start, motion, matches!(k, 'w' | 'W')))
    }

    /// `cw` ends with the word, and on blanks takes one of them as `cw` of vi does.
    fn change_word(&self, operator: char, k: char) -> char {
        if operator != 'c' || !matches!(k, 'w' | 'W') || self.class_at(self.cursor, false) == chars::Class::Blank {
            return k;
        }
        // At the last character of a word `e` would run on to the next.
        let next = self.cursor.col + chars::len_at(self.line(), self.cursor.col);
        let big = k == 'W';
        let ends = chars::class(self.line(), next, big) != self.class_at(self.cursor, big);
        match (ends, big) {
            (true, _) => 'l',
            (false, true) => 'E',
            (false, false) => 'e',
        }
    }

    pub fn lines(&self, from: usize, to: usize) -> Span {
        let end = self.buffer.line(to).len();
        Span { from: Pos { line: from, col: 0 }, to: Pos { line: to, col: end }, linewise: true }
    }

    /// Returns the span between the start of a motion and its end.
    fn passed(&self, start: Pos, motion: Motion, word: bool) -> Span {
        let (from, mut to) = if motion.to < start { (motion.to, start) } else { (start, motion.to) };
        match motion.reach {
            Reach::Lines => return self.lines(from.line, to.line),
            Reach::Inclusive => to.col += chars::len_at(self.buffer.line(to.line), to.col),
            // A motion to the start of a line ends with the line before; from the first word on,
            // that is whole lines.
            Reach::Exclusive if to.col == 0 && to.line > from.line && !word => {
                to = Pos { line: to.line - 1, col: self.buffer.line(to.line - 1).len() };
                let head = &self.buffer.line(from.line)[..from.col];
                if head.iter().all(|c| matches!(c, b' ' | b'\t')) {
                    return self.lines(from.line, to.line);
                }
            }
            Reach::Exclusive => {}
        }
        Span { from, to, linewise: false }
    }

    /// Does an operator's work.
    pub fn apply(&mut self, operator: char, span: Span) -> Done {
        self.repeatable = operator != 'y';
        match operator {
            'd' => {
                self.delete(span);
                Ok(())
            }
            'y' => {
                self.copy(span, false);
                if span.linewise {
                    self.cursor.line = span.from.line;
                } else {
                    self.cursor = span.from;
                }
                Ok(())
            }
            'c' => self.change(span),
            '>' | '<' => {
                self.shift(span.from.line, span.to.line, operator == '>', 1);
                self.go_to_line(span.from.line);
                Ok(())
            }
            '!' => {
                let (from, to) = (span.from.line, span.to.line);
                let command = self.prompt_with(':', &format!("{},{}!", from + 1, to + 1))?;
                self.colon(&command)
            }
            'u' | 'U' | '~' => {
                self.change_case(span, operator);
                Ok(())
            }
            _ => Err(Stop::Beep),
        }
    }

    /// Puts a text into the register that was named, and into the numbered ones if it was deleted.
    pub fn copy(&mut self, span: Span, deleted: bool) {
        let lines = if span.linewise {
            self.buffer.lines()[span.from.line..=span.to.line].to_vec()
        } else {
            self.buffer.slice(span.from, span.to)
        };
        self.keep(Register { lines, linewise: span.linewise }, deleted);
    }

    /// Puts a register's content in its place.
    pub fn keep(&mut self, content: Register, deleted: bool) {
        match self.chosen {
            Some('_') => return,
            Some(name) if name.is_ascii_uppercase() => {
                let old = self.registers.entry(name.to_ascii_lowercase()).or_default();
                if old.linewise || content.linewise || old.lines.is_empty() {
                    old.linewise |= content.linewise;
                    old.lines.extend(content.lines.clone());
                } else {
                    let mut new = content.lines.clone().into_iter();
                    if let (Some(last), Some(first)) = (old.lines.last_mut(), new.next()) {
                        last.extend(first);
                    }
                    old.lines.extend(new);
                }
            }
            Some(name) => {
                self.registers.insert(name, content.clone());
            }
            None if deleted && (content.linewise || content.lines.len() > 1) => {
                for number in ('1'..='8').rev() {
                    if let Some(old) = self.registers.remove(&number) {
                        let next = char::from(number as u8 + 1);
                        self.registers.insert(next, old);
                    }
                }
                self.registers.insert('1', content.clone());
            }
            None if !deleted => {
                self.registers.insert('0', content.clone());
            }
            None => {}
        }
        self.registers.insert('"', content);
    }

    pub fn delete(&mut self, span: Span) {
        self.copy(span, true);
        if span.linewise {
            self.buffer.replace(span.from.line, span.to.line - span.from.line + 1, Vec::new());
            self.go_to_line(span.from.line);
        } else {
            self.buffer.remove(span.from, span.to);
            self.cursor = span.from;
        }
    }

    pub fn change(&mut self, span: Span) -> Done {
        self.copy(span, true);
        if span.linewise {
            let indent = self.indent_of(span.from.line);
            let indent = if self.settings.auto_indent { indent } else { Line::new() };
            self.cursor = Pos { line: span.from.line, col: indent.len() };
            self.buffer.replace(span.from.line, span.to.line - span.from.line + 1, vec![indent]);
        } else {
            self.buffer.remove(span.from, span.to);
            self.cursor = span.from;
        }
        self.insert_mode(1, Mode::Insert)
    }

    /// Blanks at the start of a line.
    pub fn indent_of(&self, line: usize) -> Line {
        self.buffer.line(line).iter().copied().take_while(|c| matches!(c, b' ' | b'\t')).collect()
    }

    /// Blanks that fill so many columns.
    pub fn blanks(&self, columns: usize) -> Line {
        if self.settings.expand_tab {
            return vec![b' '; columns];
        }
        let tab = self.settings.tab;
        [vec![b'\t'; columns / tab], vec![b' '; columns % tab]].concat()
    }

    pub fn shift(&mut self, from: usize, to: usize, right: bool, times: usize) {
        let by = self.settings.shift * times;
        let mut changed = Vec::new();
        for line in from..=to {
            let text = self.buffer.line(line);
            let indent = self.indent_of(line);
            let columns = chars::column(&indent, indent.len(), self.settings.tab);
            let columns = if right { columns + by } else { columns.saturating_sub(by) };
            let rest = &text[indent.len()..];
            changed.push(if text.is_empty() { Line::new() } else { [self.blanks(columns), rest.to_vec()].concat() });
        }
        self.buffer.replace(from, to - from + 1, changed);
    }

    fn change_case(&mut self, span: Span, how: char) {
        let old = self.buffer.slice(span.from, span.to);
        let new: Vec<Line> = old.iter().map(|line| cased(line, how)).collect();
        self.buffer.remove(span.from, span.to);
        self.buffer.insert(span.from, &new);
        self.cursor = if span.linewise { Pos { line: span.from.line, ..self.cursor } } else { span.from };
    }

    /// `p` and `P`.
    pub fn put(&mut self, before: bool, count: usize) -> Done {
        let name = self.chosen.unwrap_or('"').to_ascii_lowercase();
        let register = self.registers.get(&name).filter(|r| !r.lines.is_empty()).cloned().ok_or(Stop::Beep)?;
        self.repeatable = true;
        if register.linewise {
            let lines: Vec<Line> = std::iter::repeat_n(register.lines, count).flatten().collect();
            let at = self.cursor.line + usize::from(!before);
            self.buffer.replace(at, 0, lines);
            self.go_to_line(at);
            return Ok(());
        }
        let line = self.line();
        let col = if before { self.cursor.col } else { self.cursor.col + chars::len_at(line, self.cursor.col) };
        let start = Pos { col, ..self.cursor };
        let mut end = start;
        for _ in 0..count {
            end = self.buffer.insert(end, &register.lines);
        }
        let several = end.line > start.line;
        self.cursor = if several { start } else { Pos { col: chars::before(self.buffer.line(end.line), end.col), ..end } };
        Ok(())
    }

    /// Asks for a line at the foot of the screen, which begins with a sign.
    pub fn prompt(&mut self, sign: char) -> Done<String> {
        self.prompt_with(sign, "")
    }

    pub fn prompt_with(&mut self, sign: char, start: &str) -> Done<String> {
        let mut text = start.to_owned();
        loop {
            self.message = format!("{sign}{text}");
            match self.key()? {
                '\r' | '\n' => break,
                key::ESCAPE | '\x03' => {
                    self.message.clear();
                    return Err(Stop::Beep);
                }
                '\x08' | '\x7f' if text.is_empty() => {
                    self.message.clear();
                    return Err(Stop::Beep);
                }
                '\x08' | '\x7f' => {
                    text.pop();
                }
                '\x15' => text.clear(),
                '\x17' => {
                    let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
                    text.truncate(kept);
                }
                '\x16' => text.push(self.key()?),
                k => text.push(k),
            }
        }
        self.message.clear();
        Ok(text)
    }
}

/// Text with the case of its letters changed: `u` small, `U` large, `~` the other one.
pub fn cased(line: &[u8], how: char) -> Line {
    let mut out = Line::new();
    for c in pattern::decode(line) {
        let upper = match how {
            'u' => false,
            'U' => true,
            _ => !c.is_uppercase(),
        };
        let mut changed: Vec<char> = if upper { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
        if changed.len() != 1 {
            changed = vec![c];
        }
        out.extend(pattern::encode(&changed));
    }
    out
}
