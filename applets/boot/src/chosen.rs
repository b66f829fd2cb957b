//! What two boot loaders in one binary share: a menu with a time-out, and the start of what was chosen.

use std::ffi::CString;
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Context, Error, Exit, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::kernel_file::{self, Kernel};
use crate::kexec::{self, Parts};

/// The largest kernel or segment, in bytes.
pub const LARGEST: u64 = 1 << 30;

/// Let a person choose one of the titles; none when they want none of them. Without a time it waits, unless nobody could answer.
pub fn choose(title: &str, titles: &[String], default: usize, limit: Option<Duration>) -> Result<Option<usize>> {
    if titles.is_empty() {
        return Ok(None);
    }
    for (at, title) in titles.iter().enumerate() {
        let mark = if at == default { '*' } else { ' ' };
        say(&format!("{mark}{:3}  {title}", at + 1));
    }
    let words = if title.is_empty() { String::new() } else { format!("{title}: ") };
    let time = limit.map(|limit| format!(" in {} s", limit.as_secs())).unwrap_or_default();
    say(&format!("{words}{} is booted{time}; another number and Enter boots that one, q and Enter none", default + 1));
    let end = limit.map(|limit| Instant::now() + limit);
    loop {
        if !typed(end)? {
            return Ok(Some(default));
        }
        let mut line = String::new();
        let read = std::io::stdin().lock().take(100).read_line(&mut line).doing("read the choice")?;
        match line.trim() {
            _ if read == 0 => {
                // Nobody is there; the time is for those who look on.
                std::thread::sleep(end.map_or(Duration::ZERO, |end| end.saturating_duration_since(Instant::now())));
                return Ok(Some(default));
            }
            "" => return Ok(Some(default)),
            "q" => return Ok(None),
            text => match text.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                Some(number) if number < titles.len() => return Ok(Some(number)),
                _ => say(&format!("there is no {text}: a number from 1 to {}, or q", titles.len())),
            },
        }
    }
}

/// Wait for a line; false when the time is over.
fn typed(end: Option<Instant>) -> Result<bool> {
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    let time = left.map(|left| Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() });
    let stdin = std::io::stdin();
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], time.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => typed(end),
        Err(e) => Err(e).doing("wait for a choice"),
    }
}

/// Load a kernel and its segments. A unified kernel image brings words and segments of its own; given segments replace its own, as
/// given words follow its own.
pub fn load(name: &str, kernel: &[u8], segments: &[Vec<u8>], words: &str) -> Result<()> {
    let Kernel { image, cmdline, segments: own } = kernel_file::unwrap(kernel).doing(format_args!("read {name}"))?;
    let words = [cmdline.unwrap_or_default(), words.to_owned()].join(" ");
    let words = CString::new(words.trim()).doing("read the command line")?;
    let segments = if segments.is_empty() { own.as_slice() } else { segments };
    let mut initramfs = Parts::new()?;
    segments.iter().try_for_each(|segment| initramfs.add(segment))?;
    kexec::load_parts(Path::new(name), &image, Some(&initramfs).filter(|_| !segments.is_empty()), &words)
}

/// Start what was loaded, unless it shall only be loaded.
pub fn start(load_only: bool) -> Result<Exit> {
    if load_only {
        say("loaded: kexec -e starts it");
        return Ok(Exit::OK);
    }
    kexec::start()
}

/// All of a file that is not too large.
pub fn bounded(mut from: impl Read, name: &str, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.by_ref().take(limit + 1).read_to_end(&mut bytes).doing(format_args!("read {name}"))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(format!("read {name}: it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// A line for who watches.
pub fn say(line: &str) {
    // The boot must not end because nobody reads it.
    let _ = writeln!(std::io::stdout(), "{line}");
}
