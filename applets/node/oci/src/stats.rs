//! Resources that a container uses, read from its cgroup and printed as the JSON of runc's `events`, whose readers know version 1's names.

use std::fs;
use std::path::Path;

use kit::{Context, Result};
use serde_json::{Map, Value, json};

/// A cgroup's numbers as runc's `data` of an event of type `stats`.
pub fn of(cgroup: &Path) -> Result<Value> {
    let cgroup = Files(cgroup);
    Ok(json!({
        "cpu": cpu(&cgroup)?,
        "cpuset": cpuset(&cgroup)?,
        "memory": memory(&cgroup)?,
        "pids": {"current": cgroup.number("pids.current")?, "limit": cgroup.limit("pids.max", 0)?},
        "blkio": blkio(&cgroup)?,
        "hugetlb": hugetlb(&cgroup)?,
        "intel_rdt": {},
        "network_interfaces": null,
    }))
}

/// The files of a cgroup. What a kernel or a controller does not have reads as nothing.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn text(&self, name: &str) -> Result<Option<String>> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            // Pressure is not told (EOPNOTSUPP) where it is switched off at the kernel's command line.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound || e.raw_os_error() == Some(OPNOTSUPP) => Ok(None),
            Err(e) => Err(e).on("read", path),
        }
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.limit(name, u64::MAX)
    }

    /// A number, or what stands for `max`; 0 where there is no such file.
    fn limit(&self, name: &str, max: u64) -> Result<u64> {
        let Some(text) = self.text(name)? else { return Ok(0) };
        match text.trim() {
            "max" => Ok(max),
            number => number.parse().on("read a number from", self.0.join(name)),
        }
    }

    /// Lines of a name and a number.
    fn table(&self, name: &str) -> Result<Map<String, Value>> {
        let text = self.text(name)?.unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.filter_map(|(key, value)| Some((key.to_owned(), json!(value.parse::<u64>().ok()?)))).collect())
    }

    /// Pressure stall information, where the kernel keeps it.
    fn pressure(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.text(name)?.map(|text| pressure(&text)))
    }
}

/// `EOPNOTSUPP`
const OPNOTSUPP: i32 = rustix::io::Errno::OPNOTSUPP.raw_os_error();

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and `full` likewise.
fn pressure(text: &str) -> Value {
    let mut all = Map::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(kind) = words.next() else { continue };
        let pairs = words.filter_map(|word| word.split_once('='));
        let numbers = pairs.filter_map(|(key, value)| {
            let number = if key == "total" { json!(value.parse::<u64>().ok()?) } else { json!(value.parse::<f64>().ok()?) };
            Some((key.to_owned(), number))
        });
        all.insert(kind.to_owned(), Value::Object(numbers.collect()));
    }
    Value::Object(all)
}

/// Times in nanoseconds.
fn cpu(cgroup: &Files<'_>) -> Result<Value> {
    let table = cgroup.table("cpu.stat")?;
    let number = |key: &str| table.get(key).and_then(Value::as_u64).unwrap_or_default();
    let mut cpu = json!({
        "usage": {
            "total": number("usage_usec") * 1000,
            "kernel": number("system_usec") * 1000,
            "user": number("user_usec") * 1000,
        },
        "throttling": {
            "periods": number("nr_periods"),
            "throttledPeriods": number("nr_throttled"),
            "throttledTime": number("throttled_usec") * 1000,
        },
    });
    put(&mut cpu, "psi", cgroup.pressure("cpu.pressure")?);
    Ok(cpu)
}

/// The part that version 2 has; runc prints the rest as zeros.
fn cpuset(cgroup: &Files<'_>) -> Result<Value> {
    let mut cpuset: Map<String, Value> = [
        "cpu_exclusive",
        "mem_hardwall",
        "mem_exclusive",
        "memory_migrate",
        "memory_spread_page",
        "memory_spread_slab",
        "memory_pressure",
        "sched_load_balance",
        "sched_relax_domain_level",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), json!(0)))
    .collect();
    for (name, file) in [("cpus", "cpuset.cpus"), ("mems", "cpuset.mems")] {
        let list = list(cgroup.text(file)?.unwrap_or_default().trim());
        if !list.is_empty() {
            cpuset.insert(name.into(), json!(list));
        }
    }
    Ok(Value::Object(cpuset))
}

/// `0-2,5` as numbers.
fn list(text: &str) -> Vec<u16> {
    let ranges = text.split(',').filter_map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse::<u16>().ok()?..=to.parse::<u16>().ok()?)
    });
    ranges.flatten().collect()
}

