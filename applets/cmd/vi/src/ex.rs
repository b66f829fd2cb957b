//! Commands behind `:`: reading, and those that work on lines.

use crate::buffer::{Line, Pos};
use crate::editor::{Done, Editor, Register, Stop};
use crate::keys::key;
use crate::motion::unescaped;
use crate::operator::Span;
use crate::range::{Range, Words};

impl Editor {
    /// Does a line of commands, which `|` parts.
    pub fn colon(&mut self, line: &str) -> Done {
        let text = pattern::encode(&line.chars().collect::<Vec<_>>());
        self.ex_line(&text)
    }

    pub fn ex_line(&mut self, text: &[u8]) -> Done {
        let mut words = Words { text, at: 0 };
        while words.peek() == b':' || words.peek() == b' ' {
            words.at += 1;
        }
        if words.peek() == b'"' {
            return Ok(());
        }
        let range = self.range(&mut words)?;
        words.blanks();
        if words.peek() == b'!' {
            words.at += 1;
            return self.shell(words.rest(), range);
        }
        let sign = words.peek();
        let mut name = if matches!(sign, b'&' | b'<' | b'>' | b'=' | b'@' | b'~' | b'k') {
            words.at += 1;
            char::from(sign).to_string()
        } else {
            words.name()
        };
        // `s`, `g`, `v` and `mark` take their arguments without a blank before them: `sabc` is one word to no one.
        if name.is_empty() && words.rest().is_empty() {
            let Some(last) = range.last else { return Ok(()) };
            self.buffer.marks.insert('`', self.cursor);
            self.go_to_line(last.max(1) - 1);
            return Ok(());
        }
        let bang = words.peek() == b'!' && !matches!(name.as_str(), "s" | "&");
        if bang {
            words.at += 1;
            name.push('!');
        }
        if matches!(name.as_str(), "g" | "global" | "v" | "vglobal" | "g!" | "global!") {
            return self.global(&mut words, range, name.starts_with('v') || bang);
        }
        // A bar ends the command, but for those whose text it may be part of.
        let takes_all =
            matches!(name.as_str(), "w" | "write" | "r" | "read") && words.rest().trim_ascii_start().starts_with(b"!");
        let end = if takes_all { words.text.len() } else { words.at + unescaped(words.rest(), b'|') };
        let mut own = Words { text: &text[..end], at: words.at };
        self.ex_command(&name, range, &mut own)?;
        if end < text.len() { self.ex_line(&text[end + 1..]) } else { Ok(()) }
    }

    /// Lines of a range, the first of which is 0; the cursor's without one.
    pub fn span_of(&self, range: Range) -> (usize, usize) {
        let last = range.last.map_or(self.cursor.line, |last| last.max(1) - 1);
        (range.first.map_or(last, |first| first.max(1) - 1), last)
    }

