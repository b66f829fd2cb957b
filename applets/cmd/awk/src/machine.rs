//! State of a program that runs, and the way from its beginning to its end.

use std::collections::HashMap;
use std::rc::Rc;

use kit::{Error, Exit, Result};

use crate::input::{Reader, Separator};
use crate::matcher::Matcher;
use crate::output::Outputs;
use crate::record::{Joint, Record};
use crate::tree::{Pattern, Program, Slot};
use crate::value::{ArrayRef, Bytes, Value};

/// Variables that mean something, in the order of their numbers. The first three are counted, not kept.
pub const SPECIAL: &[&str] = &[
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "CONVFMT", "OFMT", "FPAT", "RSTART", "RLENGTH", "FILENAME", "ENVIRON",
    "ARGC", "ARGV", "ERRNO",
];

/// Numbers of those variables.
pub mod special {
    pub const NF: usize = 0;
    pub const NR: usize = 1;
    pub const FNR: usize = 2;
    pub const FS: usize = 3;
    pub const OFS: usize = 4;
    pub const ORS: usize = 5;
    pub const RS: usize = 6;
    pub const SUBSEP: usize = 7;
    pub const CONVFMT: usize = 8;
    pub const OFMT: usize = 9;
    pub const FPAT: usize = 10;
    pub const RSTART: usize = 11;
    pub const RLENGTH: usize = 12;
    pub const FILENAME: usize = 13;
    pub const ENVIRON: usize = 14;
    pub const ARGC: usize = 15;
    pub const ARGV: usize = 16;
    pub const ERRNO: usize = 17;
}

/// Regular expressions that were texts, kept so that a loop does not read them again.
const MOST_MATCHERS: usize = 200;
/// Deepest calls: the stack of `awk::STACK` bytes holds them.
pub const DEEPEST: usize = 20_000;

/// End of the straight way through a program.
#[derive(Debug)]
pub enum Stop {
    Next,
    NextFile,
    Exit,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

/// Result of a part of a program.
pub type Run<T> = std::result::Result<T, Stop>;

/// Program that runs.
pub struct Machine<'p> {
    pub program: &'p Program,
    pub globals: Vec<Value>,
    /// Variables of all calls, and where those of the innermost begin.
    pub locals: Vec<Value>,
    pub frame: usize,
    pub depth: usize,
    pub returned: Value,
    pub record: Record,
    pub records: f64,
    pub file_records: f64,
    pub separator: Separator,
    pub ofs: Bytes,
    pub ors: Bytes,
    pub subsep: Bytes,
    pub convfmt: Bytes,
    pub ofmt: Bytes,
    pub outputs: Outputs,
    pub readers: HashMap<Vec<u8>, Reader>,
    pub spare: Vec<Vec<u8>>,
    pub random: crate::random::Random,
    matchers: HashMap<Bytes, Rc<Matcher>>,
    ranges: Vec<bool>,
    main: Option<Reader>,
    arguments: Arguments,
    status: i32,
}

/// Place in ARGV.
#[derive(Debug, Default)]
struct Arguments {
    next: usize,
    /// A file was among them.
    any: bool,
    done: bool,
}

