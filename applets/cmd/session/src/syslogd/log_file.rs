//! The log's file, which is put aside when it is large.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use kit::{Context, Result};

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o640).open(path)
}

/// A file, or standard output.
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    limit: u64,
    kept: u8,
}

impl LogFile {
    /// Open it. A limit of 0 is none.
    pub fn open(path: &Path, limit: u64, kept: u8) -> Result<Self> {
        let is_output = path.as_os_str() == "-";
        let file = if is_output { None } else { Some(append(path).on("open", path)?) };
        let bytes = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |about| about.len());
        Ok(Self { path: path.to_owned(), file, bytes, limit, kept })
    }

    /// Add a line.
    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.path.as_os_str() == "-" {
            let mut out = io::stdout().lock();
            return out.write_all(line).and_then(|()| out.flush());
        }
        if self.limit > 0 && self.bytes + line.len() as u64 > self.limit && self.bytes > 0 {
            self.put_aside()?;
        }
        // A file that could not be opened is tried again.
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(append(&self.path)?),
        };
        file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// FILE becomes FILE.0, that FILE.1, and the oldest goes.
    fn put_aside(&mut self) -> io::Result<()> {
        self.file = None;
        let numbered = |number: u8| self.path.with_added_extension(number.to_string());
        for number in (1..self.kept).rev() {
            let _ = fs::rename(numbered(number - 1), numbered(number));
        }
        if self.kept > 0 {
            fs::rename(&self.path, numbered(0))?;
        } else {
            fs::remove_file(&self.path)?;
        }
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_oldest_goes() {
        let dir = std::env::temp_dir().join(format!("session-log-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("messages");
        let mut file = LogFile::open(&path, 10, 2).unwrap();
        for line in ["aaaaaaaa\n", "bbbbbbbb\n", "cccccccc\n", "dddddddd\n"] {
            file.write(line.as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        assert_eq!(
            (read("messages"), read("messages.0"), read("messages.1")),
            ("dddddddd\n".into(), "cccccccc\n".into(), "bbbbbbbb\n".into())
        );
        assert!(!dir.join("messages.2").exists());
        fs::remove_dir_all(dir).unwrap();
    }
}
