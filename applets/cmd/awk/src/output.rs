//! Writers: standard output, files and commands.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use kit::{Context, Result};

use crate::tree::TargetKind;

/// Name of a file as the system takes it.
pub fn path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}

/// A shell that runs a text.
pub fn shell(text: &[u8]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(OsStr::from_bytes(text));
    command
}

/// A command's end as a number: its exit status, or 256 and the signal, as gawk has it.
pub fn status(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 256 + status.signal().unwrap_or(0))
}

enum Writer {
    File(BufWriter<File>),
    Command(BufWriter<ChildStdin>, Child),
    Stdout,
    Stderr,
}

/// All writers of a program.
pub struct Outputs {
    stdout: BufWriter<io::Stdout>,
    /// A person watches: each line is shown at once.
    watched: bool,
    named: HashMap<Vec<u8>, Writer>,
}

impl Outputs {
    pub fn new() -> Self {
        sys::sigpipe::end_on_closed_pipe();
        let stdout = io::stdout();
        let watched = stdout.is_terminal();
        Self { stdout: BufWriter::with_capacity(32 << 10, stdout), watched, named: HashMap::new() }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.stdout.write_all(bytes);
        let flushed = if self.watched { self.stdout.flush() } else { Ok(()) };
        written.and(flushed).doing("write standard output")
    }

    /// Writes to a file or command, which is opened when it is named first.
    ///
    /// # Errors
    /// It can't be opened or written.
    pub fn write_to(&mut self, kind: TargetKind, name: &[u8], bytes: &[u8]) -> Result<()> {
        if !self.named.contains_key(name) {
            let writer = self.open(kind, name)?;
            self.named.insert(name.to_vec(), writer);
        }
        let written = match self.named.get_mut(name) {
            Some(Writer::File(file)) => file.write_all(bytes),
            Some(Writer::Command(pipe, _)) => pipe.write_all(bytes),
            Some(Writer::Stderr) => io::stderr().write_all(bytes),
            Some(Writer::Stdout) | None => return self.write(bytes),
        };
        written.on("write", path(name))
    }

    fn open(&mut self, kind: TargetKind, name: &[u8]) -> Result<Writer> {
        if kind == TargetKind::Pipe {
            self.flush()?;
            let mut child = shell(name).stdin(Stdio::piped()).spawn().doing("start a shell")?;
            let Some(pipe) = child.stdin.take() else { return Ok(Writer::Stdout) };
            return Ok(Writer::Command(BufWriter::new(pipe), child));
        }
        match name {
            b"-" | b"/dev/stdout" => return Ok(Writer::Stdout),
            b"/dev/stderr" => {
                self.flush()?;
                return Ok(Writer::Stderr);
            }
            _ => {}
        }
        let path = path(name);
        let file =
            if kind == TargetKind::Append { File::options().append(true).create(true).open(&path) } else { File::create(&path) };
        Ok(Writer::File(BufWriter::new(file.on("open", &path)?)))
    }

    /// Hands everything on, so that other programs see it in order.
    ///
    /// # Errors
    /// Something can't be written.
    pub fn flush(&mut self) -> Result<()> {
        self.stdout.flush().doing("write standard output")?;
        for (name, writer) in &mut self.named {
            flush(writer).on("write", path(name))?;
        }
        Ok(())
    }

    /// Flushes one; false if there is none of that name.
    ///
    /// # Errors
    /// It can't be written.
    pub fn flush_one(&mut self, name: &[u8]) -> Result<bool> {
        match self.named.get_mut(name) {
            Some(Writer::Stdout) => self.stdout.flush().doing("write standard output")?,
            Some(writer) => flush(writer).on("write", path(name))?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Closes one; its status if there is one of that name.
    ///
    /// # Errors
    /// It can't be written.
    pub fn close(&mut self, name: &[u8]) -> Result<Option<i32>> {
        let Some(writer) = self.named.remove(name) else { return Ok(None) };
        self.stdout.flush().doing("write standard output")?;
        end(writer).map(Some).on("write", path(name))
    }

    /// Closes all and waits for the commands.
    ///
    /// # Errors
    /// Something can't be written; all the others are closed nevertheless.
    pub fn close_all(&mut self) -> Result<()> {
        let mut result = self.stdout.flush().doing("write standard output");
        for (name, writer) in self.named.drain() {
            let ended = end(writer).map(|_| ()).on("write", path(&name));
            result = result.and(ended);
        }
        result
    }
}

fn flush(writer: &mut Writer) -> io::Result<()> {
    match writer {
        Writer::File(file) => file.flush(),
        Writer::Command(pipe, _) => pipe.flush(),
        Writer::Stdout | Writer::Stderr => Ok(()),
    }
}

fn end(mut writer: Writer) -> io::Result<i32> {
    flush(&mut writer)?;
    match writer {
        Writer::Command(pipe, mut child) => {
            drop(pipe);
            child.wait().map(status)
        }
        Writer::File(_) | Writer::Stdout | Writer::Stderr => Ok(0),
    }
}
