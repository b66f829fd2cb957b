//! `sh` and `bash` run commands from a file, an argument, standard input or a person. `--help` lists the options.
//!
//! Both understand bash's language. `sh` follows POSIX where the two differ: a special builtin's mistake ends the script, its
//! assignments stay, braces are no words of a script, messages are short. On a terminal they edit lines, keep a
//! history in memory and control jobs (`fg`, `bg`, Ctrl-Z).

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

use kit::{Applet, Error, Exit, Place, Result};
use sys::{descriptor, disposition};

use crate::arguments::Arguments;
use crate::ast::Bytes;
use crate::exec::NOT_FOUND;
use crate::parse::{Parser, Source, Text};
use crate::shell::{Done, Flow, SIGNALLED, Shell, cause, shown};
use crate::source::{Person, standard_input};
use crate::trap::SIGINT;

/// The POSIX shell.
pub const SH: Applet = Applet { name: "sh", about: "run commands", place: Place::Bin, run };
/// The same shell by bash's name.
pub const BASH: Applet = Applet { name: "bash", about: "run commands, bash's language", place: Place::Bin, run };

/// Signal of a terminal that goes away.
const SIGHUP: i32 = 1;

fn run(args: &[OsString]) -> Result<Exit> {
    let arguments = Arguments::parse(args)?;
    let name = args.first().map(|name| name.clone().into_vec()).unwrap_or_default();
    sys::sigpipe::end_on_closed_pipe();
    // An ignored SIGCHLD would hide the ends of our children.
    disposition::set(crate::trap::SIGCHLD, disposition::Effect::Default);
    let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let bash = base.ends_with(b"bash");
    let mut shell = Shell::new(name, bash);
    shell.login = arguments.login;
    shell.interactive = is_interactive(&arguments);
    shell.talks = shell.interactive;
    shell.usual_options();
    crate::start::environment(&mut shell);
    options(&mut shell, &arguments)?;
    let status = session(shell, arguments)?;
    Ok(Exit(status as u8))
}

/// Switches what the command line says.
fn options(shell: &mut Shell, arguments: &Arguments) -> Result<()> {
    for (letter, on) in &arguments.letters {
        if !shell.set_letter(*letter, *on) {
            return Err(Error::usage(format!("no such option: -{}", char::from(*letter))));
        }
    }
    for (name, on) in &arguments.names {
        if !shell.set_option(name, *on) {
            return Err(Error::usage(format!("no such option: {name}")));
        }
    }
    for (name, on) in &arguments.shopts {
        if !shell.set_shopt(name, *on) {
            return Err(Error::usage(format!("no such option: {name}")));
        }
    }
    Ok(())
}

/// Runs what the command line asks for; the status.
fn session(mut shell: Shell, arguments: Arguments) -> Result<i32> {
    if let Some(command) = arguments.command {
        let mut operands = arguments.operands.into_iter();
        if let Some(name) = operands.next() {
            shell.name = name;
        }
        shell.args = operands.collect();
        shell.command_string = true;
        if let Err(flow) = crate::start::files(&mut shell, arguments.no_profile, arguments.no_rc, arguments.rc_file) {
            return Ok(shell.finish(Err(flow)));
        }
        return Ok(script(shell, Box::new(Text::new(command))));
    }
    let mut operands = arguments.operands.into_iter();
    let file = if arguments.stdin { None } else { operands.next() };
    shell.args = operands.collect();
    let Some(file) = file else {
        shell.from_stdin = true;
        if shell.interactive {
            return Ok(conversation(shell, arguments.no_profile, arguments.no_rc, arguments.rc_file));
        }
        if let Err(flow) = crate::start::files(&mut shell, arguments.no_profile, true, None) {
            return Ok(shell.finish(Err(flow)));
        }
        return Ok(script(shell, standard_input()));
    };
    let text = read_script(&shell, &file)?;
    shell.name = file;
    if let Err(flow) = crate::start::files(&mut shell, arguments.no_profile, true, None) {
        return Ok(shell.finish(Err(flow)));
    }
    Ok(script(shell, Box::new(Text::new(text))))
}

/// Text of a script; one that is not here is looked for by PATH.
fn read_script(shell: &Shell, file: &[u8]) -> Result<Bytes> {
    use std::os::unix::ffi::OsStrExt;
    let path = |name: &[u8]| std::path::PathBuf::from(std::ffi::OsStr::from_bytes(name));
    let mut read = std::fs::read(path(file));
    if read.is_err()
        && !file.contains(&b'/')
        && let Some(found) = shell.in_path(file, None)
    {
        read = std::fs::read(path(&found));
    }
    let failed = |text: String, exit: u8| Error::new(text).with_exit(Exit(exit));
    let text = read.map_err(|e| {
        let missing = e.kind() == std::io::ErrorKind::NotFound;
        let exit = if missing { NOT_FOUND as u8 } else { 126 };
        failed(format!("open {}: {}", shown(file), cause(&e).to_lowercase()), exit)
    })?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.iter().take(128).any(|byte| *byte == 0) {
        return Err(failed(format!("{}: cannot execute binary file", shown(file)), 126));
    }
    Ok(text)
}

