//! Processes as /proc shows them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Ticks a second in /proc: USER_HZ, which is 100 on every architecture that we know.
pub const TICKS: u64 = 100;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Major and minor number of its terminal in one; 0 for none.
    pub terminal: u32,
    /// The effective user.
    pub user: u32,
    /// The group of its credentials.
    pub user_group: u32,
    /// The executable's name, at most 15 bytes.
    pub name: String,
    /// `R`, `S`, `D`, `Z`, `T`…
    pub state: char,
    /// CPU time in ticks.
    pub time: u64,
    /// Start time, in ticks after boot.
    pub start: u64,
    /// Virtual size in KiB.
    pub virtual_kib: u64,
    /// Resident size in KiB.
    pub resident_kib: u64,
    /// Niceness.
    pub nice: i32,
    /// Its threads.
    pub threads: u32,
    /// Its arguments; empty for a thread of the kernel.
    pub arguments: Vec<String>,
}

impl Process {
    /// The whole command line, or the name in brackets where there is none.
    pub fn command(&self) -> String {
        if self.arguments.is_empty() { format!("[{}]", self.name) } else { self.arguments.join(" ") }
    }

    /// Tells if `name` is its executable's, with or without a path, or that of the script that it
    /// interprets.
    pub fn is_called(&self, name: &str) -> bool {
        let base = |text: &str| text.rsplit('/').next().unwrap_or(text).trim_start_matches('-').to_owned();
        let full = self.arguments.first().map(|a| base(a));
        // The kernel cuts names at 15 bytes.
        let short = self.name == name || (self.name.len() == 15 && name.starts_with(&self.name));
        let script = self.arguments.get(1).filter(|a| a.contains('/')).map(|a| base(a));
        (short && full.as_deref().is_none_or(|f| f == name || self.name == f || !name.starts_with(f)))
            || full.as_deref() == Some(name)
            || self.arguments.first().is_some_and(|a| a == name)
            || (script.as_deref() == Some(name) && self.name == name)
    }
}

/// All processes, by number. One that ends while we look is left out.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    let mut all: Vec<_> = pids.filter_map(one).collect();
    all.sort_by_key(|p| p.pid);
    all
}

/// The process of a number.
pub fn one(pid: u32) -> Option<Process> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let owner = fs::metadata(&dir).ok()?;
    let mut process = stat(&fs::read_to_string(dir.join("stat")).ok()?)?;
    process.user = owner.uid();
    process.user_group = owner.gid();
    process.arguments = arguments(&dir);
    Some(process)
}

/// A line of /proc/PID/stat; the name stands in brackets and may hold anything.
fn stat(line: &str) -> Option<Process> {
    let (head, tail) = line.split_once(" (")?;
    let (name, tail) = tail.rsplit_once(") ")?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|f| f.parse::<i64>().ok()).unwrap_or_default();
    let natural = |at: usize| number(at).max(0).cast_unsigned();
    let page_kib = rustix::param::page_size() as u64 / 1024;
    Some(Process {
        pid: head.parse().ok()?,
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: natural(1) as u32,
        group: natural(2) as u32,
        session: natural(3) as u32,
        terminal: natural(4) as u32,
        time: natural(11) + natural(12),
        nice: number(16) as i32,
        threads: natural(17) as u32,
        start: natural(19),
        virtual_kib: natural(20) / 1024,
        resident_kib: natural(21) * page_kib,
        ..Process::default()
    })
}

fn arguments(dir: &Path) -> Vec<String> {
    let bytes = fs::read(dir.join("cmdline")).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|b| *b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_name_may_hold_brackets_and_blanks() {
        let line = "42 (a) (b c) S 1 42 42 1025 42 4194560 1 2 3 4 150 50 0 0 20 -5 3 0 1000 2097152 256 0";
        let p = stat(line).unwrap();
        assert_eq!((p.pid, p.name.as_str(), p.state, p.parent), (42, "a) (b c", 'S', 1));
        assert_eq!((p.time, p.nice, p.threads, p.start, p.virtual_kib), (200, -5, 3, 1000, 2048));
    }

    #[test]
    fn we_are_there() {
        let me = one(std::process::id()).unwrap();
        assert!(me.arguments[0].contains("process"));
        assert!(all().iter().any(|p| p.pid == me.pid));
    }
}
