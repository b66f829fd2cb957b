//! `update`: change a running container's limits.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use kit::{Context, Error, Exit, Result};
use serde_json::{Value, json};

use crate::context::Oci;
use crate::directory::Known;
use crate::resources;

/// Options of `update`.
#[derive(Debug, Args)]
pub struct Options {
    /// File with the limits, as linux.resources of config.json; - for standard input
    #[arg(long, short, value_name = "FILE")]
    resources: Option<PathBuf>,
    /// Bytes of memory, such as 50000000 or 64m; -1 for no limit
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = bytes)]
    memory: Option<i64>,
    /// Bytes of memory and swap together; -1 for no limit
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = bytes)]
    memory_swap: Option<i64>,
    /// Bytes of memory that are kept for it
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = bytes)]
    memory_reservation: Option<i64>,
    /// Microseconds of processor in each period; -1 for no limit
    #[arg(long, value_name = "US", allow_negative_numbers = true)]
    cpu_quota: Option<i64>,
    /// The period, in microseconds
    #[arg(long, value_name = "US")]
    cpu_period: Option<u64>,
    /// Its share against others, 1024 being usual
    #[arg(long, value_name = "SHARE")]
    cpu_share: Option<u64>,
    /// Microseconds of processor that may be saved up for later periods
    #[arg(long, value_name = "US")]
    cpu_burst: Option<u64>,
    /// 1 for what runs only when nothing else wants to
    #[arg(long, value_name = "0|1", allow_negative_numbers = true)]
    cpu_idle: Option<i64>,
    /// Its share of disk operations against others, from 10 to 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<u16>,
    /// Processors to use
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// Memory nodes to use
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// Most processes
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pids_limit: Option<i64>,
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let known = Known::load(&oci.root, &options.id)?;
    if known.pid().is_none() {
        return Err(Error::new("container not running"));
    }
    // The device rules are fixed when the container is made: a cgroup's filters can only be added to.
    let limits = resources::read(match &options.resources {
        Some(path) => read(path)?,
        None => from_options(options),
    })?;
    let cgroup = known.cgroup();
    resources::apply(&limits, cgroup.directory())
        .and_then(|()| resources::limit_processes(&limits, cgroup.directory()))
        .doing(format!("update {}", options.id))?;
    Ok(Exit::OK)
}

fn read(path: &PathBuf) -> Result<Value> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).doing("read the limits from standard input")?;
    } else {
        text = std::fs::read_to_string(path).on("read", path)?;
    }
    serde_json::from_str(&text).doing("read the limits")
}

/// The resources that the options name, and no others.
fn from_options(o: &Options) -> Value {
    let mut all = json!({
        "memory": {"limit": o.memory, "swap": o.memory_swap, "reservation": o.memory_reservation},
        "cpu": {
            "quota": o.cpu_quota, "period": o.cpu_period, "shares": o.cpu_share, "cpus": o.cpuset_cpus, "mems": o.cpuset_mems,
            "burst": o.cpu_burst, "idle": o.cpu_idle,
        },
        "blockIO": {"weight": o.blkio_weight},
        "pids": {"limit": o.pids_limit},
    });
    if let Some(groups) = all.as_object_mut() {
        for group in groups.values_mut().filter_map(Value::as_object_mut) {
            group.retain(|_, value| !value.is_null());
        }
        groups.retain(|_, group| group.as_object().is_some_and(|g| !g.is_empty()));
    }
    all
}

/// A number of bytes with or without a unit, as Docker's tools write it; units are powers of 1024.
fn bytes(text: &str) -> std::result::Result<i64, String> {
    let lower = text.to_ascii_lowercase();
    let lower = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let (number, shift) = match lower.char_indices().last() {
        Some((at, unit @ ('k' | 'm' | 'g' | 't'))) => (&lower[..at], 10 * (1 + "kmgt".find(unit).unwrap_or_default())),
        _ => (lower, 0),
    };
    let number: i64 = number.parse().map_err(|_| format!("{text} is no number of bytes such as 50000000 or 64m"))?;
    match number.checked_mul(1 << shift) {
        Some(bytes) if bytes >= 0 || bytes == -1 => Ok(bytes),
        _ => Err(format!("{text} is no number of bytes such as 50000000 or 64m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_have_units() {
        for (text, expected) in [("-1", -1), ("0", 0), ("4096", 4096), ("64m", 64 << 20), ("1GiB", 1 << 30), ("2Kb", 2048)] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for wrong in ["", "m", "-2", "-1k", "1.5g", "1x", "9999999t"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