    /// Commands on lines; false for all others.
    pub fn line_command(&mut self, name: &str, range: Range, words: &mut Words<'_>) -> Done<bool> {
        let (first, last) = self.span_of(range);
        match name {
            "s" | "substitute" | "&" | "~" => {
                self.substitute(words, first, last)?;
                return Ok(true);
            }
            "m" | "move" | "t" | "co" | "copy" => return self.carry(words, (first, last), name.starts_with('m')).map(|()| true),
            _ => {}
        }
        words.blanks();
        let argument = words.rest().first().copied();
        match name {
            "d" | "delete" | "y" | "yank" => {
                let last = self.counted(words, last);
                self.chosen = argument.filter(u8::is_ascii_alphabetic).map(char::from);
                let first = if last.1 { last.2 } else { first };
                let span = Span { from: Pos { line: first, col: 0 }, to: Pos { line: last.0, col: 0 }, linewise: true };
                if name.starts_with('d') { self.delete(span) } else { self.copy(span, false) }
            }
            "pu" | "put" | "pu!" | "put!" => {
                self.chosen = argument.map(char::from);
                self.put_lines(range.last.unwrap_or(self.cursor.line + 1), name.ends_with('!'))?;
            }
            "j" | "join" | "j!" | "join!" => {
                let last = if range.first.is_some() { last } else { first + 1 };
                self.cursor = Pos { line: first, col: 0 };
                self.join(Some(last - first + 1), !name.ends_with('!'))?;
            }
            "<" | ">" => {
                let times = 1 + words.rest().iter().take_while(|c| [**c] == *name.as_bytes()).count();
                self.shift(first, last, name == ">", times);
                self.go_to_line(last);
            }
            "=" => self.message = range.last.unwrap_or(self.buffer.len()).to_string(),
            "k" | "ma" | "mark" => {
                let mark = argument.ok_or(Stop::Say("the mark has no name".into()))?;
                self.buffer.marks.insert(char::from(mark), Pos { line: last, col: 0 });
            }
            "norm" | "normal" | "normal!" => {
                let keys = pattern::decode(words.rest());
                for line in first..=last.min(self.buffer.len() - 1) {
                    self.cursor = Pos { line, col: 0 };
                    self.normal_keys(&keys)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Types keys as a whole command.
    fn normal_keys(&mut self, keys: &[char]) -> Done {
        let mut own = crate::keys::Keys::script(b"");
        own.push(keys);
        own.push_back(key::ESCAPE);
        let mut outer = std::mem::replace(&mut self.keys, own);
        let screen = self.screen.take();
        let mut result = Ok(());
        while self.keys.is_pending() && result.is_ok() {
            result = self.normal();
        }
        std::mem::swap(&mut self.keys, &mut outer);
        self.screen = screen;
        self.mode = crate::editor::Mode::Normal;
        self.clamp();
        match result {
            Err(Stop::Beep | Stop::Hangup) => Ok(()),
            result => result,
        }
    }

    /// A count behind the name: so many lines from the last one on.
    fn counted(&self, words: &Words<'_>, last: usize) -> (usize, bool, usize) {
        let text = String::from_utf8_lossy(words.rest());
        let count = text.split_ascii_whitespace().next_back().and_then(|word| word.parse::<usize>().ok()).filter(|n| *n > 0);
        count.map_or((last, false, last), |count| ((last + count - 1).min(self.buffer.len() - 1), true, last))
    }

    /// Puts a register as lines behind a line, which counts from 1, or before it.
    fn put_lines(&mut self, line: usize, before: bool) -> Done {
        let name = self.chosen.unwrap_or('"').to_ascii_lowercase();
        let Register { lines, .. } = self.registers.get(&name).cloned().ok_or(Stop::Beep)?;
        let at = if before { line.max(1) - 1 } else { line };
        let count = lines.len();
        self.buffer.replace(at, 0, lines);
        self.go_to_line(at + count.max(1) - 1);
        Ok(())
    }

    /// `m` and `t`: lines to behind another line.
    fn carry(&mut self, words: &mut Words<'_>, (first, last): (usize, usize), away: bool) -> Done {
        let to = self.range(words)?.last.ok_or(Stop::Say("the line to go to is missing".into()))?;
        let lines: Vec<Line> = self.buffer.lines()[first..=last].to_vec();
        let count = lines.len();
        if !away {
            self.buffer.replace(to, 0, lines);
            self.go_to_line(to + count - 1);
            return Ok(());
        }
        if to > first && to <= last {
            return Err(Stop::Say("lines can't be moved into themselves".into()));
        }
        if to > last {
            self.buffer.replace(to, 0, lines);
            self.buffer.replace(first, count, Vec::new());
            self.go_to_line(to - 1);
        } else {
            self.buffer.replace(first, count, Vec::new());
            self.buffer.replace(to, 0, lines);
            self.go_to_line(to + count - 1);
        }
        Ok(())
    }

    /// `g/PATTERN/COMMAND`: the lines are marked first, then the command is done at each that is still there.
    fn global(&mut self, words: &mut Words<'_>, range: Range, others: bool) -> Done {
        words.blanks();
        let delimiter = words.peek();
        if !delimiter.is_ascii_punctuation() {
            return Err(Stop::Say("the pattern is missing".into()));
        }
        words.at += 1;
        let pattern = words.delimited(delimiter);
        self.set_pattern(&pattern, true)?;
        words.at = words.at.min(words.text.len());
        let command = if words.rest().is_empty() { b"p".to_vec() } else { words.rest().to_vec() };
        let (first, last) = if range.last.is_some() { self.span_of(range) } else { (0, self.buffer.len() - 1) };
        let mut found = Vec::new();
        for line in first..=last {
            let Some(search) = &self.search else { break };
            let fits = search.pattern.is_match(self.buffer.line(line)).map_err(|e| Stop::Say(e.to_string()))?;
            if fits != others {
                found.push(line);
            }
        }
        if found.is_empty() {
            return Err(Stop::Say(format!("no match: {}", String::from_utf8_lossy(&pattern))));
        }
        // Marks follow their lines; these have names that no key has.
        let name = |at: usize| char::from_u32(0x10_0000 + (at % 0xff00) as u32).unwrap_or('\0');
        for chunk in found.chunks(0xff00) {
            for (at, line) in chunk.iter().enumerate() {
                self.buffer.marks.insert(name(at), Pos { line: *line, col: 0 });
            }
            for at in 0..chunk.len() {
                let Some(mark) = self.buffer.marks.remove(&name(at)) else { continue };
                self.cursor = Pos { line: mark.line.min(self.buffer.len() - 1), col: 0 };
                match self.ex_line(&command) {
                    Ok(()) | Err(Stop::Beep | Stop::Say(_)) => {}
                    Err(stop) => return Err(stop),
                }
            }
        }
        Ok(())
    }
}
