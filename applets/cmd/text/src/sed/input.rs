//! The input: files, one after another.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use kit::{Context, Error, Result};

/// A line of a file.
pub(super) struct Line {
    /// Without its end.
    pub text: Vec<u8>,
    /// It had an end.
    pub ended: bool,
    /// The file.
    pub file: Rc<Path>,
}

/// Files, one after another, a line ahead: the last line must be known as such.
#[derive(Default)]
pub(super) struct Input {
    /// Those to come, the next one last.
    files: Vec<PathBuf>,
    current: Option<(Box<dyn BufRead>, Rc<Path>)>,
    ahead: Option<Line>,
    begun: bool,
}

impl Input {
    /// Begin with other files, `-` standard input.
    pub(super) fn of(files: Vec<PathBuf>) -> Self {
        Self { files: files.into_iter().rev().collect(), ..Self::default() }
    }

    /// The next line. `failed` is set when a file can't be read, which is said.
    pub(super) fn next(&mut self, end: u8, failed: &mut bool) -> Option<Line> {
        if !self.begun {
            self.begun = true;
            self.ahead = self.fetch(end, failed);
        }
        let line = self.ahead.take();
        if line.is_some() {
            self.ahead = self.fetch(end, failed);
        }
        line
    }

    /// Tell if the line that was given is the last of all.
    pub(super) const fn is_last(&self) -> bool {
        self.ahead.is_none()
    }

    fn fetch(&mut self, end: u8, failed: &mut bool) -> Option<Line> {
        loop {
            if let Some((reader, file)) = &mut self.current {
                let mut text = Vec::new();
                match reader.read_until(end, &mut text) {
                    Ok(0) => {}
                    Ok(_) => {
                        let ended = text.pop_if(|b| *b == end).is_some();
                        return Some(Line { text, ended, file: Rc::clone(file) });
                    }
                    Err(e) => {
                        *failed = true;
                        complain(&format!("read {}: {e}", file.display()));
                    }
                }
                self.current = None;
            }
            let path = self.files.pop()?;
            match open(&path) {
                Ok(reader) => self.current = Some((reader, path.into())),
                Err(e) => {
                    *failed = true;
                    complain(&e.to_string());
                }
            }
        }
    }
}

/// A line on standard error. Ignored: the message is lost when that is closed.
pub(super) fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "sed: {what}");
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let mut file = File::open(path).on("read", path)?;
    // A directory opens and does not read.
    file.read(&mut []).on("read", path)?;
    if file.metadata().on("read", path)?.is_dir() {
        return Err(Error::new(format!("read {}: is a directory", path.display())));
    }
    Ok(Box::new(BufReader::new(file)))
}
