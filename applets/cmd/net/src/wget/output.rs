//! Output of the bytes, and the messages meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};

use super::{Options, status};

/// Interval of the progress.
const TICK: Duration = Duration::from_millis(200);

/// The choice of files.
pub struct Output {
    document: Option<PathBuf>,
    directory: PathBuf,
    goes_on: bool,
    quiet: bool,
    nothing: bool,
    /// The document was opened for an earlier URL: the next one is added to it.
    opened: bool,
}

/// Target of one URL's bytes.
pub struct Target {
    name: String,
    /// None for nowhere.
    sink: Option<Sink>,
    /// The file, when it was made for this URL alone.
    made: Option<PathBuf>,
    /// Position of this URL's first byte in the file.
    begin: u64,
    /// Number of its bytes that are there.
    have: u64,
    /// Number of its bytes in all, when that is known.
    total: Option<u64>,
    quiet: bool,
    terminal: bool,
    started: Instant,
    /// Number of bytes that were there when the transfer began.
    before: u64,
    told: Option<Instant>,
}

enum Sink {
    Standard,
    File(File),
}

impl Output {
    pub fn new(options: &Options) -> Self {
        Self {
            document: options.output_document.clone(),
            directory: options.directory_prefix.clone().unwrap_or_default(),
            goes_on: options.continue_,
            quiet: options.quiet,
            nothing: options.spider,
            opened: false,
        }
    }

    /// Open the file for a URL.
    pub fn target(&mut self, url: &str) -> Result<Target> {
        let path = match &self.document {
            Some(path) => path.clone(),
            None if self.goes_on => self.directory.join(last_part(url)),
            None => free(self.directory.join(last_part(url))),
        };
        let made = (self.document.is_none() && !path.exists()).then(|| path.clone());
        let sink = if self.nothing { None } else { Some(self.sink(&path).map_err(|e| e.with_exit(status::FILE))?) };
        let end = match &sink {
            Some(Sink::File(file)) => file.metadata().on("look at", &path)?.len(),
            _ => 0,
        };
        let adds = self.document.is_some() && self.opened;
        let (begin, have) = if adds { (end, 0) } else { (0, end) };
        self.opened = true;
        Ok(Target {
            name: path.display().to_string(),
            sink,
            made,
            begin,
            have,
            total: None,
            quiet: self.quiet,
            terminal: std::io::stderr().is_terminal(),
            started: Instant::now(),
            before: have,
            told: None,
        })
    }

    fn sink(&self, path: &Path) -> Result<Sink> {
        if path.as_os_str() == "-" {
            return Ok(Sink::Standard);
        }
        if !self.directory.as_os_str().is_empty() {
            std::fs::create_dir_all(&self.directory).on("make", &self.directory)?;
        }
        let keep = self.goes_on || self.opened;
        let mut file = OpenOptions::new().create(true).write(true).truncate(!keep).open(path).on("write", path)?;
        file.seek(SeekFrom::End(0)).on("write", path)?;
        Ok(Sink::File(file))
    }
}

impl Target {
    /// Returns the number of bytes that are there already.
    pub const fn have(&self) -> u64 {
        self.have
    }

    /// The server sends what is missing.
    pub fn goes_on(&mut self) {
        self.before = self.have;
        self.started = Instant::now();
    }

    /// The server sends all of it.
    pub fn starts_over(&mut self) -> Result<()> {
        if self.have > 0 && matches!(self.sink, Some(Sink::Standard)) {
            return Err(Error::new("standard output can't be taken back to begin anew").with_exit(status::FILE));
        }
        if let Some(Sink::File(file)) = &mut self.sink {
            let cut = file.set_len(self.begin).and_then(|()| file.seek(SeekFrom::Start(self.begin)));
            cut.on("write", &self.name).map_err(|e| e.with_exit(status::FILE))?;
        }
        self.have = 0;
        self.goes_on();
        Ok(())
    }

    /// Another try: with -c it goes on, else it begins anew.
    pub fn again(&mut self, goes_on: bool) -> Result<()> {
        if goes_on { Ok(()) } else { self.starts_over() }
    }

    /// Sets the number of bytes that are to come.
    pub fn expect(&mut self, length: Option<u64>) {
        self.total = length.map(|length| self.have + length);
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.sink {
            Some(Sink::Standard) => std::io::stdout().write_all(bytes),
            Some(Sink::File(file)) => file.write_all(bytes),
            None => Ok(()),
        };
        written.on("write", &self.name).map_err(|e| e.with_exit(status::FILE))?;
        self.have += bytes.len() as u64;
        if self.terminal && self.told.is_none_or(|told| told.elapsed() >= TICK) {
            self.told = Some(Instant::now());
            self.tell(&format!("\r{}\x1b[K", self.progress()));
        }
        Ok(())
    }

    /// All is there.
    pub fn finish(&mut self) -> Result<()> {
        if let Some(Sink::Standard) = self.sink {
            std::io::stdout().flush().on("write", &self.name)?;
        }
        if self.sink.is_some() {
            let start = if self.terminal { "\r" } else { "" };
            let end = if self.terminal { "\x1b[K\n" } else { "\n" };
            self.tell(&format!("{start}{}{end}", self.progress()));
        }
        Ok(())
    }

    /// Nothing came of it: an empty file that was made for it goes again.
    pub fn abandon(&self) {
        if let Some(file) = self.made.as_ref().filter(|_| self.have == 0) {
            // The error that is told is why there is nothing in it.
            let _ = std::fs::remove_file(file);
        }
    }

    /// A line on standard error.
    pub fn say(&self, line: &str) {
        self.tell(&format!("{line}\n"));
    }

    fn tell(&self, text: &str) {
        if !self.quiet {
            // Nobody is told when standard error is closed.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }

    fn progress(&self) -> String {
        let percent = match self.total {
            Some(total) if total > 0 => format!(" {}%", self.have * 100 / total),
            _ => String::new(),
        };
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let speed = (self.have - self.before).saturating_mul(1000) / millis;
        let name = if self.name == "-" { "standard output" } else { &self.name };
        format!("{name}:{percent} {} at {}/s", size(self.have), size(speed))
    }
}

/// A complaint about one of several URLs.
pub fn complain(e: &Error) {
    // Nobody is told when standard error is closed.
    let _ = writeln!(std::io::stderr(), "wget: {e}");
}

/// The URL's last part, without its question.
fn last_part(url: &str) -> String {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit_once('/') {
        Some((_, name)) if !name.is_empty() && ![".", ".."].contains(&name) => name.to_owned(),
        _ => "index.html".into(),
    }
}

/// The path, or the first of path.1, path.2 … that is free.
fn free(path: PathBuf) -> PathBuf {
    if !path.exists() {
        return path;
    }
    (1..u32::MAX).map(|n| path.with_added_extension(n.to_string())).find(|other| !other.exists()).unwrap_or(path)
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (url, name) in [
            ("http://a/b/c.tar?x=/y", "c.tar"),
            ("http://a", "index.html"),
            ("http://a/", "index.html"),
            ("http://a/..", "index.html"),
            ("http://a/x#y", "x"),
        ] {
            assert_eq!(last_part(url), name, "{url}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!((size(1023), size(1536), size(5 << 30)), ("1023 B".into(), "1.5 KiB".into(), "5.0 GiB".into()));
    }
}
