//! A guest's processes and memory, read from its /proc.

use std::collections::BTreeMap;

use kit::Result;
use lab::guest::Guest;

use crate::side::Side;

/// A process.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Its short name.
    pub comm: String,
    /// Its cgroup's path.
    pub cgroup: String,
    /// Its proportional share of memory, in KiB; none for a process that has ended or has no memory of its own.
    pub pss: Option<u64>,
    /// Start of the process, in seconds since the kernel began.
    pub started: f64,
}

/// The kernel counts a process's start in hundredths of a second (USER_HZ).
const HZ: f64 = 100.0;

/// All processes. Only cat and grep are asked of the guest, which both sides have.
pub fn list(guest: &Guest) -> Result<Vec<Process>> {
    let mut all: BTreeMap<String, Process> = BTreeMap::new();
    // Processes end while they are looked at: grep's exit code says so and nothing more.
    let shown = guest.sh("grep -H '' /proc/[0-9]*/comm /proc/[0-9]*/cgroup /proc/[0-9]*/stat 2>/dev/null; grep -H '^Pss:' /proc/[0-9]*/smaps_rollup 2>/dev/null; true")?;
    for line in shown.lines() {
        let Some((path, value)) = line.split_once(':') else { continue };
        let mut parts = path.trim_start_matches("/proc/").splitn(2, '/');
        let (Some(pid), Some(file)) = (parts.next(), parts.next()) else { continue };
        let process = all.entry(pid.to_owned()).or_default();
        match file {
            "comm" => value.clone_into(&mut process.comm),
            "cgroup" => value.trim_start_matches("0::").clone_into(&mut process.cgroup),
            "stat" => process.started = started(value),
            "smaps_rollup" => process.pss = value.split_whitespace().nth(1).and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    Ok(all.into_values().collect())
}

/// Field 22; the name in field 2 may hold anything but ends with the last bracket.
fn started(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().nth(19).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default() / HZ
}

/// The runtime's share of memory in MiB.
pub fn runtime_pss(side: Side, processes: &[Process]) -> f64 {
    let of_runtime = processes.iter().filter(|p| side.is_runtime(&p.comm, &p.cgroup));
    mebibytes(of_runtime.filter_map(|p| p.pss).sum())
}

/// Lines of /proc/meminfo, in MiB, and what the kernel keeps free for itself, which is not available to others.
pub fn memory(guest: &Guest) -> Result<BTreeMap<String, f64>> {
    let text = guest.read("/proc/meminfo").map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
    let kept = guest.read("/proc/sys/vm/min_free_kbytes").map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
    let text = format!("{text}min_free_kbytes: {kept}");
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), mebibytes(value.split_whitespace().next()?.parse().ok()?)))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// From KiB.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 250 0 0";
        assert!((started(stat) - 2.5).abs() < f64::EPSILON);
    }
}
