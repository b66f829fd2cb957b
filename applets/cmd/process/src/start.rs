//! Starting a program in our place or as a child, with the exit statuses that shells expect.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

use kit::{Error, Exit, Result};

/// The program for `words`; a shell when there are none.
pub fn command(words: &[OsString]) -> Command {
    let (program, arguments) = words.split_first().map_or((None, &[][..]), |(p, a)| (Some(p), a));
    let shell = || std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let mut command = Command::new(program.cloned().unwrap_or_else(shell));
    command.args(arguments);
    command
}

/// Become the program. Returns only when that fails.
pub fn become_it(mut command: Command) -> Error {
    not_started(&command.exec(), &command)
}

/// Run it and wait: its status, or 128 and the signal's number.
pub fn run_and_wait(mut command: Command) -> Result<Exit> {
    let status = command.status().map_err(|e| not_started(&e, &command))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(Exit(u8::try_from(code).unwrap_or(Exit::FAILED.0)))
}

fn not_started(e: &std::io::Error, command: &Command) -> Error {
    let (cause, exit) = match e.kind() {
        ErrorKind::NotFound => ("not found".to_owned(), Exit::NOT_FOUND),
        ErrorKind::PermissionDenied => ("permission denied".to_owned(), Exit::NOT_RUN),
        _ => (e.to_string(), Exit::NOT_RUN),
    };
    Error::new(format!("run {}: {cause}", command.get_program().display())).with_exit(exit)
}
