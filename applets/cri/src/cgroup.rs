//! A cgroup's numbers, from the files of cgroup v2.

use std::fs;
use std::path::{Path, PathBuf};

use crate::spec::HIERARCHY;

/// A cgroup by its path below the hierarchy's root.
pub struct Cgroup(PathBuf);

/// What the memory controller counts: bytes, and faults since the cgroup was made.
#[derive(Debug, PartialEq, Eq)]
pub struct Memory {
    /// All that is charged.
    pub usage: u64,
    /// Without the file pages that the kernel could drop first: what the kubelet's eviction looks at.
    pub working_set: u64,
    /// Pages of no file.
    pub anonymous: u64,
    /// The limit, when there is one.
    pub limit: Option<u64>,
    /// Page faults.
    pub faults: u64,
    /// Page faults that read from a disk.
    pub major_faults: u64,
}

impl Cgroup {
    /// The cgroup at an absolute path such as `/kubepods/podUID/ID`.
    pub fn new(path: &str) -> Self {
        Self(Path::new(HIERARCHY).join(path.trim_start_matches('/')))
    }

    /// Processor time used since the cgroup was made.
    pub fn cpu_nanoseconds(&self) -> Option<u64> {
        field(&self.read("cpu.stat")?, "usage_usec").map(|used| used * 1000)
    }

    /// Memory, or none without the controller.
    pub fn memory(&self) -> Option<Memory> {
        let (usage, stat) = (self.number("memory.current")?, self.read("memory.stat")?);
        Some(memory(usage, self.number("memory.max"), &stat))
    }

    /// Bytes in swap, or none without the controller.
    pub fn swap(&self) -> Option<u64> {
        self.number("memory.swap.current")
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.0.join(file)).ok()
    }

    /// The number in a file; `max` is none.
    fn number(&self, file: &str) -> Option<u64> {
        self.read(file)?.trim().parse().ok()
    }
}

fn memory(usage: u64, limit: Option<u64>, stat: &str) -> Memory {
    let of = |name| field(stat, name).unwrap_or(0);
    Memory {
        usage,
        working_set: usage.saturating_sub(of("inactive_file")),
        anonymous: of("anon"),
        limit,
        faults: of("pgfault"),
        major_faults: of("pgmajfault"),
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_working_set_leaves_out_what_can_be_dropped() {
        let stat = "anon 40\nfile 60\ninactive_file 25\npgfault 7\npgmajfault 1\n";
        let memory = memory(100, Some(200), stat);
        assert_eq!((memory.working_set, memory.anonymous, memory.faults, memory.major_faults), (75, 40, 7, 1));
        assert_eq!(field("usage_usec 12\nuser_usec 3\n", "usage_usec"), Some(12));
        assert_eq!(field("usage_usecs 12\n", "usage_usec"), None);
    }
}
