//! Sources of commands: standard input as a script, or a person at a terminal.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sys::descriptor;

use crate::ast::Bytes;
use crate::editor::complete::complete;
use crate::editor::terminal::{Entered, Terminal};
use crate::parse::Source;
use crate::shell::{Flow, Shell};

/// Standard input as a script: line by line, not a byte more, as the rest belongs to the commands that the script runs.
#[derive(Debug, Default)]
pub struct Stdin;

impl Source for Stdin {
    fn line(&mut self, _inside: bool) -> Option<Bytes> {
        let mut line = Bytes::new();
        let mut block = [0; 512];
        let mut size = block.len();
        loop {
            match descriptor::read(0, block.get_mut(..size)?) {
                Ok(0) => return (!line.is_empty()).then_some(line),
                Ok(len) => {
                    let read = block.get(..len)?;
                    let end = read.iter().position(|byte| *byte == b'\n').map_or(len, |at| at + 1);
                    if end < len && size > 1 {
                        // An input without a place to go back to is read byte by byte from here on.
                        if descriptor::seek_by(0, end as i64 - len as i64).is_err() {
                            return Some([line.as_slice(), read].concat());
                        }
                    }
                    line.extend_from_slice(read.get(..end)?);
                    if line.last() == Some(&b'\n') {
                        return Some(line);
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return (!line.is_empty()).then_some(line),
            }
            if size > 1 && descriptor::seek_by(0, 0).is_err() {
                size = 1;
            }
        }
    }
}

/// A pipe or a terminal as a script.
#[derive(Debug, Default)]
pub struct Bytewise;

impl Source for Bytewise {
    fn line(&mut self, _inside: bool) -> Option<Bytes> {
        let mut line = Bytes::new();
        let mut byte = [0];
        loop {
            match descriptor::read(0, &mut byte) {
                Ok(0) => return (!line.is_empty()).then_some(line),
                Ok(_) => line.push(byte[0]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return (!line.is_empty()).then_some(line),
            }
            if byte[0] == b'\n' {
                return Some(line);
            }
        }
    }
}

/// Source of a script on standard input.
pub fn standard_input() -> Box<dyn Source> {
    match descriptor::seek_by(0, 0) {
        Ok(()) => Box::new(Stdin),
        Err(_) => Box::new(Bytewise),
    }
}

/// A person.
pub struct Person {
    shell: Rc<RefCell<Shell>>,
    /// Ctrl-C ended the line.
    interrupted: Rc<Cell<bool>>,
    /// Something leaves the shell: a trap, say.
    left: Rc<Cell<Option<Flow>>>,
}

impl Person {
    /// A person who talks with that shell.
    pub fn new(shell: Rc<RefCell<Shell>>, interrupted: Rc<Cell<bool>>, left: Rc<Cell<Option<Flow>>>) -> Self {
        Self { shell, interrupted, left }
    }

    /// Does what is due before a prompt; gives the prompt.
    fn prompt(&self, inside: bool) -> Result<String, Flow> {
        let mut shell = self.shell.borrow_mut();
        if !inside {
            match shell.run_traps() {
                Ok(()) | Err(Flow::Interrupt) => {}
                Err(flow) => return Err(flow),
            }
            shell.tell_jobs();
            if let Some(command) = shell.vars.text(b"PROMPT_COMMAND").cloned() {
                let status = shell.status;
                match shell.run_text(&command, 1) {
                    Err(Flow::Exit(status)) => return Err(Flow::Exit(status)),
                    _ => shell.status = status,
                }
            }
        }
        let name: &[u8] = if inside { b"PS2" } else { b"PS1" };
        let text = shell.vars.text(name).cloned().unwrap_or_default();
        let status = shell.status;
        let shown = shell.expand_prompt(&text).unwrap_or(text);
        shell.status = status;
        Ok(String::from_utf8_lossy(&shown).into_owned())
    }

    fn ask(&self, prompt: &str) -> Option<String> {
        if let Some((above, _)) = prompt.rsplit_once('\n') {
            // The editor draws the last line alone.
            let text: String = above.chars().filter(|c| !matches!(c, '\x01' | '\x02')).collect();
            let _ = descriptor::write_all(2, format!("{text}\n").as_bytes());
        }
        let history = Rc::clone(&self.shell.borrow().history);
        let mut terminal = Terminal::open().ok()?;
        let entered = {
            let history = history.borrow();
            let offers = |line: &str, at| complete(&mut self.shell.borrow_mut(), line, at);
            terminal.read_line(prompt, &history, offers)
        };
        drop(terminal);
        match entered {
            Ok(Entered::Line(line)) => Some(line),
            Ok(Entered::Interrupted) => {
                self.interrupted.set(true);
                None
            }
            Ok(Entered::End) | Err(_) => None,
        }
    }

    fn remember(&self, line: &str, inside: bool) {
        let history = Rc::clone(&self.shell.borrow().history);
        let mut history = history.borrow_mut();
        if let Some(last) = history.last_mut().filter(|_| inside) {
            last.push('\n');
            last.push_str(line);
        } else {
            let known = history.last().is_some_and(|last| last == line);
            if !line.trim().is_empty() && !known {
                history.push(line.to_owned());
            }
        }
    }
}

impl Source for Person {
    fn line(&mut self, inside: bool) -> Option<Bytes> {
        let prompt = match self.prompt(inside) {
            Ok(prompt) => prompt,
            Err(flow) => {
                self.left.set(Some(flow));
                return None;
            }
        };
        let line = if descriptor::is_terminal(0) {
            self.ask(&prompt)?
        } else {
            // Nothing is left to ask when standard error is closed.
            let _ = descriptor::write_all(2, prompt.as_bytes());
            let line = Bytewise.line(inside)?;
            return Some(line);
        };
        self.remember(&line, inside);
        let mut bytes = line.into_bytes();
        bytes.push(b'\n');
        Some(bytes)
    }
}
