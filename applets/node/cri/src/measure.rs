//! A cgroup's numbers in the interface's messages, for containers and for pods.

use crate::cgroup::{Cgroup, Pressure, Waited};
use crate::rates::Rates;
use cri_api::{CpuUsage, IoUsage, MemoryUsage, PsiData, PsiStats, SwapUsage, UInt64Value};

/// Processor time; `id` is by whom the last look is found.
pub fn cpu(cgroup: &Cgroup, rates: &Rates, id: &str, timestamp: i64) -> Option<CpuUsage> {
    let used = cgroup.cpu_nanoseconds()?;
    Some(CpuUsage {
        timestamp,
        usage_core_nano_seconds: value(used),
        usage_nano_cores: rates.rate(id, timestamp, used).and_then(value),
        psi: psi(cgroup, "cpu"),
    })
}

/// Memory.
pub fn memory(cgroup: &Cgroup, timestamp: i64) -> Option<MemoryUsage> {
    let memory = cgroup.memory()?;
    Some(MemoryUsage {
        timestamp,
        working_set_bytes: value(memory.working_set),
        available_bytes: memory.limit.and_then(|limit| value(limit.saturating_sub(memory.working_set))),
        usage_bytes: value(memory.usage),
        rss_bytes: value(memory.anonymous),
        page_faults: value(memory.faults),
        major_page_faults: value(memory.major_faults),
        psi: psi(cgroup, "memory"),
    })
}

/// Swap.
pub fn swap(cgroup: &Cgroup, timestamp: i64) -> Option<SwapUsage> {
    let used = cgroup.swap()?;
    let left = cgroup.swap_limit().map(|limit| limit.saturating_sub(used));
    Some(SwapUsage { timestamp, swap_usage_bytes: value(used), swap_available_bytes: left.and_then(value) })
}

/// Waiting for input and output.
pub fn io(cgroup: &Cgroup, timestamp: i64) -> Option<IoUsage> {
    Some(IoUsage { timestamp, psi: Some(psi(cgroup, "io")?) })
}

/// A number as the interface wraps it.
#[expect(clippy::unnecessary_wraps, reason = "the interface's fields are optional")]
pub fn value(value: u64) -> Option<UInt64Value> {
    Some(UInt64Value { value })
}

fn psi(cgroup: &Cgroup, of: &str) -> Option<PsiStats> {
    let data = |waited: Waited| {
        let [avg10, avg60, avg300] = waited.shares;
        Some(PsiData { total: waited.total, avg10, avg60, avg300 })
    };
    let Pressure { full, some } = cgroup.pressure(of)?;
    Some(PsiStats { full: data(full), some: data(some) })
}
