//! `dc [-x] [-e PROGRAM]... [-f FILE]... [FILE]...` calculates on a stack, with any number of digits.
//!
//! Numbers are pushed (`_` is the sign, digits go to F), `[text]` is a text. p n P f show; `+ - * / % ~ ^ | v` calculate; `( { G N`
//! say 1 or 0 for less, not greater, equal, and not; c d r R
//! move; s l S L and `: ;` are registers and arrays; i o k I O K are bases and scale; `x`, `? ` and `>r <r =r !>r !<r !=r`, with
//! `eR` for the other case, run texts; q Q end; Z X z a tell; `#` begins a comment. `!` runs no commands here. -x: names of
//! registers that begin with a blank have several letters. DC_LINE_LENGTH is the length of a line, 70 without it; 0 breaks none.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse_matched};

use crate::bc::line;
use crate::decimal::Decimal;
use crate::output::Output;

/// Calculator with a stack.
pub const DC: Applet = Applet { name: "dc", about: "calculate on a stack, with any number of digits", place: Place::Bin, run };

/// Texts that run at once: more is a recursion without an end.
const DEEPEST: usize = 100_000;
/// Largest scale: more digits would take the memory.
pub const LARGEST_SCALE: u64 = 100_000_000;

#[derive(Parser)]
struct Options {
    /// Run this text
    #[arg(short = 'e', long = "expression", value_name = "PROGRAM", allow_hyphen_values = true)]
    expressions: Vec<OsString>,
    /// Run this file
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    scripts: Vec<OsString>,
    /// Let registers have names of several letters
    #[arg(short = 'x', long = "extended-register")]
    pub extended: bool,
    /// Files to run
    files: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let (options, matched) = parse_matched::<Options>(&DC, args)?;
    let mut machine = Machine::new(options.extended);
    let places = |name: &str| matched.indices_of(name).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let expressions = places("expressions").into_iter().zip(options.expressions.iter().map(|text| (true, text)));
    let scripts = places("scripts").into_iter().zip(options.scripts.iter().map(|file| (false, file)));
    let mut parts: Vec<_> = expressions.chain(scripts).collect();
    parts.sort_by_key(|(at, _)| *at);
    let mut parts: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
    parts.extend(options.files.iter().map(|file| (false, file)));
    let mut go_on = true;
    for (is_text, part) in &parts {
        if !go_on {
            break;
        }
        go_on = if *is_text {
            machine.start(part.as_bytes())?
        } else if *part == "-" {
            machine.feed()?
        } else {
            machine.start(&std::fs::read(Path::new(part)).on("read", part)?)?
        };
    }
    if parts.is_empty() {
        machine.feed()?;
    }
    machine.out.flush()?;
    Ok(if machine.failed { Exit::FAILED } else { Exit::OK })
}

/// Number or text.
#[derive(Clone)]
pub enum Value {
    Number(Decimal),
    Text(Rc<[u8]>),
}

/// Text that runs.
pub struct Frame {
    text: Rc<[u8]>,
    at: usize,
    /// Texts that ended by starting the next one, and their own level.
    levels: usize,
}

/// Machine with a stack.
pub struct Machine {
    pub out: Output,
    pub stack: Vec<Value>,
    pub registers: HashMap<Vec<u8>, Vec<Value>>,
    pub arrays: HashMap<Vec<u8>, HashMap<u64, Value>>,
    frames: Vec<Frame>,
    pub scale: usize,
    pub ibase: u32,
    pub obase: u32,
    pub extended: bool,
    failed: bool,
    ended: bool,
}

/// Trouble of a command: one sentence, or output that failed.
pub enum Trouble {
    Wrong(String),
    Failed(kit::Error),
}

impl From<String> for Trouble {
    fn from(e: String) -> Self {
        Self::Wrong(e)
    }
}

impl From<kit::Error> for Trouble {
    fn from(e: kit::Error) -> Self {
        Self::Failed(e)
    }
}

/// Result of a command.
pub type Run<T> = std::result::Result<T, Trouble>;

impl Machine {
    fn new(extended: bool) -> Self {
        Self {
            out: Output::new("DC_LINE_LENGTH", 1),
            stack: Vec::new(),
            registers: HashMap::new(),
            arrays: HashMap::new(),
            frames: Vec::new(),
            scale: 0,
            ibase: 10,
            obase: 10,
            extended,
            failed: false,
            ended: false,
        }
    }

    /// Runs standard input line by line; false after `q`.
    fn feed(&mut self) -> Result<bool> {
        loop {
            let Some(mut text) = line(&mut io::stdin().lock())? else { return Ok(true) };
            while is_open(&text) {
                let Some(more) = line(&mut io::stdin().lock())? else { break };
                text.extend(more);
            }
            if !self.start(&text)? {
                return Ok(false);
            }
        }
    }

