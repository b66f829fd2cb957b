//! Where the shell's commands come from: a person at a terminal, or whatever standard input is.

use std::io::{self, IsTerminal};

use brush_core::{Shell, ShellExtensions};
use brush_parser::ParseError;
use rustix::io::Errno;
use rustix::stdio::stdin;

use crate::complete::complete;
use crate::terminal::{Entered, Terminal};

/// The longest command that is read, in bytes: a guard against a stream that is no script.
const LIMIT: usize = 16 << 20;

/// What came in.
pub enum Read {
    /// A command, all lines of it.
    Command(String),
    /// Ctrl-C instead of one.
    Interrupted,
    /// No more.
    End,
}

/// The input, and what was entered before.
#[derive(Default)]
pub struct Input {
    history: Vec<String>,
}

impl Input {
    /// The next command. A terminal is asked with `prompt`, and with `more` for a command that goes on.
    pub fn read(&mut self, shell: &mut Shell<impl ShellExtensions>, prompt: &str, more: &str) -> io::Result<Read> {
        if io::stdin().is_terminal() { self.ask(shell, prompt, more) } else { read_stream(shell) }
    }

    /// Lines until they make a command.
    fn ask(&mut self, shell: &mut Shell<impl ShellExtensions>, prompt: &str, more: &str) -> io::Result<Read> {
        let mut text = String::new();
        let mut shown = prompt;
        loop {
            let mut terminal = Terminal::open()?;
            let entered = terminal.read_line(shown, &self.history, |line, at| complete(shell, line, at))?;
            drop(terminal);
            match entered {
                Entered::Line(line) => text.push_str(&line),
                Entered::Interrupted => return Ok(Read::Interrupted),
                Entered::End if text.is_empty() => return Ok(Read::End),
                Entered::End => break,
            }
            text.push('\n');
            if is_complete(shell, &text) {
                break;
            }
            shown = more;
        }
        self.remember(text.trim_end_matches('\n'));
        Ok(Read::Command(text))
    }

    fn remember(&mut self, text: &str) {
        if !text.trim().is_empty() && self.history.last().is_none_or(|last| last != text) {
            self.history.push(text.to_owned());
        }
    }
}

/// Lines until they make a command, not a byte more: the rest belongs to the commands that the script runs.
fn read_stream(shell: &Shell<impl ShellExtensions>) -> io::Result<Read> {
    let mut text = Vec::new();
    loop {
        let more = read_line(&mut text)?;
        let string = String::from_utf8_lossy(&text);
        if !more && string.trim().is_empty() {
            return Ok(Read::End);
        }
        if !more || text.len() > LIMIT || is_complete(shell, &string) {
            return Ok(Read::Command(string.into_owned()));
        }
    }
}

/// Append one line, byte by byte; false at the end of the input.
fn read_line(to: &mut Vec<u8>) -> Result<bool, Errno> {
    let mut byte = [0];
    loop {
        match rustix::io::read(stdin(), &mut byte) {
            Ok(0) => return Ok(false),
            Ok(_) => to.push(byte[0]),
            Err(Errno::INTR) => continue,
            Err(e) => return Err(e),
        }
        if byte[0] == b'\n' {
            return Ok(true);
        }
    }
}

/// Whether the text can be run as it stands, or is wrong however it goes on.
fn is_complete(shell: &Shell<impl ShellExtensions>, text: &str) -> bool {
    if text.ends_with("\\\n") {
        return false;
    }
    match shell.parse_string(text) {
        Err(ParseError::Tokenizing { inner, .. }) => !inner.is_incomplete(),
        Err(ParseError::ParsingAtEndOfInput) => false,
        _ => true,
    }
}
