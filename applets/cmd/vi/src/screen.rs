//! The screen: rows of text and one for messages. Only rows that changed are written, for serial lines are slow.

use std::fs::File;
use std::io::Write;

use rustix::termios::{InputModes, OutputModes};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use kit::{Context, Result};

/// Size of a terminal that does not know its own, as on a serial line.
const USUAL: (usize, usize) = (24, 80);

/// Terminal in raw mode, until it is dropped.
pub struct Screen {
    terminal: File,
    before: Termios,
    pub rows: usize,
    pub columns: usize,
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

    /// Shows rows, the last of which is for messages, and the cursor.
    pub fn put(&mut self, rows: Vec<String>, cursor: (usize, usize)) {
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
