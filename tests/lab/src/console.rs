//! A machine's serial console: every line kept with the host's clock, waited for, typed at, shown.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};

use crate::heartbeat;
use crate::plain::Plain;

/// A place in the transcript: what was said before it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark(usize);

/// A line of the console and when its end was heard, counted from the machine's start.
#[derive(Debug, Clone)]
pub struct Line {
    /// Since the processors began to run.
    pub at: Duration,
    /// Without control sequences.
    pub text: String,
}

#[derive(Default)]
struct Heard {
    /// All that was said, without control sequences.
    text: String,
    /// End of each line, and the time of it.
    ends: Vec<(usize, Duration)>,
    /// The last line, which may change still.
    line: Vec<char>,
    /// Position of the next character in it.
    cursor: usize,
    /// The last character was a carriage return.
    returned: bool,
    /// The machine has closed its end.
    closed: bool,
    /// Also shown on the terminal.
    shown: bool,
}

impl Heard {
    /// Write as a terminal does: a line editor draws its line anew at each key, after a carriage return or some backspaces.
    fn take(&mut self, c: char, started: Instant) {
        match c {
            '\r' => self.returned = true,
            '\u{8}' => self.cursor = self.cursor.saturating_sub(1),
            '\n' => {
                self.settle();
                self.text.push(c);
                self.ends.push((self.text.len(), started.elapsed()));
                self.line.clear();
                (self.cursor, self.returned) = (0, false);
            }
            c => {
                if std::mem::take(&mut self.returned) {
                    self.line.clear();
                    self.cursor = 0;
                }
                match self.line.get_mut(self.cursor) {
                    Some(place) => *place = c,
                    None => self.line.push(c),
                }
                self.cursor += 1;
            }
        }
    }

    /// Put the line as it stands now at the text's end.
    fn settle(&mut self) {
        let start = self.ends.last().map_or(0, |end| end.0);
        self.text.truncate(start);
        self.text.extend(&self.line);
    }
}

struct Shared {
    heard: Mutex<Heard>,
    more: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        // A reader that died while it held the lock left a text that can still be read.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host's end of a serial console.
pub struct Console {
    shared: Arc<Shared>,
    to: UnixStream,
}

impl Console {
    /// Listen to `stream` from now on, with a transcript at `log`.
    pub fn new(stream: UnixStream, log: &Path, started: Instant) -> Result<Self> {
        let to = stream.try_clone().doing("share the console")?;
        let log = File::create(log).on("make", log)?;
        let shared = Arc::new(Shared { heard: Mutex::default(), more: Condvar::new() });
        let ear = Arc::clone(&shared);
        thread::spawn(move || listen(stream, log, &ear, started));
        Ok(Self { shared, to })
    }

    /// The end of what was said so far.
    pub fn mark(&self) -> Mark {
        Mark(self.shared.lock().text.len())
    }

    /// Wait until `text` is said after `from`; the place behind it.
    pub fn wait(&self, text: &str, from: Mark, limit: Duration) -> Result<Mark> {
        self.wait_for(&format!("{text:?}"), from, limit, |said| said.find(text).map(|at| at + text.len()))
    }

    fn wait_for(&self, what: &str, from: Mark, limit: Duration, find: impl Fn(&str) -> Option<usize>) -> Result<Mark> {
        let end = Instant::now() + limit;
        let mut heard = self.shared.lock();
        loop {
            if let Some(at) = heard.text.get(from.0..).and_then(&find) {
                return Ok(Mark(from.0 + at));
            }
            let left = end.saturating_duration_since(Instant::now());
            if heard.closed || left.is_zero() {
                let why = if heard.closed { "the machine is off".into() } else { format!("{} s are over", limit.as_secs()) };
                drop(heard);
                return Err(Error::new(format!("wait for {what} on the console: {why}\n{}", self.tail(20))));
            }
            heard = self.shared.more.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wait until the shell stands at its prompt on a line that began after `from`.
    pub fn wait_prompt(&self, from: Mark, limit: Duration) -> Result<Mark> {
        self.wait_for("the shell's prompt", from, limit, prompt)
    }

    /// Tells if the machine still has it open.
    pub fn is_open(&self) -> bool {
        !self.shared.lock().closed
    }

    /// A second keyboard, for a person.
    pub fn keys(&self) -> Result<UnixStream> {
        self.to.try_clone().doing("share the console")
    }

    /// Type a line, with a carriage return at its end as a terminal sends it.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        self.type_bytes(format!("{line}\r").as_bytes())
    }

    /// Type bytes as they are.
    pub fn type_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes).doing("type at the console")
    }

