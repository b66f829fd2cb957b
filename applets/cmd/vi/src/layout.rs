//! The text as rows of the screen.

use crate::buffer::Pos;
use crate::chars;
use crate::editor::{Editor, Mode};

impl Editor {
    /// Draws what the editor shows.
    pub fn draw(&mut self) {
        let Some(mut screen) = self.screen.take() else { return };
        let editor = self;
        let layout =
            Layout { columns: screen.columns, rows: screen.text_rows(), prefix: if editor.settings.number { 7 } else { 0 } };
        let mut view = layout.view(editor);
        view.rows.resize(screen.text_rows(), "~".into());
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
        while at < bytes.len() && column + 5 < screen.columns {
            let (len, after) = chars::show(bytes, at, column, 0, &mut foot);
            at += len;
            column = after;
        }
        view.rows.push(foot);
        let cursor = if asks { (screen.rows - 1, column) } else { view.cursor };
        screen.put(view.rows, cursor);
        editor.screen = Some(screen);
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
