//! The screen: rows of text and one for messages. Only rows that changed are written, for serial lines are slow.

use std::fs::File;
use std::io::Write;

use rustix::termios::{InputModes, OutputModes};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use kit::{Context, Result};

use crate::buffer::Pos;
use crate::chars;
use crate::editor::{Editor, Mode};

/// Size of a terminal that does not know its own, as on a serial line.
const USUAL: (usize, usize) = (24, 80);

/// Terminal in raw mode, until it is dropped.
pub struct Screen {
    terminal: File,
    before: Termios,
    rows: usize,
    columns: usize,
    /// As they stand on the terminal.
    shown: Vec<String>,
}

impl Drop for Screen {
    fn drop(&mut self) {
        let text = format!("\x1b[{};1H\x1b[K", self.rows);
        // A terminal that is gone needs neither.
        let _ = self.terminal.write_all(text.as_bytes());
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It is none.
    pub fn new(terminal: File) -> Result<Self> {
        let before = tcgetattr(&terminal).doing("ask the terminal")?;
        let mut screen = Self { terminal, before, rows: 0, columns: 0, shown: Vec::new() };
        screen.raw()?;
        screen.measure();
        Ok(screen)
    }

    /// Each key by itself, and none with a meaning for the kernel.
    fn raw(&self) -> Result<()> {
        let mut raw = self.before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON | InputModes::ISTRIP;
        raw.output_modes -= OutputModes::OPOST;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&self.terminal, OptionalActions::Drain, &raw).doing("set the terminal")
    }

    /// Gives the terminal to another program, or takes it back.
    ///
    /// # Errors
    /// The terminal does not answer.
    pub fn lend(&mut self, away: bool) -> Result<()> {
        self.forget();
        if !away {
            return self.raw();
        }
        let text = format!("\x1b[{};1H\x1b[K\r\n", self.rows);
        self.terminal.write_all(text.as_bytes()).doing("write the terminal")?;
        tcsetattr(&self.terminal, OptionalActions::Drain, &self.before).doing("set the terminal")
    }

    /// Asks for the size; true if it is another one.
    pub fn measure(&mut self) -> bool {
        let size = tcgetwinsize(&self.terminal).ok().filter(|size| size.ws_row > 1 && size.ws_col > 1);
        let (rows, columns) = size.map_or(USUAL, |size| (size.ws_row.into(), size.ws_col.into()));
        let other = (rows, columns) != (self.rows, self.columns);
        if other {
            (self.rows, self.columns) = (rows, columns);
            self.forget();
        }
        other
    }

    pub const fn text_rows(&self) -> usize {
        self.rows - 1
    }

    /// Draws all anew next time.
    pub fn forget(&mut self) {
        self.shown.clear();
    }

    pub fn bell(&mut self) {
        // A terminal that is gone rings no bell.
        let _ = self.terminal.write_all(b"\x07");
    }

    /// Draws what the editor shows.
    pub fn draw(&mut self, editor: &mut Editor) {
        let layout = Layout { columns: self.columns, rows: self.text_rows(), prefix: if editor.settings.number { 7 } else { 0 } };
        let mut view = layout.view(editor);
        view.rows.resize(self.text_rows(), "~".into());
        let mode = match editor.mode {
            Mode::Normal => "",
            Mode::Insert => "-- INSERT --",
            Mode::Replace => "-- REPLACE --",
            Mode::Visual(false) => "-- VISUAL --",
            Mode::Visual(true) => "-- VISUAL LINE --",
        };
        let last = if editor.message.is_empty() { mode } else { &editor.message };
        let asks = editor.message.starts_with([':', '/', '?']);
        let (mut foot, mut column) = (String::new(), 0);
        let bytes = last.as_bytes();
        let mut at = 0;
        while at < bytes.len() && column + 5 < self.columns {
            let (len, after) = chars::show(bytes, at, column, 0, &mut foot);
            at += len;
            column = after;
        }
        view.rows.push(foot);
        let cursor = if asks { (self.rows - 1, column) } else { view.cursor };
        self.put(view.rows, cursor);
    }

    fn put(&mut self, rows: Vec<String>, cursor: (usize, usize)) {
        let mut text = String::from("\x1b[?25l");
        if self.shown.is_empty() {
            text.push_str("\x1b[m\x1b[2J");
        }
        for (at, row) in rows.iter().enumerate() {
            if self.shown.get(at) != Some(row) {
                text.extend(["\x1b[", &(at + 1).to_string(), ";1H", row, "\x1b[K"]);
            }
        }
        text.extend(["\x1b[", &(cursor.0 + 1).to_string(), ";", &(cursor.1 + 1).to_string(), "H\x1b[?25h"]);
        self.shown = rows;
        // A terminal that is gone is found out by its keys.
        let _ = self.terminal.write_all(text.as_bytes());
    }
}

