//! Shared by the two boot loaders: a menu with a timeout, and the start of what was chosen.

use std::ffi::CString;
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use format::menu::Start;
use kit::calls::{BOOT_POWEROFF, BOOT_REBOOT};
use kit::{Context, Error, Exit, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::kernel_file::{self, Kernel};
use crate::kexec::{self, Parts};

/// The largest kernel or segment, in bytes.
pub const LARGEST: u64 = 1 << 30;

/// Exit status of a boot loader whose configuration says: the local disk, or whatever comes next.
pub const DISK: Exit = Exit(3);

/// An entry as a person sees it.
pub struct Item {
    /// Its title.
    pub title: String,
    /// Reason why it can't be started.
    pub reason: Option<String>,
}

/// Entry to start.
pub struct Choice {
    /// The entry's number, from 0.
    pub number: usize,
    /// Nobody chose it: the time was over.
    pub automatic: bool,
}

/// Let a person choose an entry; none when they want none of them. Without a time it waits.
///
/// # Errors
/// Nobody chooses, and there is no default: a sentence that says why.
pub fn choose(title: &str, items: &[Item], default: &Result<usize, String>, limit: Option<Duration>) -> Result<Option<Choice>> {
    if items.is_empty() {
        return Ok(None);
    }
    let default = usable(items, default);
    show(title, items, &default, limit);
    let end = limit.map(|limit| Instant::now() + limit);
    let nobody = || default.clone().map(|number| Some(Choice { number, automatic: true })).map_err(Error::new);
    loop {
        if !typed(end)? {
            return nobody();
        }
        let mut line = String::new();
        let read = std::io::stdin().lock().take(100).read_line(&mut line).doing("read the choice")?;
        match line.trim() {
            _ if read == 0 => {
                let Some(end) = end else {
                    return Err(Error::new("the menu waits for a choice without end, and nobody can answer: -t gives it a time"));
                };
                // Nobody is there; the time is for those who look on.
                std::thread::sleep(end.saturating_duration_since(Instant::now()));
                return nobody();
            }
            "" => match &default {
                Ok(number) => return Ok(Some(Choice { number: *number, automatic: true })),
                Err(why) => say(why),
            },
            "q" => return Ok(None),
            text => match text.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                Some(number) if number < items.len() => match &items[number].reason {
                    None => return Ok(Some(Choice { number, automatic: false })),
                    Some(why) => say(&format!("{} can't be started: {why}", items[number].title)),
                },
                _ => say(&format!("there is no {text}: a number from 1 to {}, or q", items.len())),
            },
        }
    }
}

/// The default, when it is there and can be started.
fn usable(items: &[Item], default: &Result<usize, String>) -> Result<usize, String> {
    let number = default.clone()?;
    let item = items.get(number).ok_or_else(|| format!("there is no entry {}", number + 1))?;
    match &item.reason {
        Some(why) => Err(format!("the default entry {:?} can't be started: {why}", item.title)),
        None => Ok(number),
    }
}

fn show(title: &str, items: &[Item], default: &Result<usize, String>, limit: Option<Duration>) {
    for (at, item) in items.iter().enumerate() {
        let mark = if default.as_ref().is_ok_and(|default| *default == at) { '*' } else { ' ' };
        let why = item.reason.as_ref().map(|why| format!(" (not understood: {why})")).unwrap_or_default();
        say(&format!("{mark}{:3}  {}{why}", at + 1, item.title));
    }
    let words = if title.is_empty() { String::new() } else { format!("{title}: ") };
    let time = limit.map(|limit| format!(" in {} s", limit.as_secs())).unwrap_or_default();
    match default {
        Ok(number) => {
            say(&format!("{words}{} is booted{time}; another number and Enter boots that one, q and Enter none", number + 1));
        }
        Err(why) => say(&format!("{words}{why}; a number and Enter boots an entry, q and Enter none{time}")),
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

/// Hand the boot on to the local disk, to this machine's switch, or to nobody: what is no kernel.
///
/// # Errors
/// For an entry that can't be started, and for one that ends the system when it is only to be loaded.
pub fn without_kernel(start: &Start, load_only: bool) -> Result<Exit> {
    let call = match start {
        Start::Disk => {
            say(&format!("the configuration says: boot from the local disk (exit status {})", DISK.0));
            return Ok(DISK);
        }
        Start::Off => BOOT_POWEROFF,
        Start::Restart => BOOT_REBOOT,
        Start::Kernel => return Err(Error::new("the entry has a kernel")),
        Start::Unknown(why) => return Err(Error::new(format!("the entry can't be started: {why}"))),
    };
    if load_only {
        return Err(Error::new(format!("the configuration says {}, and -l only loads", call.callee)));
    }
    say(&format!("the configuration says: {}", call.callee));
    let status = call.command().status().doing(format_args!("start {}", call.callee))?;
    Ok(if status.success() { Exit::OK } else { Exit::FAILED })
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
