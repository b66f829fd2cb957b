//! The shell's `kill`: signals to processes, process groups and jobs (POSIX, and bash's `-n`).
//!
//! brush's own sends SIGKILL where nothing else is said, takes one process, and does not know `kill -9`.

use brush_core::builtins::{ContentOptions, ContentType, SimpleCommand};
use brush_core::extensions::ShellExtensions;
use brush_core::traps::TrapSignal;
use brush_core::{Error, ExecutionContext, ExecutionResult, Shell};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Write;

use crate::background::{self, Children};

/// The builtin.
pub struct Kill;

/// What the words before the operands say.
enum Wish {
    /// Send it; nothing for signal 0, which only asks whether one may.
    Send(Option<Signal>),
    /// Name the signals.
    List,
}

impl SimpleCommand for Kill {
    fn get_content(name: &str, _: ContentType, _: &ContentOptions) -> Result<String, Error> {
        Ok(format!("{name}: {name} [-s NAME | -n NUMBER | -NAME | -NUMBER] PID|%JOB... | {name} -l [NUMBER...]\n"))
    }

    fn execute<SE: ShellExtensions, I: Iterator<Item = S>, S: AsRef<str>>(
        context: ExecutionContext<'_, SE>,
        args: I,
    ) -> Result<ExecutionResult, Error> {
        let mut words: Vec<String> = args.skip(1).map(|word| word.as_ref().to_owned()).collect();
        let mut err = context.stderr();
        match wish(&mut words) {
            Err(why) => {
                writeln!(err, "kill: {why}")?;
                Ok(ExecutionResult::new(2))
            }
            Ok(Wish::List) => {
                list(&words, &mut context.stdout())?;
                Ok(ExecutionResult::success())
            }
            Ok(Wish::Send(_)) if words.is_empty() => {
                writeln!(err, "kill: name a process or a job")?;
                Ok(ExecutionResult::new(2))
            }
            Ok(Wish::Send(signal)) => {
                let mut failed = false;
                for word in &words {
                    if let Err(why) = send(context.shell, word, signal) {
                        failed = true;
                        writeln!(err, "kill: {word}: {why}")?;
                    }
                }
                Ok(ExecutionResult::new(u8::from(failed)))
            }
        }
    }
}

/// Take the options from the words.
fn wish(words: &mut Vec<String>) -> Result<Wish, String> {
    let first = words.first().cloned().unwrap_or_default();
    match first.as_str() {
        "-l" | "-L" => {
            words.remove(0);
            Ok(Wish::List)
        }
        "-s" | "-n" if words.len() > 1 => {
            words.remove(0);
            let name = words.remove(0);
            skip_dashes(words);
            signal(&name).map(Wish::Send)
        }
        "--" => {
            words.remove(0);
            Ok(Wish::Send(Some(Signal::SIGTERM)))
        }
        _ => match first.strip_prefix('-') {
            Some(name) => {
                words.remove(0);
                skip_dashes(words);
                signal(name.strip_prefix('s').filter(|rest| signal(rest).is_ok()).unwrap_or(name)).map(Wish::Send)
            }
            None => Ok(Wish::Send(Some(Signal::SIGTERM))),
        },
    }
}

/// `--` stands between a signal and a process group, which begins with a dash.
fn skip_dashes(words: &mut Vec<String>) {
    if words.first().is_some_and(|word| word == "--") {
        words.remove(0);
    }
}

fn signal(name: &str) -> Result<Option<Signal>, String> {
    let no_such = |_| format!("{name}: no such signal");
    match name.parse::<i32>() {
        Ok(0) => Ok(None),
        Ok(number) => Signal::try_from(number).map(Some).map_err(no_such),
        Err(_) => match TrapSignal::try_from(name) {
            Ok(TrapSignal::Signal(signal)) => Ok(Some(signal)),
            _ => Err(format!("{name}: no such signal")),
        },
    }
}

/// A job of the table of children, as a process that runs.
fn own_job(owner: u64, word: &str) -> Option<i32> {
    let mut children = Children::now();
    let job = children.find(owner, word).filter(|job| job.status.is_none())?;
    i32::try_from(job.pid).ok()
}

fn send<SE: ShellExtensions>(shell: &mut Shell<SE>, word: &str, signal: Option<Signal>) -> Result<(), String> {
    let owner = background::owner(shell, true).unwrap_or_default();
    let pid = if let Some(child) = word.strip_prefix('%').and_then(|_| own_job(owner, word)) {
        child
    } else if word.starts_with('%') {
        let job = shell.jobs_mut().resolve_job_spec(word).ok_or("no such job")?;
        // A job is a process group of its own.
        -job.process_group_id().ok_or("the job has no process")?
    } else {
        word.parse().map_err(|_| "neither a process nor a job")?
    };
    kill(Pid::from_raw(pid), signal).map_err(|e| e.desc().to_lowercase())
}

/// All signals' names, or those of the numbers; 128 is taken off an exit code.
fn list(words: &[String], out: &mut impl Write) -> Result<(), Error> {
    let name = |signal: Signal| signal.as_str().trim_start_matches("SIG").to_owned();
    if words.is_empty() {
        for signal in Signal::iterator() {
            writeln!(out, "{:2} {}", signal as i32, name(signal))?;
        }
    }
    for word in words {
        match word.parse::<i32>().map(|number| Signal::try_from(number & 0x7f)) {
            Ok(Ok(signal)) => writeln!(out, "{}", name(signal))?,
            _ => match signal(word) {
                Ok(Some(signal)) => writeln!(out, "{}", signal as i32)?,
                _ => writeln!(out, "{word}: no such signal")?,
            },
        }
    }
    Ok(())
}
