//! A container's log in the CRI's format: `TIME STREAM TAG CONTENT`, a line each.
//!
//! The tag is F for a whole line and P for a part of one: a line longer than [`CHUNK`], or output that ends without a newline.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use kit::{Context, Result};

/// The longest content of a log line, as containerd and CRI-O cut them.
const CHUNK: usize = 16 * 1024;
/// What is read at once.
const READ: usize = 16 * 1024;

/// A container's log file.
#[derive(Debug)]
pub struct Log {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Log {
    /// Open the file to append to; without a path all is dropped.
    pub fn open(path: Option<PathBuf>) -> Result<Self> {
        let mut log = Self { path, file: None };
        log.reopen()?;
        Ok(log)
    }

    /// Open the path anew: the old file was renamed.
    pub fn reopen(&mut self) -> Result<()> {
        if let Some(path) = &self.path {
            self.file = Some(File::options().append(true).create(true).open(path).on("open the log", path)?);
        }
        Ok(())
    }

    /// A full disk must not stop the container: lines that can't be written whole are dropped. `bytes` are whole lines.
    fn write(&mut self, bytes: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let mut written = 0;
        while written < bytes.len() {
            match file.write(&bytes[written..]) {
                Ok(count) if count > 0 => written += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                _ => return cut_back(file, &bytes[..written]),
            }
        }
    }
}

/// Take back the part of a line at the end of what was written: what comes when there is room again must not be read as its end.
fn cut_back(file: &File, written: &[u8]) {
    let part = written.len() - written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if part > 0
        && let Ok(meta) = file.metadata()
    {
        // A file that can't be cut either keeps the part.
        let _ = file.set_len(meta.len().saturating_sub(part as u64));
    }
}

/// One of a container's two output streams.
#[derive(Debug)]
pub struct Stream {
    /// `stdout` or `stderr`.
    name: &'static str,
    /// The pipe's or terminal's end to read from; none after its end. It does not block.
    pub fd: Option<OwnedFd>,
    /// The begin of a line whose end has not come yet.
    rest: Vec<u8>,
}

impl Stream {
    /// A stream of that name.
    pub const fn new(name: &'static str, fd: Option<OwnedFd>) -> Self {
        Self { name, fd, rest: Vec::new() }
    }

    /// Read what is there, log it and show it to `tee`, which says whether to go on.
    pub fn pump(&mut self, log: &mut Log, mut tee: impl FnMut(&[u8]) -> bool) {
        let mut bytes = [0; READ];
        while let Some(fd) = &self.fd {
            match rustix::io::read(fd, &mut bytes) {
                Ok(0) => self.finish(log),
                Ok(n) => {
                    self.add(&bytes[..n], log);
                    if !tee(&bytes[..n]) {
                        return;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                // A terminal whose other end is closed answers EIO.
                Err(_) => self.finish(log),
            }
        }
    }

    /// Log the rest and close.
    pub fn finish(&mut self, log: &mut Log) {
        if !self.rest.is_empty() {
            let mut text = Vec::with_capacity(self.rest.len() + 64);
            line(&mut text, self.name, b'P', &self.rest);
            log.write(&text);
        }
        self.rest = Vec::new();
        self.fd = None;
    }

    fn add(&mut self, mut bytes: &[u8], log: &mut Log) {
        let mut text = Vec::with_capacity(bytes.len() + 128);
        while !bytes.is_empty() {
            let room = CHUNK - self.rest.len();
            let window = &bytes[..bytes.len().min(room)];
            if let Some(end) = window.iter().position(|b| *b == b'\n') {
                self.rest.extend_from_slice(&bytes[..end]);
                self.cut(b'F', &mut text);
                bytes = &bytes[end + 1..];
                continue;
            }
            self.rest.extend_from_slice(window);
            bytes = &bytes[window.len()..];
            if self.rest.len() == CHUNK {
                // A line of exactly this length may end with the next byte.
                let ends = bytes.first() == Some(&b'\n');
                self.cut(if ends { b'F' } else { b'P' }, &mut text);
                bytes = &bytes[usize::from(ends)..];
            }
        }
        log.write(&text);
    }

    fn cut(&mut self, tag: u8, text: &mut Vec<u8>) {
        line(text, self.name, tag, &self.rest);
        self.rest.clear();
        // A pod with quiet containers gives back what a loud moment took.
        self.rest.shrink_to(256);
    }
}

fn line(text: &mut Vec<u8>, stream: &str, tag: u8, content: &[u8]) {
    let now = super::journal::now();
    // Writing to a vector can't fail.
    let _ = write_time(text, now).and_then(|()| write!(text, " {stream} {} ", char::from(tag)));
    text.extend_from_slice(content);
    text.push(b'\n');
}

/// Nanoseconds since 1970 as the log writes them: in UTC, always as many digits, so that a later time sorts later.
pub fn timestamp(at: i64) -> String {
    let mut text = Vec::new();
    // Writing to a vector can't fail.
    let _ = write_time(&mut text, at);
    String::from_utf8_lossy(&text).into_owned()
}

fn write_time(text: &mut Vec<u8>, now: i64) -> io::Result<()> {
    let (seconds, nanos) = (now.div_euclid(1_000_000_000), now.rem_euclid(1_000_000_000));
    let (days, second) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// Year, month and day of a day counted from 1970, by the Gregorian calendar's 400-year cycle.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_514), (2026, 3, 2));
    }

    #[test]
    fn a_part_of_a_line_is_taken_back() {
        let path = std::env::temp_dir().join(format!("kutties-log-cut-{}", std::process::id()));
        for (written, left) in [("one\ntwo\nthr", "zero\none\ntwo\n"), ("one\n", "zero\none\n"), ("on", "zero\n"), ("", "zero\n")]
        {
            std::fs::write(&path, format!("zero\n{written}")).unwrap();
            cut_back(&File::options().append(true).open(&path).unwrap(), written.as_bytes());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), left);
        }
        std::fs::remove_file(path).unwrap();
    }

    /// The tags and contents that a sequence of writes leaves in the log.
    fn logged(writes: &[&[u8]]) -> Vec<(String, usize)> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("kutties-log-{}-{number}", std::process::id()));
        let mut log = Log::open(Some(path.clone())).unwrap();
        let mut stream = Stream::new("stdout", None);
        for bytes in writes {
            stream.add(bytes, &mut log);
        }
        stream.finish(&mut log);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let parts = text.lines().map(|l| l.splitn(4, ' ').collect::<Vec<_>>());
        parts.map(|p| (p[2].to_owned(), p[3].len())).collect()
    }

    #[test]
    fn lines_are_tagged_full_or_partial() {
        assert_eq!(logged(&[b"one\ntw", b"o\nthree"]), [("F".into(), 3), ("F".into(), 3), ("P".into(), 5)]);
    }

    #[test]
    fn long_lines_are_cut() {
        let long = vec![b'x'; CHUNK * 2 + 5];
        assert_eq!(logged(&[&long, b"\n"]), [("P".into(), CHUNK), ("P".into(), CHUNK), ("F".into(), 5)]);
    }
}
