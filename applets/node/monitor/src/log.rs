//! A container's log in the CRI's format: `TIME STREAM TAG CONTENT`, a line each.
//!
//! The tag is F for a whole line and P for a part of one: a line longer than [`CHUNK`], or output that ends without a newline.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use kit::{Context, Result};
use rustix::fs::{OFlags, fcntl_setfl};

use super::memory::Room;

/// The longest content of a log line, as containerd and CRI-O cut them.
const CHUNK: usize = 16 * 1024;
/// Limit of one read, in bytes.
const READ: usize = 16 * 1024;
/// The type of a file system in memory (linux/magic.h).
const TMPFS: i64 = 0x0102_1994;

/// A container's log file, with a quota: on a node without a disk it lies in memory, and nobody rotates it as fast as it may grow.
///
/// At the quota lines are dropped, and one line tells how many since the log was opened. The quota is for the file and the one before
/// it, which stays as it is until the next rotation: a file takes at most 11/16 of it, so that 5/16 are left for the next one. With
/// a quota of four times the size at which the kubelet rotates, that is more than this size: a full log is always rotated.
#[derive(Debug)]
pub struct Log {
    path: Option<PathBuf>,
    file: Option<File>,
    /// In bytes; 0 is none.
    quota: u64,
    /// The size of the file that was this log before the rotation.
    previous: u64,
    /// The size of the file.
    size: u64,
    /// The quota is used up, until the log is opened anew.
    full: bool,
    /// Lines that were dropped since the log was opened.
    dropped: Dropped,
    /// The room in the monitor's cgroup, which counts for a file in memory alone.
    room: Option<Room>,
    in_memory: bool,
}

/// Lines that were dropped, and what was told of it.
#[derive(Debug, Default)]
struct Dropped {
    lines: u64,
    /// The number that the file tells.
    told: u64,
    /// The place of the line that tells it, and this line's begin.
    note: Option<(u64, Vec<u8>)>,
}

impl Log {
    /// Open the file to append to, with a quota in bytes (0 is none); without a path all is dropped.
    pub fn open(path: Option<PathBuf>, quota: u64, room: Option<Room>) -> Result<Self> {
        let (dropped, in_memory) = (Dropped::default(), false);
        let mut log = Self { path, file: None, quota, previous: 0, size: 0, full: false, dropped, room, in_memory };
        log.reopen()?;
        Ok(log)
    }

    /// Open the path anew: the old file was renamed.
    pub fn reopen(&mut self) -> Result<()> {
        self.tell_dropped();
        let Some(path) = &self.path else { return Ok(()) };
        let file = File::options().append(true).create(true).open(path).on("open the log", path)?;
        let meta = file.metadata().on("open the log", path)?;
        if let Some(old) = self.file.as_ref().and_then(|old| old.metadata().ok())
            && (old.dev(), old.ino()) != (meta.dev(), meta.ino())
        {
            self.previous = old.len();
        }
        self.in_memory = rustix::fs::fstatfs(&file).is_ok_and(|system| system.f_type == TMPFS);
        (self.size, self.full, self.dropped, self.file) = (meta.len(), false, Dropped::default(), Some(file));
        Ok(())
    }

    /// Returns whether all is dropped until the log is opened anew.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Bytes that its files may take; 0 is no quota.
    pub const fn quota(&self) -> u64 {
        self.quota
    }

    /// Bytes that this file may take.
    fn most(&self) -> u64 {
        let most = self.quota / 16 * 11;
        most.min(self.quota - self.previous.min(most))
    }

    /// A full disk must not stop the container: lines that can't be written whole are dropped. `bytes` are whole lines.
    fn write(&mut self, bytes: &[u8]) {
        self.full |= self.quota > 0 && self.size.saturating_add(bytes.len() as u64) > self.most();
        if self.full || (self.in_memory && self.room.as_ref().is_some_and(|room| !room.has(bytes.len()))) {
            return self.drop_lines(lines(bytes));
        }
        let Some(file) = &mut self.file else { return };
        let mut written = 0;
        while written < bytes.len() {
            match file.write(&bytes[written..]) {
                Ok(count) if count > 0 => written += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    written -= cut_back(file, &bytes[..written]);
                    break;
                }
            }
        }
        self.size += written as u64;
    }

    /// Count what is dropped. The number is written when it has doubled, and at the end.
    fn drop_lines(&mut self, lines: u64) {
        self.dropped.lines += lines;
        if self.dropped.lines >= self.dropped.told.saturating_mul(2).max(1) {
            self.tell_dropped();
        }
    }

    /// Write how many lines were dropped, in the one line for that. Where there is no room for it, the next attempt may find some.
    pub fn tell_dropped(&mut self) {
        let (Some(file), dropped) = (&mut self.file, &mut self.dropped) else { return };
        if dropped.lines == dropped.told {
            return;
        }
        let note = dropped.note.take().or_else(|| {
            let mut begin = Vec::new();
            let _ = write_time(&mut begin, kit::clock::now());
            Some((file.metadata().ok()?.len(), begin))
        });
        let Some((at, begin)) = note else { return };
        let mut text = begin.clone();
        // Always as long: the next number takes its place. Writing to a vector can't fail.
        let _ = writeln!(text, " stderr F kutties: {:>12} lines dropped: the log is at its quota", dropped.lines);
        let written = replace(file, at, &text);
        if written {
            self.size = self.size.max(at + text.len() as u64);
            dropped.told = dropped.lines;
        }
        // A line that stands there already is the one to be written anew.
        dropped.note = Some((at, begin)).filter(|_| dropped.told > 0);
    }
}

/// Write at a place of a file that is open to append to: whether that went well.
fn replace(file: &File, at: u64, text: &[u8]) -> bool {
    let Ok(before) = file.metadata() else { return false };
    let written = fcntl_setfl(file, OFlags::empty()).is_ok_and(|()| file.write_all_at(text, at).is_ok());
    if !written {
        // A part of a line would be read as the next one's begin.
        let _ = file.set_len(before.len());
    }
    fcntl_setfl(file, OFlags::APPEND).is_ok() && written
}

/// The number of lines that end in these bytes.
fn lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count() as u64 - 1
}

/// Take back the part of a line at the end of what was written, and return its length: what comes when there is room again must not be
/// read as its end.
fn cut_back(file: &File, written: &[u8]) -> usize {
    let part = written.len() - written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if part > 0
        && let Ok(meta) = file.metadata()
    {
        // A file that can't be cut either keeps the part.
        let _ = file.set_len(meta.len().saturating_sub(part as u64));
    }
    part
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
    /// The begin of the line that comes was dropped, and so is the rest of it.
    skips: bool,
}

impl Stream {
    /// A stream of that name.
    pub const fn new(name: &'static str, fd: Option<OwnedFd>) -> Self {
        Self { name, fd, rest: Vec::new(), skips: false }
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

    /// The number of bytes that wait to be read; all that a pipe may hold where the kernel does not tell.
    pub fn waiting(&self) -> usize {
        let told = self.fd.as_ref().and_then(|fd| rustix::io::ioctl_fionread(fd).ok());
        told.map_or(1 << 20, |count| usize::try_from(count).unwrap_or(usize::MAX))
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
        if log.full {
            // Nothing is made of what nobody will read: a flood costs little more than its reading.
            self.skips = bytes.last() != Some(&b'\n');
            self.rest = Vec::new();
            return log.drop_lines(lines(bytes));
        }
        if self.skips {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
            log.drop_lines(1);
            (self.skips, bytes) = (false, &bytes[end + 1..]);
        }
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
    let now = kit::clock::now();
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
mod tests;
