//! The output: standard output or the new text of a file, and the files that a script writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result, out};

/// Destination of lines. The last one may still lack its end, which comes with what follows it.
struct Sink {
    to: Box<dyn Write>,
    missing: Option<u8>,
}

impl Sink {
    fn new(to: impl Write + 'static) -> Self {
        Self { to: Box::new(to), missing: None }
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        if let Some(end) = self.missing.take() {
            self.to.write_all(&[end])?;
        }
        self.to.write_all(text)
    }

    fn line(&mut self, text: &[u8], end: u8, ended: bool) -> io::Result<()> {
        self.text(text)?;
        if ended {
            return self.to.write_all(&[end]);
        }
        self.missing = Some(end);
        Ok(())
    }
}

/// All places where a script writes.
pub(super) struct Output {
    main: Sink,
    /// The file that is edited in place.
    place: Option<InPlace>,
    /// Those of `w` and `W`; the terminal's own names are among them.
    written: BTreeMap<PathBuf, Sink>,
    /// The end that the last line of `w /dev/stdout` lacks.
    missing: Option<u8>,
    /// The byte at a line's end.
    end: u8,
}

/// A file that is edited in place: the new text stands beside it until it is whole.
struct InPlace {
    file: PathBuf,
    fresh: PathBuf,
    kept: bool,
}

impl Drop for InPlace {
    fn drop(&mut self) {
        if !self.kept {
            // The unfinished file is of no use; the file itself is as it was.
            let _ = fs::remove_file(&self.fresh);
        }
    }
}

const STDOUT: &str = "/dev/stdout";
const STDERR: &str = "/dev/stderr";

impl Output {
    pub(super) fn new(end: u8) -> Self {
        Self { main: Sink::new(out()), place: None, written: BTreeMap::new(), missing: None, end }
    }

    /// Make a file that `w` writes: it exists, and is empty, from the start.
    pub(super) fn open(&mut self, path: &Path) -> Result<()> {
        if self.written.contains_key(path) {
            return Ok(());
        }
        let sink = match path.to_str() {
            Some(STDOUT) => Sink::new(out()),
            Some(STDERR) => Sink::new(io::stderr()),
            _ => Sink::new(BufWriter::new(File::create(path).on("make", path)?)),
        };
        self.written.insert(path.to_owned(), sink);
        Ok(())
    }

    /// Write a file's new text from here on.
    pub(super) fn edit(&mut self, file: &Path) -> Result<()> {
        let meta = fs::metadata(file).on("edit", file)?;
        if !meta.is_file() {
            return Err(Error::new(format!("edit {}: not a regular file", file.display())));
        }
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".sed{}", std::process::id()));
        let fresh = file.with_file_name(name);
        let new = File::create_new(&fresh).on("make", &fresh)?;
        let place = InPlace { file: file.to_owned(), fresh, kept: false };
        // A user who may not give a file away keeps it; setuid bits come with the permissions,
        // after the owner.
        let _ = fchown(&new, Some(meta.uid()), Some(meta.gid()));
        new.set_permissions(meta.permissions()).on("set the permissions of", &place.fresh)?;
        self.main = Sink::new(BufWriter::new(new));
        self.place = Some(place);
        Ok(())
    }

    /// Put the new text in the old one's place; the old one stays under its name and a suffix, unless that is empty.
    pub(super) fn keep(&mut self, suffix: &str) -> Result<()> {
        let Some(mut place) = self.place.take() else { return Ok(()) };
        self.main.to.flush().doing("write the new text")?;
        self.main = Sink::new(out());
        if !suffix.is_empty() {
            let old = backup(&place.file, suffix);
            // The name never stands for no file at all.
            let _ = fs::remove_file(&old);
            fs::hard_link(&place.file, &old).or_else(|_| fs::rename(&place.file, &old)).on("keep the old text as", &old)?;
        }
        fs::rename(&place.fresh, &place.file).on("replace", &place.file)?;
        place.kept = true;
        Ok(())
    }

    /// A text, behind an end of line that was missing.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<()> {
        self.main.text(text).doing("write the output")
    }

    /// A line.
    pub(super) fn line(&mut self, text: &[u8], ended: bool) -> Result<()> {
        self.main.line(text, self.end, ended).doing("write the output")
    }

    /// A file's content; one that is not there reads as an empty one: POSIX.
    pub(super) fn copy(&mut self, path: &Path) -> Result<()> {
        self.main.text(&[]).doing("write the output")?;
        let Ok(mut file) = File::open(path) else { return Ok(()) };
        if file.metadata().is_ok_and(|meta| meta.is_dir()) {
            return Ok(());
        }
        io::copy(&mut file, &mut self.main.to).map(drop).on("copy", path)
    }

    /// A line into a file of `w`, at once: the script may read it.
    pub(super) fn write_to(&mut self, path: &Path, text: &[u8], ended: bool) -> Result<()> {
        let to_main = self.place.is_none() && path == Path::new(STDOUT);
        match self.written.get_mut(path) {
            Some(sink) if !to_main => sink.line(text, self.end, ended).and_then(|()| sink.to.flush()).on("write", path),
            // The same place, but of the two each ends its own lines: GNU's.
            _ => {
                std::mem::swap(&mut self.main.missing, &mut self.missing);
                let done = self.line(text, ended);
                std::mem::swap(&mut self.main.missing, &mut self.missing);
                done
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.main.to.flush().doing("write the output")
    }
}

/// The old text's name: a suffix, or a name in which each `*` stands for the file's.
fn backup(file: &Path, suffix: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default();
    if !suffix.contains('*') {
        let mut name = name.to_owned();
        name.push(suffix);
        return file.with_file_name(name);
    }
    let whole = suffix.replace('*', &name.to_string_lossy());
    if whole.contains('/') { PathBuf::from(whole) } else { file.with_file_name(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_old_texts() {
        assert_eq!(backup(Path::new("d/a"), ".bak"), Path::new("d/a.bak"));
        assert_eq!(backup(Path::new("d/a"), "old_*"), Path::new("d/old_a"));
        assert_eq!(backup(Path::new("d/a"), "e/*.b*"), Path::new("e/a.ba"));
    }
}