    /// Returns the text after `from`.
    pub fn since(&self, from: Mark) -> String {
        self.shared.lock().text.get(from.0..).unwrap_or_default().to_owned()
    }

    /// All whole lines with their times.
    pub fn lines(&self) -> Vec<Line> {
        let heard = self.shared.lock();
        let mut from = 0;
        let mut lines = Vec::with_capacity(heard.ends.len());
        for &(end, at) in &heard.ends {
            lines.push(Line { at, text: heard.text.get(from..end).unwrap_or_default().trim_end().to_owned() });
            from = end;
        }
        lines
    }

    /// The last lines, as evidence.
    pub fn tail(&self, count: usize) -> String {
        let heard = self.shared.lock();
        let lines: Vec<&str> = heard.text.lines().collect();
        let mut tail = String::new();
        for line in &lines[lines.len().saturating_sub(count)..] {
            // Writing to a String can't fail.
            let _ = writeln!(tail, "    | {line}");
        }
        tail
    }

    /// Show what is said on the terminal as well, or no longer.
    pub fn show(&self, shown: bool) {
        self.shared.lock().shown = shown;
    }
}

/// The end of the last prompt (`node:~# ` or `node:/etc# `) that stands at a line's beginning, the first line not counted: a line
/// editor draws the prompt again and again while one types.
fn prompt(said: &str) -> Option<usize> {
    let starts = said.match_indices('\n').map(|(at, _)| at + 1);
    starts.filter_map(|start| prompt_at(&said[start..]).map(|len| start + len)).next_back()
}

fn prompt_at(line: &str) -> Option<usize> {
    let line = line.lines().next()?;
    let end = line.find("# ")?;
    let (host, directory) = line[..end].split_once(':')?;
    let plain = !host.is_empty() && !line[..end].contains(' ') && (directory.starts_with('/') || directory.starts_with('~'));
    plain.then_some(end + 2)
}

fn listen(mut from: UnixStream, mut log: File, shared: &Shared, started: Instant) {
    let mut piece = vec![0; 4096];
    let mut plain = Plain::default();
    while let Ok(count @ 1..) = from.read(&mut piece) {
        // The transcript is evidence, not verdict: a full disk must not stop the test.
        let _ = log.write_all(&piece[..count]);
        let mut heard = shared.lock();
        for &byte in &piece[..count] {
            if let Some(c) = plain.take(byte) {
                heard.take(c, started);
            }
        }
        heard.settle();
        if heard.shown {
            heartbeat::say(&piece[..count]);
        }
        drop(heard);
        shared.more.notify_all();
    }
    shared.lock().closed = true;
    shared.more.notify_all();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrawn_line_is_one() {
        let mut heard = Heard::default();
        "$ ls\r$ ls -l\u{8}\u{8}-a\r\nnext".chars().for_each(|c| heard.take(c, Instant::now()));
        heard.settle();
        assert_eq!(heard.text, "$ ls -a\nnext");
        assert_eq!(heard.ends.len(), 1);
    }

    #[test]
    fn a_prompt_begins_a_line() {
        assert_eq!(prompt("boot\nnode:~# "), Some(13));
        assert_eq!(prompt("boot\nnode:/var/lib# ls"), Some(20));
        assert_eq!(prompt("node:~# kutties join"), None);
        assert_eq!(prompt("a\n# comment\nmade: 1 # 2"), None);
    }
}
