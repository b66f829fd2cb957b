//! Parser of the shell's language: POSIX, and what bash adds.
//!
//! It reads lines from a source when it needs them, so that a script on standard input leaves to its commands what it did
//! not ask for, and it returns after each complete command, so that an alias counts from the next one on.

mod assign;
mod compound;
mod document;
mod dollar;
mod lexer;
mod list;
mod param;
mod simple;
mod test;
mod word;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ast::{Bytes, Item, Word};
use lexer::Token;
pub use lexer::is_name;

/// Names and texts of aliases.
pub type Aliases = BTreeMap<Bytes, Bytes>;

/// Levels of commands, quotes and expansions inside one another: a guard of the stack.
const DEEPEST: u32 = 400;

/// A text that is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Line of the place.
    pub line: u32,
    /// Sentence, without the place.
    pub message: String,
    /// The input ended too early.
    pub at_end: bool,
}

/// Result of a step of the parser.
pub type Parsed<T> = Result<T, Wrong>;

/// Source of lines.
pub trait Source {
    /// The next line with its end; none at the end. `inside` when a command has begun already.
    fn line(&mut self, inside: bool) -> Option<Bytes>;
}

/// Source of a text that is all there.
pub struct Text {
    text: Bytes,
    at: usize,
}

impl Text {
    /// Lines of `text`.
    pub const fn new(text: Bytes) -> Self {
        Self { text, at: 0 }
    }
}

impl Source for Text {
    fn line(&mut self, _inside: bool) -> Option<Bytes> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        self.at += len;
        rest.get(..len).map(<[u8]>::to_vec)
    }
}

/// Settings of the shell that change how a text is read; shared, as a command may change them for the next one.
#[derive(Debug, Default)]
pub struct Settings {
    /// Aliases.
    pub aliases: RefCell<Aliases>,
    /// Aliases count.
    pub expand_aliases: Cell<bool>,
    /// `shopt -s extglob`.
    pub extglob: Cell<bool>,
    /// `set -v`.
    pub verbose: Cell<bool>,
    /// Called by another name than bash.
    pub posix: Cell<bool>,
}

/// A here-document whose text comes behind the end of the line.
struct Pending {
    delimiter: Bytes,
    quoted: bool,
    strip_tabs: bool,
    to: Rc<OnceCell<Word>>,
}

/// A token that was looked at and not taken.
struct Peeked {
    token: Token,
    start: usize,
    line: u32,
}

/// The parser.
pub struct Parser {
    source: Box<dyn Source>,
    settings: Rc<Settings>,
    text: Bytes,
    at: usize,
    line: u32,
    inside: bool,
    ended: bool,
    pending: Vec<Pending>,
    peeked: Option<Peeked>,
    /// Texts of aliases that the place is inside of: name, and end in `text`.
    active: Vec<(Bytes, usize)>,
    depth: u32,
    /// End of an alias whose text ends in a blank: the word there may be one too.
    alias_next: Option<usize>,
}

impl Parser {
    /// Parser of what comes from a source, whose first line has this number.
    pub fn new(source: Box<dyn Source>, settings: Rc<Settings>, line: u32) -> Self {
        Self {
            source,
            settings,
            text: Vec::new(),
            at: 0,
            line,
            inside: false,
            ended: false,
            pending: Vec::new(),
            peeked: None,
            active: Vec::new(),
            depth: 0,
            alias_next: None,
        }
    }

    /// Parser of a text.
    pub fn of_text(text: &[u8], settings: &Rc<Settings>, line: u32) -> Self {
        Self::new(Box::new(Text::new(text.to_vec())), Rc::clone(settings), line)
    }

    /// The commands of the next line that has any; none at the end.
    ///
    /// # Errors
    /// A text that is no command; the rest of its line is passed over.
    pub fn next_command(&mut self) -> Parsed<Option<Vec<Item>>> {
        loop {
            self.inside = false;
            self.compact();
            match self.command_line() {
                Ok(Some(items)) if items.is_empty() => {}
                Ok(items) => return Ok(items),
                Err(wrong) => {
                    self.forget();
                    return Err(wrong);
                }
            }
        }
    }

