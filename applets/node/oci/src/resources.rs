//! `linux.resources` as files of a version 2 cgroup: what is written, and in which order the kernel takes it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use kit::{Context, Error, Result};
use oci_spec::runtime::{
    LinuxBlockIo, LinuxCpu, LinuxHugepageLimit, LinuxMemory, LinuxPids, LinuxResources, LinuxThrottleDevice,
};
use rustix::io::Errno;
use serde::Deserialize;
use serde_json::Value;

/// Bounds of a version 1 block weight, and the span of a version 2 one above its least.
const BLOCK_WEIGHTS: std::ops::RangeInclusive<u16> = 10..=1000;
const WEIGHT_SPAN: u64 = 9999;

/// Bounds of version 1 processor shares, and the most of a version 2 weight.
const LEAST_SHARES: u32 = 2;
const MOST_SHARES: u32 = 262_144;
const MAX_WEIGHT: u64 = 10_000;

/// Microseconds; the kernel's period where none was set.
const PERIOD: u64 = 100_000;

/// Reads `linux.resources`, without the device rules, which the cgroup's program holds.
pub fn read(mut value: Value) -> Result<LinuxResources> {
    if let Some(all) = value.as_object_mut() {
        all.remove("devices");
        // A limit that is not said would be read as 0, which is a limit.
        if all.get("pids").is_some_and(|pids| pids.get("limit").is_none_or(Value::is_null)) {
            all.remove("pids");
        }
    }
    if value.is_null() {
        return Ok(LinuxResources::default());
    }
    LinuxResources::deserialize(value).doing("read the limits (linux.resources)")
}

/// Sets all limits but that of processes.
pub fn apply(resources: &LinuxResources, cgroup: &Path) -> Result<()> {
    if let Some(network) = resources.network()
        && (network.class_id().is_some_and(|id| id != 0) || network.priorities().as_ref().is_some_and(|list| !list.is_empty()))
    {
        return Err(Error::new("linux.resources.network: version 2 cgroups have no network classes and priorities"));
    }
    if let Some(cpu) = resources.cpu() {
        processors(cpu, cgroup)?;
    }
    if let Some(memory) = resources.memory() {
        self::memory(memory, cgroup)?;
    }
    if let Some(io) = resources.block_io() {
        block(io, cgroup)?;
    }
    for limit in resources.hugepage_limits().iter().flatten() {
        huge_pages(limit, cgroup)?;
    }
    for (device, limit) in resources.rdma().iter().flatten() {
        let part = |name: &str, value: Option<u32>| value.map_or_else(String::new, |value| format!(" {name}={value}"));
        let handles = part("hca_handle", limit.hca_handles());
        put(cgroup, "rdma.max", &format!("{device}{handles}{}", part("hca_object", limit.hca_objects())))?;
    }
    // Last: these are the most exact.
    let mut unified: Vec<_> = resources.unified().iter().flatten().collect();
    unified.sort();
    for (name, value) in unified {
        // A path would lead to the cgroups of others.
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(Error::new(format!("linux.resources.unified: {name:?} is not a file's name")));
        }
        put(cgroup, name, value)?;
    }
    Ok(())
}

/// Sets the limit of processes: once the container is made, as its making takes two.
pub fn limit_processes(resources: &LinuxResources, cgroup: &Path) -> Result<()> {
    match resources.pids().as_ref().map(LinuxPids::limit) {
        None => Ok(()),
        Some(limit @ 0..) => put(cgroup, "pids.max", &limit.to_string()),
        Some(_) => put(cgroup, "pids.max", "max"),
    }
}

fn processors(cpu: &LinuxCpu, cgroup: &Path) -> Result<()> {
    if cpu.realtime_runtime().is_some_and(|time| time != 0) || cpu.realtime_period().is_some_and(|period| period != 0) {
        return Err(Error::new("linux.resources.cpu: version 2 cgroups have no realtime limits"));
    }
    // An idle cgroup takes no weight: first it is idle no more, and one that becomes idle needs none.
    if let Some(idle) = cpu.idle() {
        put(cgroup, "cpu.idle", &idle.to_string())?;
    }
    if let Some(shares) = cpu.shares().filter(|shares| *shares != 0)
        && cpu.idle().is_none_or(|idle| idle == 0)
    {
        put(cgroup, "cpu.weight", &weight(shares).to_string())?;
    }
    bandwidth(cpu, cgroup)?;
    for (name, list) in [("cpuset.cpus", cpu.cpus()), ("cpuset.mems", cpu.mems())] {
        if let Some(list) = list.as_ref().filter(|list| !list.is_empty()) {
            put(cgroup, name, list)?;
        }
    }
    Ok(())
}