    /// Runs a text; false after `q`.
    fn start(&mut self, text: &[u8]) -> Result<bool> {
        self.frames = vec![Frame { text: text.into(), at: 0, levels: 1 }];
        while let Some(frame) = self.frames.last_mut() {
            let Some(&c) = frame.text.get(frame.at) else {
                self.frames.pop();
                continue;
            };
            frame.at += 1;
            match self.command(c) {
                Ok(()) => {}
                Err(Trouble::Failed(e)) => return Err(e),
                Err(Trouble::Wrong(e)) => {
                    self.failed = true;
                    self.out.flush()?;
                    // A closed standard error loses the message.
                    let _ = writeln!(io::stderr(), "dc: {e}");
                }
            }
            if self.ended {
                return Ok(false);
            }
        }
        self.out.flush()?;
        Ok(true)
    }

    /// The byte that is next, without taking it.
    pub fn peek(&self) -> Option<u8> {
        self.frames.last().and_then(|frame| frame.text.get(frame.at).copied())
    }

    pub fn next(&mut self) -> Option<u8> {
        let c = self.peek()?;
        if let Some(frame) = self.frames.last_mut() {
            frame.at += 1;
        }
        Some(c)
    }

    fn command(&mut self, c: u8) -> Run<()> {
        match c {
            b' ' | b'\t' | b'\n' | b'\r' | 11 | 12 | 0 => {}
            b'0'..=b'9' | b'A'..=b'F' | b'.' | b'_' => self.number(c),
            b'#' => while self.next().is_some_and(|c| c != b'\n') {},
            b'[' => self.text()?,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'^' => self.calculate(c)?,
            b'~' | b'|' | b'(' | b'{' | b'G' | b'N' | b'v' => self.special(c)?,
            b'p' | b'n' | b'P' | b'f' => self.show(c)?,
            b'c' | b'd' | b'r' | b'R' | b'z' => self.shuffle(c)?,
            b's' | b'l' | b'S' | b'L' | b':' | b';' => self.register(c)?,
            b'i' | b'o' | b'k' | b'I' | b'O' | b'K' => self.setting(c)?,
            b'Z' | b'X' | b'a' => self.ask(c)?,
            b'x' => match self.pop()? {
                Value::Text(text) => self.call(text)?,
                number @ Value::Number(_) => self.stack.push(number),
            },
            b'?' => {
                self.out.flush()?;
                if let Some(line) = line(&mut io::stdin().lock())? {
                    self.call(line.into())?;
                }
            }
            b'>' | b'<' | b'=' => self.compare(c, false)?,
            b'!' => match self.peek() {
                Some(c @ (b'>' | b'<' | b'=')) => {
                    self.next();
                    self.compare(c, true)?;
                }
                _ => return Err(Trouble::Wrong("commands of the shell are not run".into())),
            },
            b'q' => {
                self.leave(2);
                self.ended = self.frames.is_empty();
            }
            b'Q' => {
                let levels = self.pop_number()?.to_u64().filter(|levels| *levels > 0);
                self.leave(levels.ok_or("Q wants a number of levels".to_owned())? as usize);
            }
            _ => return Err(Trouble::Wrong(format!("{:?} is no command", char::from(c)))),
        }
        Ok(())
    }

    fn compare(&mut self, c: u8, negated: bool) -> Run<()> {
        let name = self.register_name()?;
        let other = if self.peek() == Some(b'e') {
            self.next();
            Some(self.register_name()?)
        } else {
            None
        };
        let (a, b) = self.operands()?;
        let order = b.compare(&a);
        let holds = match c {
            b'>' => order.is_gt(),
            b'<' => order.is_lt(),
            _ => order.is_eq(),
        };
        let chosen = if holds == negated { other } else { Some(name) };
        let value = chosen.and_then(|name| self.registers.get(&name)?.last().cloned());
        match value {
            Some(Value::Text(text)) => self.call(text),
            Some(number) => {
                self.stack.push(number);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Runs a text next. One that is called at the very end of another takes its place.
    fn call(&mut self, text: Rc<[u8]>) -> Run<()> {
        let mut levels = 1;
        if let Some(frame) = self.frames.pop_if(|frame| frame.text[frame.at..].iter().all(u8::is_ascii_whitespace)) {
            levels += frame.levels;
        }
        if self.frames.len() >= DEEPEST {
            return Err(Trouble::Wrong(format!("more than {DEEPEST} texts run at once")));
        }
        self.frames.push(Frame { text, at: 0, levels });
        Ok(())
    }

    fn leave(&mut self, mut levels: usize) {
        while levels > 0 {
            let Some(frame) = self.frames.last_mut() else {
                return;
            };
            if frame.levels > levels {
                // The text that called at its end has nothing left to do.
                frame.levels -= levels;
                frame.at = frame.text.len();
                return;
            }
            levels -= frame.levels;
            self.frames.pop();
        }
    }
}

/// Tells if a text begins in it that does not end.
fn is_open(text: &[u8]) -> bool {
    let mut depth = 0i32;
    for c in text {
        match c {
            b'[' => depth += 1,
            b']' => depth = (depth - 1).max(0),
            b'#' if depth == 0 => return false,
            _ => {}
        }
    }
    depth > 0
}
