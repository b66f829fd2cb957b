//! Other programs: run with their output shown, or with it answered; a failure names the program and repeats what it said.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Run with the terminal's output.
pub fn shown(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {}", name(command)))?;
    if !status.success() {
        bail!("{}: {status}", name(command));
    }
    Ok(())
}

/// Run and answer standard output as text.
pub fn answered(command: &mut Command) -> Result<String> {
    String::from_utf8(bytes(command)?).with_context(|| format!("{}: its output is not UTF-8", name(command)))
}

/// Run and answer standard output.
pub fn bytes(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {}", name(command)))?;
    if !output.status.success() {
        bail!("{}: {}: {}", name(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// The program and its first argument.
fn name(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    match command.get_args().next() {
        Some(first) => format!("{program} {}", first.to_string_lossy()),
        None => program.into_owned(),
    }
}
