//! A cgroup's numbers, from the files of cgroup v2.

use std::fs;
use std::path::PathBuf;

/// A cgroup by its path below the hierarchy's root.
pub struct Cgroup(PathBuf);

/// Counters of the memory controller: bytes, and faults since the cgroup was made.
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

/// Pressure (the kernel's PSI): the time for which some tasks, and all at once, waited.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Pressure {
    /// All tasks at once.
    pub full: Waited,
    /// At least one task.
    pub some: Waited,
}

/// Share of the last 10, 60 and 300 seconds in per cent, and the total in nanoseconds.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Waited {
    /// Of the last 10, 60 and 300 seconds, in per cent.
    pub shares: [f64; 3],
    /// In all, in nanoseconds.
    pub total: u64,
}

impl Cgroup {
    /// The cgroup at an absolute path such as `/kubepods/podUID/ID`.
    pub fn new(path: &str) -> Self {
        Self(kit::cgroup::Cgroup::at(path).dir().to_owned())
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

    /// Bytes of swap that it may use; none without the controller or a limit.
    pub fn swap_limit(&self) -> Option<u64> {
        self.number("memory.swap.max")
    }

    /// Number of processes and threads in it and below.
    pub fn processes(&self) -> Option<u64> {
        self.number("pids.current")
    }

    /// Pressure of `cpu`, `memory` or `io`; none where the kernel does not count it.
    pub fn pressure(&self, of: &str) -> Option<Pressure> {
        self.read(&format!("{of}.pressure")).map(|text| pressure(&text))
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

/// Lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=12`, the total in microseconds.
fn pressure(text: &str) -> Pressure {
    let mut all = Pressure::default();
    for line in text.lines() {
        let mut words = line.split(' ');
        let waited = match words.next() {
            Some("some") => &mut all.some,
            Some("full") => &mut all.full,
            _ => continue,
        };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            let share = value.parse().unwrap_or(0.0);
            match name {
                "avg10" => waited.shares[0] = share,
                "avg60" => waited.shares[1] = share,
                "avg300" => waited.shares[2] = share,
                "total" => waited.total = value.parse().unwrap_or(0_u64).saturating_mul(1000),
                _ => {}
            }
        }
    }
    all
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

    #[test]
    fn pressure_is_read_by_its_names() {
        let all = pressure("some avg10=1.50 avg60=0.25 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n");
        assert_eq!(all.some, Waited { shares: [1.5, 0.25, 0.0], total: 12_000 });
        assert_eq!(all.full, Waited { total: 3000, ..Waited::default() });
        assert_eq!(pressure("nonsense\n"), Pressure::default());
    }
}
