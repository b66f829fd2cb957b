//! State of a shell.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use crate::ast::{Bytes, Function};
use crate::jobs::Jobs;
use crate::options::{Set, Shopt};
use crate::parse::Settings;
use crate::trap::Traps;
use crate::vars::Vars;

/// Ways out of commands before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Out of so many loops.
    Break(u32),
    /// To the next turn of the loop that is so many levels out.
    Continue(u32),
    /// Out of a function or a file that is read.
    Return(i32),
    /// Out of the shell.
    Exit(i32),
    /// A mistake that ends a script and, at a terminal, the line.
    Fail(i32),
    /// Ctrl-C at a terminal.
    Interrupt,
}

/// Status of a command, or the way out.
pub type Done = Result<i32, Flow>;

/// Status of a command that a signal ended is this and the signal's number.
pub const SIGNALLED: i32 = 128;

/// A call that is under way.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Name of the function, or `source`.
    pub name: Bytes,
    /// Name of the file that the function or text stands in.
    pub source: Bytes,
    /// Line of the call.
    pub line: u32,
    /// A function and not a file.
    pub function: bool,
}

/// A function with the file that it was defined in.
#[derive(Debug, Clone)]
pub struct Defined {
    /// The function.
    pub function: Rc<Function>,
    /// The file.
    pub source: Bytes,
    /// `export -f`
    pub export: bool,
    /// `readonly -f`
    pub readonly: bool,
}

/// A shell.
pub struct Shell {
    /// Variables.
    pub vars: Vars,
    /// Functions.
    pub functions: BTreeMap<Bytes, Defined>,
    /// Settings that the parser must know.
    pub settings: Rc<Settings>,
    /// Options of `set`.
    pub set: Set,
    /// Options of `shopt`.
    pub shopt: Shopt,
    /// `$0`
    pub name: Bytes,
    /// `$1` and so on.
    pub args: Vec<Bytes>,
    /// `$?`
    pub status: i32,
    /// Statuses of the last pipeline's commands.
    pub pipe_status: Vec<i32>,
    /// Children.
    pub jobs: Jobs,
    /// Traps.
    pub traps: Traps,
    /// Calls under way.
    pub frames: Vec<Frame>,
    /// Line of the command that runs.
    pub line: u32,
    /// Greater than 0 where a failure is no reason to leave.
    pub conditional: u32,
    /// Loops around the command.
    pub loops: u32,
    /// Forks since the shell began.
    pub subshell: u32,
    /// `$$`
    pub pid: i32,
    /// Called as bash.
    pub bash: bool,
    /// Talks to a person.
    pub interactive: bool,
    /// The same, and its forks: their messages have no lines.
    pub talks: bool,
    /// A login shell.
    pub login: bool,
    /// Commands come from `-c`.
    pub command_string: bool,
    /// Commands come from standard input.
    pub from_stdin: bool,
    /// `$_`
    pub last_arg: Bytes,
    /// Places of programs that were found.
    pub hash: BTreeMap<Bytes, (Bytes, u32)>,
    /// Directories of `pushd`, without the current one.
    pub dirs: Vec<Bytes>,
    /// Place in a word of several options, for `getopts`.
    pub option_at: usize,
    /// `OPTIND` as `getopts` left it.
    pub option_word: i64,
    /// State of `$RANDOM`.
    pub random: u32,
    /// Begin of `$SECONDS`.
    pub started: Instant,
    /// Value that `SECONDS` was set to.
    pub seconds: i64,
    /// Status of the last command substitution of a command without a name.
    pub substituted: Option<i32>,
    /// Descriptors of process substitutions, and the processes.
    pub processes: Vec<(i32, i32)>,
    /// Text of the command that runs.
    pub command_text: Bytes,
    /// Terminal that jobs share, with job control.
    pub terminal: Option<i32>,
    /// Builtins that `enable -n` took away.
    pub disabled: Vec<Bytes>,
    /// Lines that were entered.
    pub history: Rc<std::cell::RefCell<Vec<String>>>,
    /// Coprocess: name, descriptors, process.
    pub coproc: Option<(Bytes, i32, i32, i32)>,
    /// Depth of calls.
    pub depth: u32,
    /// Guard of the stack.
    pub stack: crate::exec::stack::Stack,
    /// Levels of substitutions and `eval`, which `set -x` shows.
    pub level: u32,
    /// Exit was asked for though there are stopped jobs.
    pub warned_at_exit: bool,
}

