//! The input: files, one after another.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

/// Files, one after another, a line ahead: whether a line is the last must be known.
#[derive(Default)]
pub(super) struct Input {
    /// Those to come, the next one last.
    files: Vec<PathBuf>,
    current: Option<Box<dyn BufRead>>,
    ahead: Option<(Vec<u8>, bool)>,
    begun: bool,
}

impl Input {
    /// Begin with other files, `-` standard input.
    pub(super) fn of(files: Vec<PathBuf>) -> Self {
        Self { files: files.into_iter().rev().collect(), ..Self::default() }
    }

    /// The next line without its end, and whether it had one. `failed` is set when a file can't be read, which is said.
    pub(super) fn next(&mut self, end: u8, failed: &mut bool) -> Result<Option<(Vec<u8>, bool)>> {
        if !self.begun {
            self.begun = true;
            self.ahead = self.fetch(end, failed)?;
        }
        let line = self.ahead.take();
        if line.is_some() {
            self.ahead = self.fetch(end, failed)?;
        }
        Ok(line)
    }

    /// Whether the line that was given is the last of all.
    pub(super) fn is_last(&self) -> bool {
        self.ahead.is_none()
    }

    fn fetch(&mut self, end: u8, failed: &mut bool) -> Result<Option<(Vec<u8>, bool)>> {
        loop {
            if let Some(reader) = &mut self.current {
                let mut line = Vec::new();
                if reader.read_until(end, &mut line).doing("read the input")? > 0 {
                    let ended = line.pop_if(|b| *b == end).is_some();
                    return Ok(Some((line, ended)));
                }
                self.current = None;
            }
            let Some(path) = self.files.pop() else { return Ok(None) };
            match open(&path) {
                Ok(reader) => self.current = Some(reader),
                Err(e) => {
                    *failed = true;
                    // Nothing is left to tell it to when standard error is closed.
                    let _ = writeln!(io::stderr(), "sed: {e}");
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let mut file = File::open(path).on("read", path)?;
    // A folder opens and does not read.
    file.read(&mut []).on("read", path)?;
    if file.metadata().on("read", path)?.is_dir() {
        return Err(Error::new(format!("read {}: is a directory", path.display())));
    }
    Ok(Box::new(BufReader::new(file)))
}