fn memory(cgroup: &Files<'_>) -> Result<Value> {
    let raw = cgroup.table("memory.stat")?;
    let entry = |name: &str, failures: &str| -> Result<[u64; 4]> {
        let events = cgroup.table(&format!("{name}.events"))?;
        let number = |file: &str| cgroup.number(&format!("{name}.{file}"));
        let failed = events.get(failures).and_then(Value::as_u64).unwrap_or_default();
        Ok([cgroup.limit(&format!("{name}.max"), u64::MAX)?, number("current")?, number("peak")?, failed])
    };
    let own @ [own_limit, own_usage, ..] = entry("memory", "max")?;
    let [limit, usage, _, failed] = entry("memory.swap", "fail")?;
    // As in version 1, the swap entry means both together; how high both were together nobody knows.
    let both = [if limit == u64::MAX { limit } else { limit.saturating_add(own_limit) }, usage + own_usage, 0, failed];
    let json = |[limit, usage, max, failed]: [u64; 4]| json!({"limit": limit, "usage": usage, "max": max, "failcnt": failed});
    let cache = raw.get("file").cloned().unwrap_or(json!(0));
    let mut memory = json!({"cache": cache, "usage": json(own), "swap": json(both), "raw": raw});
    put(&mut memory, "psi", cgroup.pressure("memory.pressure")?);
    Ok(memory)
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` as version 1's tables.
fn blkio(cgroup: &Files<'_>) -> Result<Value> {
    let (mut bytes, mut operations) = (Vec::new(), Vec::new());
    for line in cgroup.text("io.stat")?.unwrap_or_default().lines() {
        let mut words = line.split_whitespace();
        let Some((major, minor)) = words.next().and_then(|device| device.split_once(':')) else { continue };
        let (Ok(major), Ok(minor)) = (major.parse::<u64>(), minor.parse::<u64>()) else { continue };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let Ok(value) = value.parse::<u64>() else { continue };
            let entry = |op: &str| json!({"major": major, "minor": minor, "op": op, "value": value});
            match key {
                "rbytes" => bytes.push(entry("Read")),
                "wbytes" => bytes.push(entry("Write")),
                "rios" => operations.push(entry("Read")),
                "wios" => operations.push(entry("Write")),
                _ => {}
            }
        }
    }
    let mut blkio = Value::Object(Map::new());
    put(&mut blkio, "ioServiceBytesRecursive", (!bytes.is_empty()).then(|| json!(bytes)));
    put(&mut blkio, "ioServicedRecursive", (!operations.is_empty()).then(|| json!(operations)));
    put(&mut blkio, "psi", cgroup.pressure("io.pressure")?);
    Ok(blkio)
}

/// By page size, such as `2MB`.
fn hugetlb(cgroup: &Files<'_>) -> Result<Value> {
    let mut all = Map::new();
    for entry in fs::read_dir(cgroup.0).on("read", cgroup.0)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(size) = name.strip_prefix("hugetlb.").and_then(|rest| rest.strip_suffix(".current")) else { continue };
        if size.ends_with("rsvd") {
            continue;
        }
        let failed = cgroup.table(&format!("hugetlb.{size}.events"))?.remove("max").unwrap_or(json!(0));
        all.insert(size.to_owned(), json!({"usage": cgroup.number(&name)?, "failcnt": failed}));
    }
    Ok(Value::Object(all))
}

fn put(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.into(), value);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn told(files: &[(&str, &str)]) -> Value {
        let directory = std::env::temp_dir().join(format!("oci-stats-{}-{}", std::process::id(), files.len()));
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in files {
            fs::write(directory.join(name), text).unwrap();
        }
        let stats = of(&directory).unwrap();
        fs::remove_dir_all(directory).unwrap();
        stats
    }

    #[test]
    fn version_2_is_told_in_version_1s_words() {
        let stats = told(&[
            ("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 3\nthrottled_usec 2\n"),
            ("memory.current", "4096\n"),
            ("memory.max", "max\n"),
            ("memory.peak", "8192\n"),
            ("memory.events", "low 0\nmax 7\noom 1\noom_kill 1\n"),
            ("memory.swap.current", "100\n"),
            ("memory.swap.max", "1000\n"),
            ("memory.stat", "anon 1\nfile 2\n"),
            ("memory.pressure", "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\n"),
            ("pids.current", "3\n"),
            ("pids.max", "max\n"),
            ("cpuset.cpus", "0-1,3\n"),
            ("io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5\n"),
            ("hugetlb.2MB.current", "6\n"),
            ("hugetlb.2MB.rsvd.current", "6\n"),
            ("hugetlb.2MB.events", "max 5\n"),
        ]);
        assert_eq!(stats["cpu"]["usage"], json!({"total": 30_000, "kernel": 10_000, "user": 20_000}));
        assert_eq!(stats["cpu"]["throttling"]["throttledTime"], 2000);
        assert_eq!(stats["memory"]["usage"], json!({"limit": u64::MAX, "usage": 4096, "max": 8192, "failcnt": 7}));
        assert_eq!(stats["memory"]["swap"]["usage"], 4196);
        assert_eq!(stats["memory"]["cache"], 2);
        assert_eq!(stats["memory"]["psi"]["some"], json!({"avg10": 1.5, "avg60": 0.0, "avg300": 0.0, "total": 12}));
        assert_eq!(stats["pids"], json!({"current": 3, "limit": 0}));
        assert_eq!(stats["cpuset"]["cpus"], json!([0, 1, 3]));
        assert_eq!(stats["blkio"]["ioServicedRecursive"][1], json!({"major": 8, "minor": 16, "op": "Write", "value": 4}));
        assert_eq!(stats["hugetlb"], json!({"2MB": {"usage": 6, "failcnt": 5}}));
    }

    #[test]
    fn a_controller_that_is_not_there_is_no_error() {
        let stats = told(&[]);
        assert_eq!(stats["pids"]["current"], 0);
        assert_eq!(stats["cpu"].get("psi"), None);
    }
}
