//! A script's characters: words, numbers, and texts between marks.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use kit::{Error, Exit, Result};

use super::escape::{Place, resolve, unescape};
use pattern::encode;

/// Limits of what a script may say.
#[derive(Clone, Copy, Default)]
pub(super) struct Rules {
    /// No command may read or write files, or run programs.
    pub(super) sandbox: bool,
    /// GNU's additions are not there.
    pub(super) posix: bool,
}

/// A script, and the place in it.
pub(super) struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
    pub(super) rules: Rules,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(chars: &'a [char], rules: Rules) -> Self {
        Self { chars, at: 0, rules }
    }

    /// Refuse a command that reads or writes files or runs programs where that is not wanted.
    pub(super) fn may_reach_out(&self) -> Result<()> {
        if self.rules.sandbox { Err(self.wrong("with --sandbox there is no e, r and w")) } else { Ok(()) }
    }

    /// Text up to the end of the line, without blanks before it.
    pub(super) fn rest_of_line(&mut self) -> Vec<u8> {
        self.skip_blanks();
        let start = self.at;
        self.skip(|c| c != '\n');
        encode(&self.chars[start..self.at])
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    pub(super) fn skip(&mut self, what: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&what) {
            self.at += 1;
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        self.skip(|c| c.is_whitespace() && c != '\n');
    }

    /// An error at this place.
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error::usage(format!("read the script at character {}: {what}", self.at)).with_exit(Exit::FAILED)
    }

    /// A number, if there are digits.
    pub(super) fn number(&mut self) -> Result<Option<u64>> {
        let start = self.at;
        self.skip(|c| c.is_ascii_digit());
        let digits: String = self.chars[start..self.at].iter().collect();
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().map(Some).map_err(|_| self.wrong("the number is too large"))
    }

    /// The text up to an unescaped mark. In a pattern the mark counts for nothing between brackets, and `\n` is an end of line.
    /// A backslash goes from before characters of `plain`, which it makes operators elsewhere.
    pub(super) fn delimited(&mut self, mark: char, is_pattern: bool, plain: &str) -> Result<Vec<char>> {
        let mut text = Vec::new();
        loop {
            let missing = format!("a {mark} is missing");
            let c = self.next().filter(|c| *c != '\n').ok_or_else(|| self.wrong(&missing))?;
            match c {
                _ if c == mark => return Ok(text),
                '\\' => match self.next() {
                    // Behind the mark & only the backslash tells the character from the match.
                    Some(next) if next == mark && (is_pattern || next != '&') => text.push(next),
                    Some('n') if is_pattern => text.push('\n'),
                    Some('\n') => text.push('\n'),
                    Some(next) if plain.contains(next) => text.push(next),
                    Some(next) => text.extend(['\\', next]),
                    None => return Err(self.wrong("the script ends in a backslash")),
                },
                '[' if is_pattern => self.bracket(&mut text)?,
                _ => text.push(c),
            }
        }
    }

    /// A bracket expression, of which the first character is read.
    fn bracket(&mut self, text: &mut Vec<char>) -> Result<()> {
        text.push('[');
        // A bracket first in it, or behind a caret, is one of its characters.
        for first in ['^', ']'] {
            if self.peek() == Some(first) {
                self.at += 1;
                text.push(first);
            }
        }
        loop {
            let c = self.next().ok_or_else(|| self.wrong("a [ is not closed"))?;
            let rest = &self.chars[self.at..];
            match (c, rest.first()) {
                (']', _) => {
                    text.push(c);
                    return Ok(());
                }
                ('[', Some(mark @ (':' | '.' | '='))) => {
                    let name = rest[1..].windows(2).position(|pair| pair == [*mark, ']']).map_or(0, |len| len + 3);
                    text.push(c);
                    text.extend(&rest[..name]);
                    self.at += name;
                }
                // A backslash is one of the characters; two of them are no escape.
                ('\\', _) if self.rules.posix => text.extend(['\\', '\\']),
                ('\\', Some('n')) => {
                    self.at += 1;
                    text.push('\n');
                }
                _ => text.push(c),
            }
        }
    }

    /// A label: to a blank, a semicolon or a brace.
    pub(super) fn label(&mut self) -> String {
        self.skip_blanks();
        let start = self.at;
        self.skip(|c| !c.is_whitespace() && c != ';' && c != '}');
        self.chars[start..self.at].iter().collect()
    }

    /// A file's name: to the end of the line.
    pub(super) fn file(&mut self) -> Result<PathBuf> {
        self.may_reach_out()?;
        let name = self.rest_of_line();
        if name.is_empty() { Err(self.wrong("a file's name is missing")) } else { Ok(OsStr::from_bytes(&name).into()) }
    }

    /// The text of `a`, `i`, `c`: behind a backslash and an end of line, or on the same line, where blanks before it count
    /// behind a backslash alone. A backslash at a line's end goes on with the next one.
    pub(super) fn text(&mut self) -> Result<Vec<u8>> {
        self.skip_blanks();
        if self.peek().is_none() {
            return Err(self.wrong("a text is missing"));
        }
        if self.peek() == Some('\\') {
            self.at += 1;
            if self.peek().is_none() {
                return if self.rules.posix { Err(self.wrong("a text is missing")) } else { Ok(Vec::new()) };
            }
            if self.peek() == Some('\n') {
                self.at += 1;
            }
        } else if self.rules.posix {
            return Err(self.wrong("a backslash is missing before the text"));
        }
        let mut text = Vec::new();
        while let Some(c) = self.next().filter(|c| *c != '\n') {
            text.push(c);
            if c == '\\' {
                text.extend(self.next());
            }
        }
        let text = resolve(&text, Place::Text).map_err(|e| self.wrong(&e))?;
        let mut text = encode(&unescape(&text));
        text.push(b'\n');
        Ok(text)
    }
}
