//! The machine's use at a moment, and the shares between two moments.

use std::collections::HashMap;
use std::fs;

use kit::{Context, Result};

use crate::process::{self, Process};

/// Columns of a line `cpu` in /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
pub const STATES: usize = 8;

/// Ticks of a processor in each state.
pub type Ticks = [u64; STATES];

/// A look at the machine.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// All processors together, then each.
    pub processors: Vec<Ticks>,
    /// All processes.
    pub processes: Vec<Process>,
    /// Shared resident memory in KiB and priority by process number.
    pub details: HashMap<u32, (u64, i64)>,
    /// KiB by name, from /proc/meminfo.
    pub memory: HashMap<String, u64>,
    /// Seconds since boot.
    pub uptime: f64,
    /// Mean numbers of processes that want to run, over 1, 5 and 15 minutes.
    pub load: String,
}

impl Sample {
    /// Nothing, as before the first look: shares are then those since boot.
    pub fn none() -> Self {
        Self::default()
    }

    /// Look.
    pub fn take() -> Result<Self> {
        let read = |path: &'static str| fs::read_to_string(path).on("read", path);
        let processes = process::all();
        let details = processes.iter().filter_map(|one| Some((one.pid, details(one.pid)?))).collect();
        let numbers = |line: &str| -> Option<(String, u64)> {
            let (name, rest) = line.split_once(':')?;
            Some((name.to_owned(), rest.split_whitespace().next()?.parse().ok()?))
        };
        Ok(Self {
            processors: read("/proc/stat")?.lines().filter(|line| line.starts_with("cpu")).map(ticks).collect(),
            processes,
            details,
            memory: read("/proc/meminfo")?.lines().filter_map(numbers).collect(),
            uptime: read("/proc/uptime")?.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default(),
            load: read("/proc/loadavg")?.split(' ').take(3).collect::<Vec<_>>().join(", "),
        })
    }

    /// KiB of that name.
    pub fn kib(&self, name: &str) -> u64 {
        self.memory.get(name).copied().unwrap_or_default()
    }
}

fn ticks(line: &str) -> Ticks {
    let mut all = [0; STATES];
    let numbers = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok());
    all.iter_mut().zip(numbers).for_each(|(ticks, number)| *ticks = number);
    all
}

fn details(pid: u32) -> Option<(u64, i64)> {
    let memory = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = memory.split(' ').nth(2)?.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let priority = stat.rsplit_once(") ")?.1.split(' ').nth(15)?.parse().ok()?;
    Some((pages * rustix::param::page_size() as u64 / 1024, priority))
}

/// Shares of the processors between two looks.
#[derive(Debug)]
pub struct Shares {
    /// Hundredths in each state, of all processors together and of each.
    pub processors: Vec<[f64; STATES]>,
    processes: HashMap<u32, f64>,
}

impl Shares {
    /// Between two looks; of the second alone, since boot.
    #[expect(clippy::cast_precision_loss, reason = "a tenth of it is shown")]
    pub fn between(before: &Sample, now: &Sample) -> Self {
        let none = [0; STATES];
        let processors = now.processors.iter().enumerate().map(|(number, ticks)| {
            let old = before.processors.get(number).unwrap_or(&none);
            let spent: Vec<u64> = ticks.iter().zip(old).map(|(new, old)| new.saturating_sub(*old)).collect();
            let total = spent.iter().sum::<u64>().max(1) as f64;
            let mut shares = [0.0; STATES];
            shares.iter_mut().zip(&spent).for_each(|(share, ticks)| *share = *ticks as f64 * 100.0 / total);
            shares
        });
        let old: HashMap<u32, (u64, u64)> = before.processes.iter().map(|one| (one.pid, (one.start, one.time))).collect();
        let processes = now.processes.iter().map(|one| {
            let known = old.get(&one.pid).filter(|(start, _)| *start == one.start);
            let spent = one.time - known.map_or(0, |(_, time)| *time).min(one.time);
            let since =
                if known.is_some() { now.uptime - before.uptime } else { now.uptime - one.start as f64 / process::TICKS as f64 };
            let seconds = since.max(1.0 / process::TICKS as f64);
            (one.pid, spent as f64 / process::TICKS as f64 * 100.0 / seconds)
        });
        Self { processors: processors.collect(), processes: processes.collect() }
    }

    /// Hundredths of one processor.
    pub fn of(&self, pid: u32) -> f64 {
        self.processes.get(&pid).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn shares_of_two_looks() {
        let process = |time| Process { pid: 7, start: 100, time, ..Process::default() };
        let look = |idle, user, time, uptime| Sample {
            processors: vec![[user, 0, 0, idle, 0, 0, 0, 0]],
            processes: vec![process(time)],
            uptime,
            ..Sample::default()
        };
        let shares = Shares::between(&look(100, 100, 50, 10.0), &look(175, 125, 150, 12.0));
        assert!((shares.processors[0][0] - 25.0).abs() < 0.01);
        assert!((shares.of(7) - 50.0).abs() < 0.01);
        assert!(shares.of(8).abs() < 0.01);
    }

    #[test]
    fn the_machine_can_be_looked_at() {
        let sample = Sample::take().unwrap();
        assert!(sample.kib("MemTotal") > 0);
        assert!(sample.processors.len() > 1);
        assert!(sample.details.contains_key(&std::process::id()));
    }
}