impl Shell {
    /// A shell with nothing but its name.
    pub fn new(name: Bytes, bash: bool) -> Self {
        Self {
            vars: Vars::default(),
            functions: BTreeMap::new(),
            settings: Rc::default(),
            set: Set::default(),
            shopt: Shopt::default(),
            name,
            args: Vec::new(),
            status: 0,
            pipe_status: vec![0],
            jobs: Jobs::default(),
            traps: Traps::default(),
            frames: Vec::new(),
            line: 0,
            conditional: 0,
            loops: 0,
            subshell: 0,
            pid: rustix::process::getpid().as_raw_nonzero().get(),
            bash,
            interactive: false,
            talks: false,
            login: false,
            command_string: false,
            from_stdin: false,
            last_arg: Vec::new(),
            hash: BTreeMap::new(),
            dirs: Vec::new(),
            option_at: 0,
            option_word: 1,
            random: 0,
            started: Instant::now(),
            seconds: 0,
            substituted: None,
            processes: Vec::new(),
            command_text: Vec::new(),
            terminal: None,
            disabled: Vec::new(),
            history: Rc::default(),
            coproc: None,
            depth: 0,
            stack: crate::exec::stack::Stack::begin(),
            level: 0,
            warned_at_exit: false,
        }
    }

    /// True where POSIX' rules count before bash's.
    pub fn posix(&self) -> bool {
        self.set.posix || !self.bash
    }

    /// Prints a sentence on standard error, behind the shell's name, line, and the builtin that complains.
    pub fn complain(&self, builtin: Option<&[u8]>, message: impl AsRef<[u8]>) {
        let source = match self.frames.last() {
            Some(frame) if self.bash => frame.source.clone(),
            _ => self.name.clone(),
        };
        let mut text = if source.is_empty() { self.name.clone() } else { source };
        text.extend_from_slice(b": ");
        if let Some(frame) = self.frames.last().filter(|frame| !self.bash && !frame.function) {
            text.extend_from_slice(&frame.source);
            text.extend_from_slice(b": ");
        }
        let line = format!("line {}: ", self.line);
        let named = builtin.map(|name| [name, b": "].concat()).unwrap_or_default();
        if self.talks {
            text.extend(named);
        } else if self.bash {
            text.extend_from_slice(line.as_bytes());
            text.extend(named);
        } else {
            text.extend(named);
            text.extend_from_slice(line.as_bytes());
        }
        text.extend_from_slice(message.as_ref());
        text.push(b'\n');
        // A closed standard error loses the message.
        let _ = sys::descriptor::write_all(2, &text);
    }

    /// Complains, and leaves a script.
    pub fn fail<T>(&self, message: impl AsRef<[u8]>) -> Result<T, Flow> {
        self.complain(None, message);
        Err(Flow::Fail(if self.bash { 1 } else { 2 }))
    }

    /// Writes a builtin's output. A write that fails is said.
    pub fn print(&self, builtin: &[u8], text: &[u8]) -> i32 {
        if text.is_empty() {
            return 0;
        }
        match sys::descriptor::write_all(1, text) {
            Ok(()) => 0,
            Err(e) => {
                self.complain(Some(builtin), format!("write error: {}", cause(&e)));
                1
            }
        }
    }
}

/// Words of the system for an error.
pub fn cause(e: &std::io::Error) -> String {
    let mut text = e.to_string();
    if let Some(at) = text.rfind(" (os error ") {
        text.truncate(at);
    }
    text
}

/// Text for a message.
pub fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
