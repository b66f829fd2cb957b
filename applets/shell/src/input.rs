//! Where the shell's commands come from: a person at a terminal, or whatever standard input is.

use std::io::{IsTerminal, Write};

use brush_core::ShellExtensions;
use brush_interactive::{InputBackend, InteractivePrompt, ReadResult, ShellError, ShellRef};
use brush_parser::ParseError;
use rustix::io::Errno;
use rustix::stdio::stdin;
use tokio::runtime::Handle;

use crate::complete::complete;
use crate::terminal::{Entered, Terminal};

/// The longest command that is read, in bytes: a guard against a stream that is no script.
const LIMIT: usize = 16 << 20;

/// The input, and what was entered before.
#[derive(Default)]
pub struct Input {
    history: Vec<String>,
    /// Whether a command ran since the last prompt.
    ran: bool,
}

/// The status of a command that Ctrl-C ended: the terminal wrote `^C` and no end of line.
const INTERRUPTED: u8 = 130;

impl InputBackend for Input {
    fn read_line(&mut self, shell: &ShellRef<impl ShellExtensions>, prompt: InteractivePrompt) -> Result<ReadResult, ShellError> {
        if std::io::stdin().is_terminal() { self.from_person(shell, &prompt) } else { from_stream(shell) }
    }
}

impl Input {
    /// Lines until they make a command.
    fn from_person(
        &mut self,
        shell: &ShellRef<impl ShellExtensions>,
        prompt: &InteractivePrompt,
    ) -> Result<ReadResult, ShellError> {
        let mut text = String::new();
        let mut shown = &prompt.prompt;
        if std::mem::take(&mut self.ran) && last_status(shell) == INTERRUPTED {
            writeln!(std::io::stderr()).map_err(ShellError::InputError)?;
        }
        loop {
            let mut terminal = Terminal::open().map_err(ShellError::InputError)?;
            let entered =
                terminal.read_line(shown, &self.history, |line, at| complete(shell, line, at)).map_err(ShellError::InputError)?;
            drop(terminal);
            match entered {
                Entered::Line(line) => text.push_str(&line),
                Entered::Interrupted => return Ok(ReadResult::Interrupted),
                Entered::End if text.is_empty() => return Ok(ReadResult::Eof),
                Entered::End => break,
            }
            text.push('\n');
            if is_complete(shell, &text) {
                break;
            }
            shown = &prompt.continuation_prompt;
        }
        self.remember(text.trim_end_matches('\n'));
        self.ran = true;
        Ok(ReadResult::Input(text))
    }

    fn remember(&mut self, text: &str) {
        if !text.trim().is_empty() && self.history.last().is_none_or(|last| last != text) {
            self.history.push(text.to_owned());
        }
    }
}

/// Lines until they make a command, not a byte more: the rest belongs to the commands that the script runs.
fn from_stream(shell: &ShellRef<impl ShellExtensions>) -> Result<ReadResult, ShellError> {
    let mut text = Vec::new();
    loop {
        let more = read_line(&mut text).map_err(|e| ShellError::InputError(e.into()))?;
        let string = String::from_utf8_lossy(&text);
        if !more && string.trim().is_empty() {
            return Ok(ReadResult::Eof);
        }
        if !more || text.len() > LIMIT || is_complete(shell, &string) {
            return Ok(ReadResult::Input(string.into_owned()));
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

fn last_status(shell: &ShellRef<impl ShellExtensions>) -> u8 {
    tokio::task::block_in_place(|| Handle::current().block_on(shell.lock()).last_exit_status())
}

/// Whether the text can be run as it stands, or is wrong however it goes on.
fn is_complete(shell: &ShellRef<impl ShellExtensions>, text: &str) -> bool {
    if text.ends_with("\\\n") {
        return false;
    }
    let parsed = tokio::task::block_in_place(|| Handle::current().block_on(shell.lock()).parse_string(text));
    match parsed {
        Err(ParseError::Tokenizing { inner, .. }) => !inner.is_incomplete(),
        Err(ParseError::ParsingAtEndOfInput) => false,
        _ => true,
    }
}