/// Runs all commands of a source; the status.
fn script(mut shell: Shell, source: Box<dyn Source>) -> i32 {
    let settings = Rc::clone(&shell.settings);
    let mut parser = Parser::new(source, settings, 1);
    let mut status = 0;
    loop {
        let items = match parser.next_command() {
            Ok(Some(items)) => items,
            Ok(None) => return shell.finish(Ok(status)),
            Err(wrong) => {
                shell.syntax_error(&wrong);
                return shell.finish(Err(Flow::Exit(2)));
            }
        };
        if shell.set.noexec {
            continue;
        }
        let last = shell.command_string && parser.is_done();
        match shell.items(&items, last) {
            Ok(last) => status = last,
            // bash leaves the line and goes on with the next one.
            Err(Flow::Fail(failed)) if shell.bash && !shell.set.errexit => {
                status = failed;
                shell.status = failed;
            }
            Err(flow) => return shell.finish(Err(flow)),
        }
        if shell.set.onecmd {
            return shell.finish(Ok(status));
        }
    }
}

/// Talks with a person until the input ends or a command leaves; the status.
fn conversation(mut shell: Shell, no_profile: bool, no_rc: bool, rc_file: Option<Bytes>) -> i32 {
    shell.job_control(true);
    for number in [SIGINT, 3, 15] {
        disposition::set(number, shell.usual_effect(number));
    }
    if let Err(flow) = crate::start::files(&mut shell, no_profile, no_rc, rc_file)
        && let Flow::Exit(_) = flow
    {
        return end_conversation(&mut shell, Err(flow));
    }
    let settings = Rc::clone(&shell.settings);
    let shell = Rc::new(RefCell::new(shell));
    let (interrupted, left) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(None)));
    let person = Person::new(Rc::clone(&shell), Rc::clone(&interrupted), Rc::clone(&left));
    let mut parser = Parser::new(Box::new(person), settings, 1);
    loop {
        let next = parser.next_command();
        let mut shell = shell.borrow_mut();
        if let Some(flow) = left.take() {
            return end_conversation(&mut shell, Err(flow));
        }
        if interrupted.take() {
            shell.status = SIGNALLED + SIGINT;
            parser.begin_again();
            continue;
        }
        let done = match next {
            Ok(Some(items)) => {
                shell.warned_at_exit &= false;
                shell.items(&items, false)
            }
            Ok(None) => {
                let status = shell.status;
                // A closed standard error loses the message.
                let _ = descriptor::write_all(2, b"exit\n");
                return end_conversation(&mut shell, Ok(status));
            }
            Err(wrong) => {
                shell.syntax_error(&wrong);
                parser.begin_again();
                Err(Flow::Fail(2))
            }
        };
        match done {
            Ok(_) => {}
            Err(Flow::Exit(status)) => {
                let _ = descriptor::write_all(2, b"exit\n");
                return end_conversation(&mut shell, Err(Flow::Exit(status)));
            }
            Err(flow) => after_failure(&mut shell, flow),
        }
    }
}

/// Back to the prompt from wherever a command was.
fn after_failure(shell: &mut Shell, flow: Flow) {
    if flow == Flow::Interrupt {
        let _ = descriptor::write_all(2, b"\n");
    }
    shell.status = shell.status_of(Err(flow));
    shell.conditional = 0;
    shell.loops = 0;
    shell.depth = 0;
    shell.level = 0;
    disposition::take_one(SIGINT);
    shell.take_terminal();
}

fn end_conversation(shell: &mut Shell, done: Done) -> i32 {
    let status = shell.finish(done);
    if shell.shopt.huponexit && shell.login {
        for job in shell.jobs.list.iter().filter(|job| !job.kept) {
            if let Some(group) = job.group {
                // A job that ended meanwhile hears nothing.
                let _ = disposition::send(-group, SIGHUP);
            }
        }
    }
    status
}

/// POSIX: when asked to be, or with nothing to run and a terminal to talk through.
fn is_interactive(arguments: &Arguments) -> bool {
    let nothing = arguments.command.is_none() && (arguments.stdin || arguments.operands.is_empty());
    arguments.interactive || nothing && descriptor::is_terminal(0) && descriptor::is_terminal(2)
}