impl<'p> Machine<'p> {
    /// Sets a program up; the first of `arguments` is the name of the command.
    pub fn new(program: &'p Program, arguments: &[Vec<u8>], environment: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let mut machine = Self {
            program,
            globals: vec![Value::Unset; program.globals.len()],
            locals: Vec::new(),
            frame: 0,
            depth: 0,
            returned: Value::Unset,
            record: Record::default(),
            records: 0.0,
            file_records: 0.0,
            separator: Separator::Byte(b'\n'),
            ofs: (*b" ").into(),
            ors: (*b"\n").into(),
            subsep: (*b"\x1c").into(),
            convfmt: (*b"%.6g").into(),
            ofmt: (*b"%.6g").into(),
            outputs: Outputs::new(),
            readers: HashMap::new(),
            spare: Vec::new(),
            random: crate::random::Random::default(),
            matchers: HashMap::new(),
            ranges: vec![false; program.rules.len()],
            main: None,
            arguments: Arguments { next: 1, ..Arguments::default() },
            status: 0,
        };
        let texts: [(usize, &[u8]); 7] = [
            (special::FS, b" "),
            (special::OFS, b" "),
            (special::ORS, b"\n"),
            (special::RS, b"\n"),
            (special::SUBSEP, b"\x1c"),
            (special::CONVFMT, b"%.6g"),
            (special::OFMT, b"%.6g"),
        ];
        for (at, text) in texts {
            machine.globals[at] = Value::text(text);
        }
        machine.globals[special::FPAT] = Value::text(b"[^[:space:]]+");
        machine.globals[special::RSTART] = Value::Num(0.0);
        machine.globals[special::RLENGTH] = Value::Num(-1.0);
        machine.globals[special::ARGC] = Value::Num(arguments.len() as f64);
        let (argv, environ) = (ArrayRef::default(), ArrayRef::default());
        machine.globals[special::ARGV] = Value::Array(Rc::clone(&argv));
        machine.globals[special::ENVIRON] = Value::Array(Rc::clone(&environ));
        for (at, argument) in arguments.iter().enumerate() {
            argv.borrow_mut().set(at.to_string().as_bytes(), Value::input(argument));
        }
        for (name, value) in environment {
            environ.borrow_mut().set(&name, Value::input(&value));
        }
        machine
    }

    /// The whole program.
    ///
    /// # Errors
    /// A part of it failed.
    pub fn run(&mut self) -> Result<Exit> {
        let result = match self.work() {
            Ok(()) | Err(Stop::Exit | Stop::Next | Stop::NextFile) => Ok(()),
            Err(Stop::Failed(e)) => Err(e),
        };
        let closed = self.outputs.close_all();
        for (_, reader) in self.readers.drain() {
            reader.close();
        }
        result.and(closed)?;
        Ok(Exit(self.status as u8))
    }

    fn work(&mut self) -> Run<()> {
        let program = self.program;
        let begun = match self.block(&program.begin) {
            Ok(_) if program.rules.is_empty() && !program.has_end => return Ok(()),
            Ok(_) => self.main_loop(),
            Err(stop) => Err(stop),
        };
        match begun {
            // An exit outside of END goes to END first.
            Ok(()) | Err(Stop::Exit) => {}
            Err(stop) => return Err(stop),
        }
        self.block(&program.end).map(|_| ())
    }

    fn main_loop(&mut self) -> Run<()> {
        let program = self.program;
        while self.next_record()? {
            for (at, rule) in program.rules.iter().enumerate() {
                let result = self.rule_applies(at, &rule.pattern).and_then(|applies| match (&rule.action, applies) {
                    (_, false) => Ok(()),
                    (Some(action), true) => self.block(action).map(|_| ()),
                    (None, true) => self.print_record(),
                });
                match result {
                    Ok(()) => {}
                    Err(Stop::Next) => break,
                    Err(Stop::NextFile) => {
                        self.next_file();
                        break;
                    }
                    Err(stop) => return Err(stop),
                }
            }
        }
        Ok(())
    }

    fn rule_applies(&mut self, at: usize, pattern: &'p Pattern) -> Run<bool> {
        match pattern {
            Pattern::Always => Ok(true),
            Pattern::If(test) => self.truth(test),
            Pattern::Range(first, last) => {
                if !self.ranges[at] && !self.truth(first)? {
                    return Ok(false);
                }
                self.ranges[at] = !self.truth(last)?;
                Ok(true)
            }
        }
    }

    /// Remembers the status with which the program ends.
    pub const fn set_status(&mut self, status: i32) {
        self.status = status;
    }

    /// Leaves the file that is read.
    fn next_file(&mut self) {
        if let Some(reader) = self.main.take() {
            reader.close();
        }
    }

    /// Reads the next record of the main input into `$0`; false at the end.
    pub fn next_record(&mut self) -> Run<bool> {
        let mut text = self.take_spare();
        let found = self.main_text(&mut text);
        if matches!(found, Ok(true)) {
            std::mem::swap(self.record.replace(), &mut text);
        }
        self.spare.push(text);
        found
    }

    /// Reads the next record of the main input, and counts it; false at the end.
    pub fn main_text(&mut self, text: &mut Vec<u8>) -> Run<bool> {
        loop {
            if self.main.is_none() && !self.open_next()? {
                return Ok(false);
            }
            if let Some(reader) = &mut self.main
                && reader.record(&self.separator, text)?
            {
                self.records += 1.0;
                self.file_records += 1.0;
                return Ok(true);
            }
            self.next_file();
        }
    }

    /// Opens the next file of ARGV; assignments among them are done on the way.
    fn open_next(&mut self) -> Run<bool> {
        let argv = self.array(Slot::Global(special::ARGV))?;
        while !self.arguments.done {
            let count = self.globals[special::ARGC].num();
            if self.arguments.next as f64 >= count {
                self.arguments.done = true;
                if self.arguments.any {
                    break;
                }
                self.main = Some(Reader::stdin());
                return Ok(true);
            }
            let key = self.arguments.next.to_string();
            self.arguments.next += 1;
            if !argv.borrow().contains(key.as_bytes()) {
                continue;
            }
            let name = argv.borrow_mut().get(key.as_bytes()).bytes(&self.convfmt);
            if name.is_empty() || self.assign_argument(&name)? {
                continue;
            }
            self.arguments.any = true;
            self.globals[special::FILENAME] = Value::input(&name);
            self.file_records = 0.0;
            self.main = Some(Reader::open(&name)?);
            return Ok(true);
        }
        Ok(false)
    }

    /// The joint of changed records.
    pub fn joint<'a>(ofs: &'a Bytes, convfmt: &'a Bytes) -> Joint<'a> {
        Joint { ofs, convfmt }
    }

    /// A text as a regular expression.
    pub fn matcher_of(&mut self, text: &[u8]) -> Run<Rc<Matcher>> {
        if let Some(matcher) = self.matchers.get(text) {
            return Ok(Rc::clone(matcher));
        }
        let matcher = Rc::new(Matcher::new(text)?);
        if self.matchers.len() >= MOST_MATCHERS {
            self.matchers.clear();
        }
        self.matchers.insert(text.into(), Rc::clone(&matcher));
        Ok(matcher)
    }

    /// An empty buffer that was used before.
    pub fn take_spare(&mut self) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }
}