/// Size in which lines are laid out.
struct Layout {
    columns: usize,
    rows: usize,
    prefix: usize,
}

/// Rows, and the place of the cursor among them.
struct View {
    rows: Vec<String>,
    cursor: (usize, usize),
}

/// A line laid out.
struct Laid {
    rows: Vec<String>,
    cursor: Option<(usize, usize)>,
}

impl Layout {
    fn view(&self, editor: &mut Editor) -> View {
        let line = editor.cursor.line;
        if editor.top > line {
            // A short way back scrolls, a long one puts the line into the middle.
            editor.top = if editor.top - line > self.rows { line.saturating_sub(self.rows / 2) } else { line };
        }
        if line - editor.top > 2 * self.rows {
            editor.top = line.saturating_sub(self.rows / 2);
        }
        let own = self.lay(editor, line);
        let (row, column) = own.cursor.unwrap_or((0, 0));
        // Rows of the lines above that are still to be seen.
        let mut above = Vec::new();
        for at in editor.top..line {
            above.push(self.lay(editor, at).rows);
        }
        let height = |above: &[Vec<String>]| above.iter().map(Vec::len).sum::<usize>();
        let needed = own.rows.len().min(self.rows).max(if own.rows.len() > self.rows { row.min(self.rows - 1) + 1 } else { 0 });
        while !above.is_empty() && height(&above) + needed > self.rows {
            above.remove(0);
            editor.top += 1;
        }
        let hidden = if above.is_empty() { (row + 1).saturating_sub(self.rows) } else { 0 };
        let first = height(&above);
        let mut rows: Vec<String> = above.into_iter().flatten().collect();
        rows.extend(own.rows.into_iter().skip(hidden));
        let mut at = line + 1;
        while rows.len() < self.rows && at < editor.buffer.len() {
            let laid = self.lay(editor, at).rows;
            if rows.len() + laid.len() > self.rows {
                // A line that does not fit whole is not shown, as in vi.
                rows.resize(self.rows, "@".into());
            } else {
                rows.extend(laid);
            }
            at += 1;
        }
        rows.truncate(self.rows);
        View { rows, cursor: (first + row - hidden, column) }
    }

    /// The rows that a line takes.
    fn lay(&self, editor: &Editor, line: usize) -> Laid {
        let text = editor.buffer.line(line);
        let tab = if editor.settings.list { 0 } else { editor.settings.tab };
        let width = self.columns.saturating_sub(self.prefix).max(8);
        let mut row = if self.prefix > 0 { format!("{:>6} ", line + 1) } else { String::new() };
        let (mut rows, mut used, mut column, mut at) = (Vec::new(), 0, 0, 0);
        let mut cursor = None;
        let marked = matches!(editor.mode, Mode::Visual(_)).then(|| editor.marked());
        let mut inverse = false;
        // A line of a gigabyte must not be laid out whole: beyond the cursor a screen is enough.
        let enough = if line == editor.cursor.line { editor.cursor.col } else { 0 };
        loop {
            let here = Pos { line, col: at };
            let wanted = marked.is_some_and(|span| span.from <= here && here < span.to) && at < text.len();
            if wanted != inverse {
                row.push_str(if wanted { "\x1b[7m" } else { "\x1b[m" });
                inverse = wanted;
            }
            let mut shown = String::new();
            let ends = at >= text.len();
            let (len, after) = if ends { (0, column) } else { chars::show(text, at, column, tab, &mut shown) };
            let wide = after - column;
            if used + wide > width && used > 0 {
                if inverse {
                    row.push_str("\x1b[m");
                }
                rows.push(std::mem::replace(&mut row, " ".repeat(self.prefix)));
                if inverse {
                    row.push_str("\x1b[7m");
                }
                used = 0;
            }
            if editor.cursor == here {
                let on_tab = editor.mode == Mode::Normal && text.get(at) == Some(&b'\t') && tab > 0;
                let place = used + if on_tab { wide.saturating_sub(1) } else { 0 };
                cursor = Some((rows.len(), self.prefix + place.min(width - 1)));
            }
            if ends || (at > enough && rows.len() > 2 * self.rows + enough / width) {
                break;
            }
            row.push_str(&shown);
            used += wide;
            column = after;
            at += len;
        }
        if editor.settings.list {
            row.push('$');
        }
        if inverse {
            row.push_str("\x1b[m");
        }
        rows.push(row);
        Laid { rows, cursor }
    }
}