/// Quota, period and burst. The kernel holds the burst at or below the quota at every moment, so a burst that is in the way is
/// lowered first, and one that is not asked for is kept as far as the new quota allows.
fn bandwidth(cpu: &LinuxCpu, cgroup: &Path) -> Result<()> {
    let limits = cpu.quota().is_some() || cpu.period().is_some();
    let quota = match cpu.quota() {
        Some(quota) => u64::try_from(quota).ok().filter(|quota| *quota > 0),
        None if limits => current(cgroup, "cpu.max").and_then(|text| text.split_whitespace().next()?.parse().ok()),
        None => None,
    };
    if limits {
        let period = cpu
            .period()
            .filter(|period| *period != 0)
            .or_else(|| current(cgroup, "cpu.max").and_then(|text| text.split_whitespace().nth(1)?.parse().ok()));
        let had: u64 = current(cgroup, "cpu.max.burst").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let lowered = quota.filter(|quota| had > *quota);
        if lowered.is_some() {
            put(cgroup, "cpu.max.burst", "0")?;
        }
        let value = quota.map_or_else(|| "max".into(), |quota| quota.to_string());
        let written = put(cgroup, "cpu.max", &format!("{value} {}", period.unwrap_or(PERIOD)));
        if lowered.is_some() && cpu.burst().is_none() {
            let kept = if written.is_ok() { lowered.unwrap_or(0) } else { had };
            put(cgroup, "cpu.max.burst", &kept.to_string())?;
        }
        written?;
    }
    cpu.burst().map_or(Ok(()), |burst| put(cgroup, "cpu.max.burst", &burst.to_string()))
}

/// Version 2 weight of version 1 shares: the curve through (2, 1), (1024, 100) and (262144, 10000) of runc 1.3.2 and crun 1.23.
fn weight(shares: u64) -> u64 {
    let log = f64::from(u32::try_from(shares).unwrap_or(u32::MAX).clamp(LEAST_SHARES, MOST_SHARES)).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    (10_f64.powf(exponent).ceil() as u64).clamp(1, MAX_WEIGHT)
}

fn memory(memory: &LinuxMemory, cgroup: &Path) -> Result<()> {
    let limit = memory.limit().filter(|limit| *limit != 0);
    if let Some(limit) = limit
        && memory.check_before_update().unwrap_or(false)
        && current(cgroup, "memory.current")
            .and_then(|text| text.trim().parse::<i64>().ok())
            .is_some_and(|used| limit > 0 && used > limit)
    {
        return Err(Error::new(format!("linux.resources.memory: more than the limit of {limit} is in use")));
    }
    let swap = swap(limit, memory.swap().filter(|swap| *swap != 0), || current(cgroup, "memory.max"))?;
    if let Some(swap) = swap {
        match put_io(cgroup, "memory.swap.max", &swap) {
            // A kernel without swap has none to forbid or allow.
            Err(e) if is_missing(&e) && (swap == "max" || swap == "0") => {}
            done => done.on("set limit", cgroup.join("memory.swap.max"))?,
        }
    }
    if let Some(limit) = limit {
        put(cgroup, "memory.max", &bytes(limit)?)?;
    }
    match memory.reservation().filter(|bytes| *bytes != 0) {
        Some(reservation) => put(cgroup, "memory.low", &bytes(reservation)?),
        None => Ok(()),
    }
}

/// Version 2 limit of swap alone, from that of memory and swap together; none where none is asked for.
fn swap(limit: Option<i64>, both: Option<i64>, current: impl Fn() -> Option<String>) -> Result<Option<String>> {
    let both = match (limit, both) {
        // No limit of memory is none of both.
        (Some(-1), None) | (_, Some(-1)) => return Ok(Some("max".into())),
        (_, None) => return Ok(None),
        (Some(-1), Some(both)) => return bytes(both).map(Some),
        (_, Some(both)) => both,
    };
    let limit = match limit {
        Some(limit) => limit,
        None => match current().as_deref().map(str::trim) {
            Some("max") | None => {
                return Err(Error::new("linux.resources.memory: a limit of memory and swap needs one of memory"));
            }
            Some(text) => text.parse().doing("read memory.max")?,
        },
    };
    match both.checked_sub(limit) {
        Some(swap) if swap >= 0 && both > 0 => Ok(Some(swap.to_string())),
        _ => Err(Error::new(format!(
            "linux.resources.memory: the limit of memory and swap, {both}, is below that of memory, {limit}"
        ))),
    }
}

