//! Limits against plain files that stand for those of a cgroup.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use serde_json::json;
use std::path::PathBuf;

/// Plain files stand for those of a cgroup: each write replaces the beginning, so each holds one value here.
struct Fake(PathBuf);

impl Fake {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let base = std::env::temp_dir().join(format!("oci-resources-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(&base).unwrap();
        for (file, text) in files {
            fs::write(base.join(file), text).unwrap();
        }
        Self(base)
    }

    fn apply(&self, value: &Value) -> Result<()> {
        apply(&read(value.clone()).unwrap(), &self.0)
    }

    fn has(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn block_weights_span_all_of_version_2() {
    for (old, new) in [(10, 1), (500, 4950), (1000, 10_000), (11, 11)] {
        assert_eq!(io_weight(old), new, "{old}");
    }
    let fake = Fake::new("weight", &[("io.weight", "")]);
    fake.apply(&json!({"blockIO": {"weight": 500}})).unwrap();
    assert_eq!(fake.has("io.weight"), "4950");
    let fake = Fake::new("device", &[("io.weight", "")]);
    fake.apply(&json!({"blockIO": {"weightDevice": [{"major": 8, "minor": 16, "weight": 500}]}})).unwrap();
    assert_eq!(fake.has("io.weight"), "8:16 4950");
    let fake = Fake::new("bfq", &[("io.weight", ""), ("io.bfq.weight", "")]);
    fake.apply(&json!({"blockIO": {"weight": 500}})).unwrap();
    assert_eq!((fake.has("io.bfq.weight"), fake.has("io.weight")), ("500".into(), String::new()));
    for wrong in [json!({"weight": 9}), json!({"weight": 1001}), json!({"leafWeight": 5})] {
        assert!(fake.apply(&json!({"blockIO": wrong})).is_err(), "{wrong}");
    }
    let none = Fake::new("no-weight", &[]);
    assert!(none.apply(&json!({"blockIO": {"weight": 500}})).unwrap_err().to_string().contains("no such controller"));
}

#[test]
fn equal_limits_of_memory_and_both_leave_no_swap() {
    let none = || None;
    for (limit, both, expected) in [
        (Some(32), Some(32), Some("0")),
        (Some(32), Some(48), Some("16")),
        (Some(32), Some(-1), Some("max")),
        (Some(32), None, None),
        (Some(-1), None, Some("max")),
        (Some(-1), Some(48), Some("48")),
        (None, None, None),
    ] {
        assert_eq!(swap(limit, both, none).unwrap().as_deref(), expected, "{limit:?} {both:?}");
    }
    assert_eq!(swap(None, Some(48), || Some("32\n".into())).unwrap().as_deref(), Some("16"));
    assert!(swap(None, Some(48), none).is_err());
    assert!(swap(None, Some(48), || Some("max\n".into())).is_err());
    assert!(swap(Some(32), Some(31), none).is_err());
    assert!(swap(Some(32), Some(-2), none).is_err());
    let fake = Fake::new("no-swap", &[("memory.max", "")]);
    fake.apply(&json!({"memory": {"limit": 32, "swap": 32}})).unwrap();
    assert!(fake.apply(&json!({"memory": {"limit": 32, "swap": 33}})).is_err());
    assert!(fake.apply(&json!({"memory": {"limit": -5}})).is_err());
}

#[test]
fn a_burst_gives_way_to_a_lower_quota() {
    let files = [("cpu.max", "20000 50000\n"), ("cpu.max.burst", "10000\n")];
    let fake = Fake::new("burst", &files);
    fake.apply(&json!({"cpu": {"quota": 5000}})).unwrap();
    assert!(fake.has("cpu.max").starts_with("5000 50000"));
    assert!(fake.has("cpu.max.burst").starts_with("5000"));
    let fake = Fake::new("burst-kept", &files);
    fake.apply(&json!({"cpu": {"period": 40000}})).unwrap();
    assert!(fake.has("cpu.max").starts_with("20000 40000"));
    assert!(fake.has("cpu.max.burst").starts_with("10000"));
    let fake = Fake::new("burst-asked", &files);
    fake.apply(&json!({"cpu": {"quota": -1, "burst": 7}})).unwrap();
    assert!(fake.has("cpu.max").starts_with("max 50000"));
    assert!(fake.has("cpu.max.burst").starts_with('7'));
}

#[test]
fn an_idle_cgroup_gets_no_weight() {
    let fake = Fake::new("idle", &[("cpu.idle", ""), ("cpu.weight", "")]);
    fake.apply(&json!({"cpu": {"idle": 1, "shares": 2048}})).unwrap();
    assert_eq!((fake.has("cpu.idle"), fake.has("cpu.weight")), ("1".into(), String::new()));
    fake.apply(&json!({"cpu": {"idle": 0, "shares": 1024}})).unwrap();
    assert_eq!((fake.has("cpu.idle"), fake.has("cpu.weight")), ("0".into(), "100".into()));
    for (shares, expected) in [(2, 1), (1, 1), (262_144, 10_000), (u64::MAX, 10_000), (1024, 100)] {
        assert_eq!(weight(shares), expected, "{shares}");
    }
    assert!(fake.apply(&json!({"cpu": {"realtimeRuntime": 5}})).is_err());
}

#[test]
fn unified_names_are_files_of_the_cgroup() {
    let fake = Fake::new("unified", &[("memory.high", "")]);
    fake.apply(&json!({"unified": {"memory.high": "5"}})).unwrap();
    assert_eq!(fake.has("memory.high"), "5");
    for wrong in ["../x", "a/b", "", "..", "memory.none"] {
        assert!(fake.apply(&json!({"unified": {wrong: "5"}})).is_err(), "{wrong}");
    }
    assert!(!fake.0.join("memory.none").exists());
}

#[test]
fn a_limit_of_processes_that_is_not_said_is_none() {
    let fake = Fake::new("pids", &[("pids.max", "")]);
    for (pids, expected) in
        [(json!({}), ""), (json!({"limit": 0}), "0"), (json!({"limit": -1}), "max"), (json!({"limit": 64}), "64")]
    {
        fs::write(fake.0.join("pids.max"), "").unwrap();
        limit_processes(&read(json!({"pids": pids})).unwrap(), &fake.0).unwrap();
        assert_eq!(fake.has("pids.max"), expected, "{pids}");
    }
}
