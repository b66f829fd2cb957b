//! Programs of the host: run to their end, with what they said as the error.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use kit::{Context, Error, Result};

/// Runs `ip` and the like; its standard output.
pub fn run<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args);
    checked(&mut command)
}

/// Runs a command that must end with 0; its standard output.
pub fn checked(command: &mut Command) -> Result<String> {
    let what = line(command);
    let output = command.stdin(Stdio::null()).output().doing(format!("start {what}"))?;
    judge(&what, &output)
}

/// The same with an input.
pub fn fed(command: &mut Command, input: &str) -> Result<String> {
    let what = line(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().doing(format!("start {what}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read its input has its own message.
        let _ = pipe.write_all(input.as_bytes());
    }
    judge(&what, &child.wait_with_output().doing(&what)?)
}

fn judge(what: &str, output: &Output) -> Result<String> {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("{what}: {}: {}{}", output.status, stdout, stderr.trim())))
}

/// The command as a person would type it, without the program's directory.
fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    command.get_args().fold(program, |line, arg| format!("{line} {}", arg.to_string_lossy()))
}