/// Bytes, -1 for no limit.
fn bytes(number: i64) -> Result<String> {
    match number {
        -1 => Ok("max".into()),
        0.. => Ok(number.to_string()),
        _ => Err(Error::new(format!("linux.resources: {number} is no number of bytes"))),
    }
}

fn block(io: &LinuxBlockIo, cgroup: &Path) -> Result<()> {
    if io.leaf_weight().is_some_and(|weight| weight != 0) {
        return Err(Error::new("linux.resources.blockIO: version 2 cgroups have no leaf weights"));
    }
    let bfq = cgroup.join("io.bfq.weight").exists();
    let name = if bfq { "io.bfq.weight" } else { "io.weight" };
    let weigh = |weight: u16| if bfq { u64::from(weight) } else { io_weight(weight) };
    if let Some(weight) = io.weight().filter(|weight| *weight != 0) {
        put(cgroup, name, &weigh(checked(weight)?).to_string())?;
    }
    for device in io.weight_device().iter().flatten() {
        if device.leaf_weight().is_some_and(|weight| weight != 0) {
            return Err(Error::new("linux.resources.blockIO: version 2 cgroups have no leaf weights"));
        }
        if let Some(weight) = device.weight().filter(|weight| *weight != 0) {
            let (major, minor) = (device.major(), device.minor());
            put(cgroup, name, &format!("{major}:{minor} {}", weigh(checked(weight)?)))?;
        }
    }
    throttle(cgroup, "rbps", io.throttle_read_bps_device().as_deref())?;
    throttle(cgroup, "wbps", io.throttle_write_bps_device().as_deref())?;
    throttle(cgroup, "riops", io.throttle_read_iops_device().as_deref())?;
    throttle(cgroup, "wiops", io.throttle_write_iops_device().as_deref())
}

fn checked(weight: u16) -> Result<u16> {
    if BLOCK_WEIGHTS.contains(&weight) {
        return Ok(weight);
    }
    Err(Error::new(format!("linux.resources.blockIO: weight {weight} is not from 10 to 1000")))
}

/// Version 2 weight of a version 1 one: 10 to 1000 becomes 1 to 10000, evenly.
fn io_weight(weight: u16) -> u64 {
    let least = u64::from(*BLOCK_WEIGHTS.start());
    1 + u64::from(weight).saturating_sub(least) * WEIGHT_SPAN / (u64::from(*BLOCK_WEIGHTS.end()) - least)
}

/// A rate of 0 takes a limit away, as in version 1.
fn throttle(cgroup: &Path, name: &str, devices: Option<&[LinuxThrottleDevice]>) -> Result<()> {
    for device in devices.into_iter().flatten() {
        let rate = if device.rate() == 0 { "max".into() } else { device.rate().to_string() };
        put(cgroup, "io.max", &format!("{}:{} {name}={rate}", device.major(), device.minor()))?;
    }
    Ok(())
}

fn huge_pages(limit: &LinuxHugepageLimit, cgroup: &Path) -> Result<()> {
    let size = limit.page_size();
    if size.is_empty() || !size.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Error::new(format!("linux.resources.hugepageLimits: {size:?} is no page size")));
    }
    let value = bytes(limit.limit())?;
    put(cgroup, &format!("hugetlb.{size}.max"), &value)?;
    // Reserved pages count too, where the kernel counts them (since 5.7).
    let reserved = format!("hugetlb.{size}.rsvd.max");
    match put_io(cgroup, &reserved, &value) {
        Err(e) if is_missing(&e) => Ok(()),
        done => done.on("set limit", cgroup.join(reserved)),
    }
}

fn current(cgroup: &Path, name: &str) -> Option<String> {
    fs::read_to_string(cgroup.join(name)).ok()
}

fn put(cgroup: &Path, name: &str, value: &str) -> Result<()> {
    put_io(cgroup, name, value).map_err(|e| {
        let path = cgroup.join(name);
        let missing = if is_missing(&e) { " (the kernel or the parent cgroup has no such controller)" } else { "" };
        let reason = Err::<(), _>(e).on(&format!("write {value:?} to"), &path);
        Error::new(format!("{}{missing}", reason.err().map(|e| e.to_string()).unwrap_or_default()))
    })
}

/// Never made: a file that is not there belongs to a controller that is not.
fn put_io(cgroup: &Path, name: &str, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(cgroup.join(name))?.write_all(value.as_bytes())
}

fn is_missing(e: &io::Error) -> bool {
    e.raw_os_error() == Some(Errno::NOENT.raw_os_error())
}

#[cfg(test)]
mod tests;
