//! The editor: its state, and the loop from key to key.

use std::collections::HashMap;
use std::path::PathBuf;

use kit::Result;
use pattern::Pattern;

use crate::buffer::{Buffer, Line, Pos};
use crate::chars;
use crate::keys::Keys;
use crate::screen::Screen;
use crate::settings::Settings;

/// Reason why a command stopped.
#[derive(Debug)]
pub enum Stop {
    /// It can't be done, or was given up.
    Beep,
    /// The same, with a sentence for the last row.
    Say(String),
    /// The editor ends, with that exit status.
    Quit(u8),
    /// The keyboard is gone.
    Hangup,
}

/// Result of a command.
pub type Done<T = ()> = std::result::Result<T, Stop>;

/// Text that was deleted or copied.
#[derive(Debug, Clone, Default)]
pub struct Register {
    pub lines: Vec<Line>,
    /// Whole lines.
    pub linewise: bool,
}

/// Search for a character in its line, as `;` repeats it.
#[derive(Debug, Clone, Copy)]
pub struct Find {
    pub target: char,
    pub forward: bool,
    pub till: bool,
}

/// The last search.
pub struct Search {
    pub pattern: Pattern,
    pub text: Vec<u8>,
    pub forward: bool,
}

/// Substitution, as `&` repeats it.
#[derive(Debug, Clone)]
pub struct Substitution {
    pub pattern: Vec<u8>,
    pub replacement: Vec<u8>,
}

/// Shown between commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Normal,
    Insert,
    Replace,
    /// Visual; true for whole lines.
    Visual(bool),
}

/// Editor.
pub struct Editor {
    pub buffer: Buffer,
    pub cursor: Pos,
    /// Column that `j` and `k` keep; `usize::MAX` behind `$`.
    pub wanted: Option<usize>,
    pub keys: Keys,
    pub screen: Option<Screen>,
    pub settings: Settings,
    pub mode: Mode,
    pub anchor: Pos,
    pub message: String,
    pub registers: HashMap<char, Register>,
    /// Register that the command names.
    pub chosen: Option<char>,
    pub search: Option<Search>,
    pub find: Option<Find>,
    pub last_change: Vec<char>,
    /// A change that `.` repeats was made by the command that ends.
    pub repeatable: bool,
    pub substitution: Option<Substitution>,
    pub path: Option<PathBuf>,
    pub files: Vec<PathBuf>,
    pub file: usize,
    pub top: usize,
}

impl Editor {
    pub fn new(keys: Keys, files: Vec<PathBuf>) -> Self {
        Self {
            buffer: Buffer::new(b""),
            cursor: Pos::default(),
            wanted: None,
            keys,
            screen: None,
            settings: Settings::default(),
            mode: Mode::Normal,
            anchor: Pos::default(),
            message: String::new(),
            registers: HashMap::new(),
            chosen: None,
            search: None,
            find: None,
            last_change: Vec::new(),
            repeatable: false,
            substitution: None,
            path: None,
            files,
            file: 0,
            top: 0,
        }
    }

    /// The loop; the exit status.
    ///
    /// # Errors
    /// The terminal can't be written.
    pub fn run(&mut self) -> Result<u8> {
        loop {
            match self.command() {
                Ok(()) => {}
                Err(Stop::Quit(status)) => return Ok(status),
                Err(Stop::Hangup) => return self.hang_up(),
                Err(stop) => {
                    if let Stop::Say(text) = stop {
                        self.message = text;
                    }
                    self.give_up();
                }
            }
        }
    }

    /// Back to the start of a command after a mistake.
    fn give_up(&mut self) {
        self.keys.drop_queue();
        self.keys.set_replays(false);
        self.mode = Mode::Normal;
        self.buffer.commit();
        self.clamp();
        if let Some(screen) = &mut self.screen {
            screen.bell();
        }
    }

    /// One command of the normal mode, with its end.
    pub fn command(&mut self) -> Done {
        self.keys.typed.clear();
        self.chosen = None;
        self.repeatable = false;
        self.buffer.begin(self.cursor);
        self.normal()?;
        self.buffer.commit();
        if self.repeatable && !self.keys.replays() {
            self.last_change = std::mem::take(&mut self.keys.typed);
        }
        if self.keys.queue_is_empty() {
            self.keys.set_replays(false);
        }
        self.clamp();
        Ok(())
    }

    /// The keyboard is gone: what was not written goes into a file beside the other.
    fn hang_up(&mut self) -> Result<u8> {
        if self.buffer.modified && self.screen.is_some() {
            let name = self
                .path
                .as_ref()
                .and_then(|path| path.file_name())
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let saved = self.path.clone().unwrap_or_default().with_file_name(format!("{name}.saved"));
            crate::file::write(&saved, &self.bytes(0, self.buffer.len()))?;
        }
        Ok(1)
    }

    /// The next key; before it is awaited, the screen is drawn.
    pub fn key(&mut self) -> Done<char> {
        loop {
            if !self.keys.is_pending() {
                self.draw();
            }
            let screen = &mut self.screen;
            let key = self.keys.next(&mut || screen.as_mut().is_some_and(Screen::measure)).ok_or(Stop::Hangup)?;
            if key != crate::keys::key::RESIZED {
                return Ok(key);
            }
        }
    }

    /// Puts the cursor on a character.
    pub fn clamp(&mut self) {
        self.cursor.line = self.cursor.line.min(self.buffer.len() - 1);
        let line = self.buffer.line(self.cursor.line);
        let last = if matches!(self.mode, Mode::Normal) { chars::last(line) } else { line.len() };
        self.cursor.col = self.cursor.col.min(last);
    }

    pub fn line(&self) -> &[u8] {
        self.buffer.line(self.cursor.line)
    }

    /// To the first character of a line that is no blank.
    pub fn go_to_line(&mut self, line: usize) {
        let line = line.min(self.buffer.len() - 1);
        self.cursor = Pos { line, col: chars::first_shown(self.buffer.line(line)) };
        self.wanted = None;
    }

    /// Rows of text on the screen.
    pub fn rows(&self) -> usize {
        self.screen.as_ref().map_or(23, Screen::text_rows)
    }

    /// Lines as a file holds them.
    pub fn bytes(&self, from: usize, to: usize) -> Vec<u8> {
        if from == 0 && to == self.buffer.len() && self.buffer.is_empty() {
            return Vec::new();
        }
        let mut text = self.buffer.lines()[from..to].join(&b'\n');
        if to < self.buffer.len() || self.buffer.ends {
            text.push(b'\n');
        }
        text
    }

    /// Loads a file, or begins a new one.
    pub fn load(&mut self, path: PathBuf) -> Done {
        let text = crate::file::read(&path).map_err(|e| Stop::Say(e.to_string()))?;
        let known = text.is_some();
        let text = text.unwrap_or_default();
        self.buffer = Buffer::new(&text);
        self.cursor = Pos::default();
        self.top = 0;
        self.message = if known {
            format!("\"{}\" {} lines, {} bytes", path.display(), self.buffer.len(), text.len())
        } else {
            format!("\"{}\" is new", path.display())
        };
        self.path = Some(path);
        Ok(())
    }
}
