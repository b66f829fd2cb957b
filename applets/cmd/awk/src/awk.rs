//! `awk [-F SEPARATOR] [-v NAME=VALUE]... [-f FILE | -e PROGRAM]... [--] [PROGRAM] [FILE | NAME=VALUE]...` runs programs over lines and fields.
//!
//! The language is that of POSIX with these of gawk's additions: `gensub`, `strftime`, `mktime`, `systime`, `strtonum`, `asort`,
//! `asorti`, `and`, `or`, `xor`, `compl`, `lshift`, `rshift`, `length(ARRAY)`, the third argument of `match`, the fourth of
//! `split`, `switch`, `**`, `nextfile`, `delete ARRAY`, `fflush`, FPAT, ERRNO (the cause when `getline` gives -1), RS as
//! a regular expression, an empty FS for characters,
//! `\y \< \> \w \W \s \S` in expressions, and `/dev/stdout`, `/dev/stderr` and `-` as names of files. `for (k in a)` goes through
//! the keys in the order in which they came. Characters are those of UTF-8.
//!
//! Exit status: that of `exit`; 2 if the program is wrong, or a file can't be read.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::machine::{Machine, SPECIAL, Stop, special};
use crate::value::Value;

/// Programs over lines and fields.
pub const AWK: Applet = Applet { name: "awk", about: "run a program over lines and fields", place: Place::Bin, run };

/// Memory for the deepest calls that are allowed; what is not used costs nothing.
pub const STACK: usize = 256 << 20;

#[derive(Parser)]
struct Options {
    /// Separator of fields: a character, or a regular expression
    #[arg(short = 'F', long = "field-separator", value_name = "SEPARATOR", allow_hyphen_values = true)]
    separator: Option<OsString>,
    /// Set a variable before the program begins
    #[arg(short = 'v', long = "assign", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    assignments: Vec<OsString>,
    /// Read the program from a file
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<OsString>,
    /// Take an argument as a part of the program
    #[arg(short = 'e', long = "source", value_name = "PROGRAM", allow_hyphen_values = true)]
    sources: Vec<OsString>,
    /// The program, unless -e or -f is given; then files and assignments
    #[arg(trailing_var_arg = true, value_name = "ARGUMENT")]
    operands: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&AWK, args)?;
    let source = if options.files.is_empty() && options.sources.is_empty() {
        if options.operands.is_empty() {
            return Err(Error::usage("a program is needed: awk PROGRAM [FILE]..."));
        }
        options.operands.remove(0).into_vec()
    } else {
        let mut source = read(&options.files)?;
        for part in &options.sources {
            source.extend_from_slice(part.as_bytes());
            source.push(b'\n');
        }
        source
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || interpret(&source, &options));
    let Ok(result) = thread.doing("start a thread")?.join() else {
        return Err(Error::new("the program broke the interpreter").with_exit(Exit::USAGE));
    };
    result.map_err(|e| e.with_exit(Exit::USAGE))
}

/// Texts of programs, one behind the other.
fn read(files: &[OsString]) -> Result<Vec<u8>> {
    let mut source = Vec::new();
    for file in files {
        let reader: Box<dyn std::io::Read> = if file == "-" {
            Box::new(std::io::stdin())
        } else {
            Box::new(std::fs::File::open(file).on("open", file).map_err(|e| e.with_exit(Exit::USAGE))?)
        };
        let mut reader = reader;
        reader.read_to_end(&mut source).on("read", file).map_err(|e| e.with_exit(Exit::USAGE))?;
        source.push(b'\n');
    }
    Ok(source)
}

fn interpret(source: &[u8], options: &Options) -> Result<Exit> {
    let program = crate::parse::parse(source, SPECIAL).map_err(Error::usage)?;
    let mut arguments = vec![b"awk".to_vec()];
    arguments.extend(options.operands.iter().map(|operand| operand.as_bytes().to_vec()));
    let environment = std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect();
    let mut machine = Machine::new(&program, &arguments, environment);
    let prepared = prepare(&mut machine, options);
    match prepared {
        Ok(()) => machine.run(),
        Err(Stop::Failed(e)) => Err(e),
        Err(_) => Ok(Exit::OK),
    }
}

fn prepare(machine: &mut Machine<'_>, options: &Options) -> std::result::Result<(), Stop> {
    if let Some(separator) = &options.separator {
        // `-Ft` means a tab, as POSIX has it.
        let separator = if separator == "t" { b"\t" } else { separator.as_bytes() };
        let mut plain = Vec::new();
        let mut rest = separator;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            plain.extend_from_slice(&rest[..at]);
            rest = &rest[at + crate::escape::unescape(&rest[at..], &mut plain)..];
        }
        plain.extend_from_slice(rest);
        machine.set_global(special::FS, Value::text(&plain))?;
    }
    for assignment in &options.assignments {
        if !machine.assign_argument(assignment.as_bytes())? {
            return Err(Error::usage(format!("-v wants NAME=VALUE, not {}", assignment.display())).into());
        }
    }
    Ok(())
}
