//! Readers of records.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::rc::Rc;

use kit::{Context, Error, Result};

use crate::matcher::Matcher;

/// Bytes asked for at once: a pipe's size.
const CHUNK: usize = 64 << 10;

/// Separator of the input's records.
#[derive(Debug, Clone)]
pub enum Separator {
    Byte(u8),
    /// Empty lines.
    Paragraph,
    Regex(Rc<Matcher>),
}

impl Separator {
    /// By a value of RS.
    ///
    /// # Errors
    /// It is a wrong regular expression.
    pub fn new(text: &[u8]) -> Result<Self> {
        match text {
            b"" => Ok(Self::Paragraph),
            [byte] => Ok(Self::Byte(*byte)),
            _ => Ok(Self::Regex(Rc::new(Matcher::new(text)?))),
        }
    }
}

/// Reader of a file or of a command's output.
pub struct Reader {
    source: Box<dyn Read>,
    child: Option<Child>,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    name: String,
}

impl Reader {
    fn new(source: Box<dyn Read>, child: Option<Child>, name: String) -> Self {
        Self { source, child, buffer: Vec::new(), at: 0, ended: false, name }
    }

    /// Standard input.
    pub fn stdin() -> Self {
        // Without the standard library's buffer: what we do not read is for the commands that we start.
        let source: Box<dyn Read> = match io::stdin().as_fd().try_clone_to_owned() {
            Ok(fd) => Box::new(File::from(fd)),
            Err(_) => Box::new(io::stdin()),
        };
        Self::new(source, None, "standard input".into())
    }

    /// A file; `-` is standard input.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(name: &[u8]) -> Result<Self> {
        if matches!(name, b"-" | b"/dev/stdin") {
            return Ok(Self::stdin());
        }
        let path = crate::output::path(name);
        let file = File::open(&path).on("open", &path)?;
        if file.metadata().is_ok_and(|data| data.is_dir()) {
            return Err(Error::new(format!("read {}: is a directory", path.display())));
        }
        Ok(Self::new(Box::new(file), None, path.display().to_string()))
    }

    /// A command's output.
    ///
    /// # Errors
    /// The shell can't be started.
    pub fn command(text: &[u8]) -> Result<Self> {
        let mut child = crate::output::shell(text).stdout(Stdio::piped()).spawn().doing("start a shell")?;
        let source: Box<dyn Read> = match child.stdout.take() {
            Some(pipe) => Box::new(pipe),
            None => Box::new(io::empty()),
        };
        Ok(Self::new(source, Some(child), String::from_utf8_lossy(text).into_owned()))
    }

    /// Ends it; the exit status of a command, 0 for a file.
    pub fn close(self) -> i32 {
        let Self { source, child, .. } = self;
        drop(source);
        child.map_or(0, |mut child| child.wait().map_or(-1, crate::output::status))
    }

    /// Reads more; false at the end.
    fn more(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let start = self.buffer.len();
        // A long record doubles the room, so that each byte is copied a few times at most.
        self.buffer.resize(start + CHUNK.max(start), 0);
        let got = loop {
            match self.source.read(&mut self.buffer[start..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        let count = got.on("read", &self.name);
        self.buffer.truncate(start + count.as_ref().map_or(0, |count| *count));
        self.ended = count? == 0;
        Ok(!self.ended)
    }

    /// Appends the next record; false at the end.
    ///
    /// # Errors
    /// The file can't be read, or a search takes too many steps.
    pub fn record(&mut self, separator: &Separator, out: &mut Vec<u8>) -> Result<bool> {
        match separator {
            Separator::Byte(byte) => self.until_byte(*byte, out),
            Separator::Paragraph => self.paragraph(out),
            Separator::Regex(matcher) => self.until_match(matcher, out),
        }
    }

    fn until_byte(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<bool> {
        let mut seen = 0;
        loop {
            let rest = &self.buffer[self.at..];
            if let Some(len) = memchr::memchr(byte, &rest[seen..]) {
                out.extend_from_slice(&rest[..seen + len]);
                self.at += seen + len + 1;
                return Ok(true);
            }
            seen = rest.len();
            if !self.more()? {
                return Ok(self.last(out));
            }
        }
    }

    /// Returns the rest behind the last separator.
    fn last(&mut self, out: &mut Vec<u8>) -> bool {
        let rest = &self.buffer[self.at..];
        let some = !rest.is_empty();
        out.extend_from_slice(rest);
        self.at = self.buffer.len();
        some
    }

    fn paragraph(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        loop {
            let newlines = self.buffer[self.at..].iter().take_while(|c| **c == b'\n').count();
            self.at += newlines;
            if self.at < self.buffer.len() {
                break;
            }
            if !self.more()? {
                return Ok(false);
            }
        }
        loop {
            let rest = &self.buffer[self.at..];
            if let Some(len) = crate::matcher::find_text(rest, b"\n\n") {
                out.extend_from_slice(&rest[..len]);
                self.at += len + 2;
                return Ok(true);
            }
            if !self.more()? {
                let some = self.last(out);
                out.truncate(out.strip_suffix(b"\n").map_or(out.len(), <[u8]>::len));
                return Ok(some);
            }
        }
    }

    fn until_match(&mut self, matcher: &Matcher, out: &mut Vec<u8>) -> Result<bool> {
        loop {
            let rest = &self.buffer[self.at..];
            // A match at the end of what is read could be longer.
            let mut found = matcher.find(rest, 0)?;
            while let Some(range) = found.clone().filter(std::ops::Range::is_empty) {
                found = if range.end < rest.len() { matcher.find(rest, range.end + 1)? } else { None };
            }
            if let Some(range) = found.filter(|range| self.ended || range.end < rest.len()) {
                out.extend_from_slice(&rest[..range.start]);
                self.at += range.end;
                return Ok(true);
            }
            if !self.more()? {
                let again = matcher.find(&self.buffer[self.at..], 0)?;
                if again.is_some_and(|range| !range.is_empty()) {
                    continue;
                }
                return Ok(self.last(out));
            }
        }
    }
}
