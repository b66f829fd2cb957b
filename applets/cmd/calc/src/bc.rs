//! `bc [-l] [-q] [-i] [FILE]...` calculates with any number of digits.
//!
//! The language is that of POSIX with GNU's additions: names of several letters, `print`, `else`, `&& || !`, `continue`, `halt`,
//! `read()`, `last` and `.`, `define void`, arrays by reference (`*a[]`), `length(a[])`. `-l` loads `s c a l e j` and sets the
//! scale to 20. BC_LINE_LENGTH is the length of a line, 70 without it; 0 breaks none.
//!
//! A mistake gives up its line, is told on standard error, and makes the exit status 1.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::parse::Parser;
use crate::run::{Machine, Stop};
use crate::token::Trouble;

/// Calculator with a language.
pub const BC: Applet = Applet { name: "bc", about: "calculate with any number of digits", place: Place::Bin, run };

/// Memory for the deepest calls that are allowed; what is not used costs nothing.
pub const STACK: usize = 256 << 20;

/// Functions of `-l`.
const LIBRARY: &[u8] = include_bytes!("library.bc");

#[derive(clap::Parser)]
struct Options {
    /// Load the functions s, c, a, l, e and j, and set the scale to 20
    #[arg(short = 'l', long)]
    mathlib: bool,
    /// Taken as it is: there is no welcome to leave out
    #[arg(short, long)]
    quiet: bool,
    /// Taken as it is: lines are read as they come anyway
    #[arg(short, long)]
    interactive: bool,
    /// Files to read before standard input
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&BC, args)?;
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || calculate(&options));
    thread.doing("start a thread")?.join().unwrap_or_else(|_| Err(Error::new("the program broke the interpreter")))
}

/// Lines of a reader, each with its newline; none at the end.
pub fn line(reader: &mut dyn BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let count = reader.read_until(b'\n', &mut line).doing("read a line")?;
    Ok((count > 0).then_some(line))
}

fn calculate(options: &Options) -> Result<Exit> {
    let mut read = || line(&mut io::stdin().lock());
    let mut session = Session { parser: Parser::default(), machine: Machine::new(&mut read), failed: false };
    let mut go_on = true;
    if options.mathlib {
        go_on = session.feed(&mut &LIBRARY[..])?;
    }
    for file in &options.files {
        if go_on {
            let opened = std::fs::File::open(file).on("open", file)?;
            go_on = session.feed(&mut BufReader::new(opened))?;
        }
    }
    // Not locked for good: read() takes lines of it as well.
    while go_on {
        let Some(first) = line(&mut io::stdin().lock())? else { break };
        go_on = session.item(first, &mut || line(&mut io::stdin().lock()))?;
    }
    session.machine.out.flush()?;
    Ok(if session.failed { Exit::FAILED } else { Exit::OK })
}

struct Session<'r> {
    parser: Parser,
    machine: Machine<'r>,
    failed: bool,
}

impl Session<'_> {
    /// Runs all of a reader; false after `quit` and `halt`.
    fn feed(&mut self, reader: &mut dyn BufRead) -> Result<bool> {
        while let Some(first) = line(reader)? {
            if !self.item(first, &mut || line(reader))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs one line, with those behind it that it needs.
    fn item(&mut self, mut text: Vec<u8>, more: &mut dyn FnMut() -> Result<Option<Vec<u8>>>) -> Result<bool> {
        loop {
            match self.parser.item(&text) {
                Ok(_) if self.parser.quits => return Ok(false),
                Ok(statements) => {
                    self.machine.grow(self.parser.list.len());
                    let result = self.machine.block(&statements);
                    self.machine.out.flush()?;
                    return match result {
                        Err(Stop::Halt) => Ok(false),
                        Err(Stop::Failed(e)) => Err(e),
                        Err(Stop::Wrong(e)) => {
                            self.complain(&e);
                            Ok(true)
                        }
                        _ => Ok(true),
                    };
                }
                Err(Trouble::Wrong(e)) => {
                    self.complain(&e);
                    return Ok(true);
                }
                Err(Trouble::More) => {
                    let Some(line) = more()? else {
                        self.complain("the input ends inside a statement");
                        return Ok(false);
                    };
                    text.extend(line);
                }
            }
        }
    }

    fn complain(&mut self, e: &str) {
        self.failed = true;
        // A closed standard error loses the message.
        let _ = writeln!(io::stderr(), "bc: {e}");
    }
}
