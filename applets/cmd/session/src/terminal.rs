//! Questions at a terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read as _, Write, stdin};
use std::os::fd::AsFd;

use kit::{Context, Error, Result};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Longest line that is read: a longer one is no name and no password.
const MOST: u64 = 4096;

/// Read a line without its end; none at the end of the input.
fn line(input: &mut dyn BufRead) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let count = input.take(MOST).read_until(b'\n', &mut bytes).doing("read a line")?;
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok((count > 0).then_some(bytes))
}

/// Read a line of standard input, byte by byte: bytes behind it are for a later program. None at the end of the input.
pub fn typed() -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while bytes.len() < MOST as usize {
        match rustix::io::read(stdin(), &mut byte) {
            Ok(0) if bytes.is_empty() => return Ok(None),
            Ok(0) => break,
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => bytes.push(byte[0]),
            Err(e) => return Err(e).doing("read standard input"),
        }
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(bytes))
}

/// Ask for a password without echo, at the terminal; standard input serves where there is none.
pub fn secret(question: &str) -> Result<Vec<u8>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    match terminal {
        Ok(terminal) => hidden(&terminal, question),
        Err(_) if stdin().is_terminal() => {
            let input = rustix::io::dup(stdin()).doing("take the terminal")?;
            hidden(&File::from(input), question)
        }
        Err(_) => typed()?.ok_or_else(|| Error::new("no password was given")),
    }
}

fn hidden(terminal: &File, question: &str) -> Result<Vec<u8>> {
    let old = tcgetattr(terminal.as_fd()).doing("ask the terminal for its modes")?;
    let mut quiet = old.clone();
    quiet.local_modes -= LocalModes::ECHO;
    quiet.local_modes |= LocalModes::ICANON | LocalModes::ISIG;
    tcsetattr(terminal.as_fd(), OptionalActions::Flush, &quiet).doing("switch the echo off")?;
    let mut out = terminal;
    let asked = out.write_all(question.as_bytes()).doing("write the terminal");
    let read = asked.and_then(|()| line(&mut BufReader::new(terminal)));
    let restored = tcsetattr(terminal.as_fd(), OptionalActions::Now, &old).doing("switch the echo on");
    out.write_all(b"\n").doing("write the terminal")?;
    restored?;
    read?.ok_or_else(|| Error::new("no password was given"))
}
