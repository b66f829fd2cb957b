//! Actions that start programs or delete.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{Context, Result};

use super::test::name;
use super::{File, Walk};

/// Bytes of paths that `-exec … +` gathers for one call: half of what the kernel takes on any system.
const GATHERED: usize = 64 * 1024;

/// A program for each file.
#[derive(Debug)]
pub(crate) struct Program {
    pub words: Vec<OsString>,
    /// It runs in the file's directory.
    pub in_directory: bool,
    /// It runs when a person agrees.
    pub asks: bool,
}

/// A program for many files at once.
#[derive(Debug)]
pub(crate) struct Calls {
    pub words: Vec<OsString>,
    pub in_directory: bool,
    pub gathered: Vec<OsString>,
    /// Directory of those that are gathered.
    pub directory: PathBuf,
}

impl Program {
    /// Run it for one file. True when it ended with 0.
    pub fn call(&self, file: &File, walk: &mut Walk) -> Result<bool> {
        let shown = if self.in_directory { in_directory(file.path) } else { file.path.into() };
        let words: Vec<OsString> = self.words.iter().map(|w| put(w, &shown)).collect();
        if self.asks && !agreed(&words)? {
            return Ok(false);
        }
        walk.flush()?;
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if let (true, Some(directory)) = (self.in_directory, directory(file.path)) {
            command.current_dir(directory);
        }
        match command.status() {
            Ok(status) => Ok(status.success()),
            Err(e) => {
                walk.complain(Err::<(), _>(e).on("run", &words[0]));
                Ok(false)
            }
        }
    }
}

impl Calls {
    /// Gather a file, after a call when there is no room for it.
    pub fn add(&mut self, file: &File, walk: &mut Walk) -> Result<()> {
        let shown = if self.in_directory { in_directory(file.path) } else { file.path.into() };
        let directory = if self.in_directory { directory(file.path).unwrap_or_default() } else { PathBuf::new() };
        let bytes: usize = self.gathered.iter().map(|path| path.len() + 1).sum();
        if bytes + shown.len() > GATHERED || directory != self.directory {
            self.call(walk)?;
        }
        self.directory = directory;
        self.gathered.push(shown);
        Ok(())
    }

    /// Run it for what is gathered.
    pub fn call(&mut self, walk: &mut Walk) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        walk.flush()?;
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(self.gathered.drain(..));
        if !self.directory.as_os_str().is_empty() {
            command.current_dir(&self.directory);
        }
        match command.status() {
            Ok(status) => walk.failed |= !status.success(),
            Err(e) => walk.complain(Err::<(), _>(e).on("run", &self.words[0])),
        }
        Ok(())
    }
}

/// The directory of a file, if the path names one.
fn directory(path: &Path) -> Option<PathBuf> {
    path.parent().filter(|p| !p.as_os_str().is_empty() && path.file_name().is_some()).map(Path::to_owned)
}

/// A file's path in its directory.
fn in_directory(path: &Path) -> OsString {
    let name = name(path);
    if name == "/" { name.to_owned() } else { [OsStr::new("./"), name].iter().copied().collect() }
}

/// The path in place of each `{}`.
fn put(word: &OsStr, path: &OsStr) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some(at) = rest.windows(2).position(|w| w == b"{}") {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(path.as_bytes());
        rest = &rest[at + 2..];
    }
    bytes.extend_from_slice(rest);
    OsString::from_vec(bytes)
}

fn agreed(words: &[OsString]) -> Result<bool> {
    let mut ask = std::io::stderr();
    write!(ask, "< {} >? ", words.join(OsStr::new(" ")).display()).and_then(|()| ask.flush()).doing("ask")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).doing("read the answer")?;
    Ok(answer.starts_with(['y', 'Y']))
}

pub(super) fn delete(file: &File, walk: &mut Walk) -> bool {
    // `find . -delete` empties the working directory and leaves it.
    if file.path == Path::new(".") {
        return true;
    }
    let done = if file.meta.is_dir() { fs::remove_dir(file.path) } else { fs::remove_file(file.path) };
    let ok = done.is_ok();
    walk.complain(done.on("delete", file.path));
    ok
}