    /// True when nothing but blank lines is left of a text.
    pub fn is_done(&mut self) -> bool {
        loop {
            match self.look(0) {
                None => return true,
                Some(b'\n' | b' ' | b'\t') => self.step(),
                Some(_) => return false,
            }
        }
    }

    /// Forgets what was read and an end of the input: after Ctrl-C.
    pub fn begin_again(&mut self) {
        self.forget();
        self.ended = false;
    }

    fn command_line(&mut self) -> Parsed<Option<Vec<Item>>> {
        match self.peek()?.clone() {
            Token::End => Ok(None),
            Token::Newline => {
                self.take()?;
                Ok(Some(Vec::new()))
            }
            _ => {
                let items = self.items(true)?;
                match self.peek()?.clone() {
                    Token::Newline => {
                        self.take()?;
                    }
                    Token::End => self.documents_at_end(),
                    token => return Err(self.unexpected(&token)),
                }
                Ok(Some(items))
            }
        }
    }

    /// Passes over what was read, behind a mistake.
    fn forget(&mut self) {
        self.at = self.text.len();
        self.peeked = None;
        self.pending.clear();
        self.active.clear();
        self.alias_next = None;
        self.depth = 0;
    }

    /// Drops the text of commands that are done.
    fn compact(&mut self) {
        if self.at == self.text.len() && self.peeked.is_none() {
            self.text.clear();
            self.at = 0;
            self.active.clear();
            self.alias_next = None;
        }
    }

    /// Adds a line to the text; false at the end of the input.
    fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if let Some(line) = self.source.line(self.inside) {
            if self.settings.verbose.get() {
                // A closed standard error loses the message.
                let _ = sys::descriptor::write_all(2, &line);
            }
            self.text.extend_from_slice(&line);
            true
        } else {
            self.ended = true;
            false
        }
    }

    /// The byte `ahead` of the place, with as many lines read as that takes.
    fn look(&mut self, ahead: usize) -> Option<u8> {
        while self.at + ahead >= self.text.len() {
            if !self.fill() {
                return None;
            }
        }
        self.text.get(self.at + ahead).copied()
    }

    /// The byte at the place, which a backslash and an end of line before it don't hide.
    fn byte(&mut self) -> Option<u8> {
        loop {
            let byte = self.look(0)?;
            if byte == b'\\' && self.look(1) == Some(b'\n') {
                self.at += 2;
                self.line += 1;
                continue;
            }
            return Some(byte);
        }
    }

    /// Goes one byte on and counts lines.
    fn step(&mut self) {
        if self.text.get(self.at) == Some(&b'\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    /// True, and one byte on, when that byte is there.
    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.byte() == Some(wanted);
        if found {
            self.step();
        }
        found
    }

    /// True when the text goes on with `wanted`, which has no end of line but at its end.
    fn starts(&mut self, wanted: &[u8]) -> bool {
        let last = wanted.len().saturating_sub(1);
        self.look(last).is_some() && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(wanted))
    }

    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return Err(self.wrong("commands are nested too deep"));
        }
        self.depth += 1;
        let done = step(self);
        self.depth = self.depth.saturating_sub(1);
        done
    }

    fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong { line: self.line, message: message.into(), at_end: false }
    }

    fn at_end(&self, message: impl Into<String>) -> Wrong {
        Wrong { line: self.line, message: message.into(), at_end: true }
    }

    fn unexpected(&self, token: &Token) -> Wrong {
        match token {
            Token::End => self.at_end("syntax error: unexpected end of file"),
            Token::Newline => {
                Wrong { line: self.line.saturating_sub(1), message: "syntax error: unexpected newline".into(), at_end: false }
            }
            Token::Op(op) => self.wrong(format!("syntax error: unexpected \"{op}\"")),
            Token::Io(_) => self.wrong("syntax error: unexpected redirection"),
            Token::Word(word) => {
                let text = word.literal().map(|text| String::from_utf8_lossy(text).into_owned());
                self.wrong(match text {
                    Some(text) => format!("syntax error: unexpected \"{text}\""),
                    None => "syntax error: unexpected word".into(),
                })
            }
        }
    }
}

/// Mistake of the parser itself, in place of a panic.
fn nothing() -> Wrong {
    Wrong { line: 0, message: "syntax error".into(), at_end: false }
}

#[cfg(test)]
mod tests;
