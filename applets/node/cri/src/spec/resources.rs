//! Limits, for the kernel's cgroup v2 as the OCI runtime translates them. A limit of 0 is none.

use kit::cgroup::{Cgroup, TREE};
use std::path::Path;

use serde_json::{Map, Value, json};

use cri_api::LinuxContainerResources;

/// The `resources` section, with the device filter's rules.
pub fn build(limits: &LinuxContainerResources, devices: Vec<Value>, cgroup: &str) -> Value {
    let mut all = self::limits(limits, cgroup);
    all["devices"] = devices.into();
    all
}

/// The `resources` section without the devices.
pub fn limits(limits: &LinuxContainerResources, cgroup: &str) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, section: Map<String, Value>| {
        if !section.is_empty() {
            all.insert(name.into(), section.into());
        }
    };
    put("cpu", cpu(limits));
    put("memory", memory(limits, has_swap_control(cgroup)));
    put("unified", limits.unified.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
    if !limits.hugepage_limits.is_empty() {
        let pages = limits.hugepage_limits.iter().map(|page| json!({ "pageSize": page.page_size, "limit": page.limit }));
        all.insert("hugepageLimits".into(), pages.collect());
    }
    all.into()
}

fn cpu(limits: &LinuxContainerResources) -> Map<String, Value> {
    let mut cpu = Map::new();
    for (name, value) in [("shares", limits.cpu_shares), ("quota", limits.cpu_quota), ("period", limits.cpu_period)] {
        if value != 0 {
            cpu.insert(name.into(), json!(value));
        }
    }
    for (name, value) in [("cpus", &limits.cpuset_cpus), ("mems", &limits.cpuset_mems)] {
        if !value.is_empty() {
            cpu.insert(name.into(), json!(value));
        }
    }
    cpu
}

/// The swap limit counts memory and swap together; a kernel without swap control has no file to write it to.
fn memory(limits: &LinuxContainerResources, swap: bool) -> Map<String, Value> {
    let mut memory = Map::new();
    if limits.memory_limit_in_bytes != 0 {
        memory.insert("limit".into(), json!(limits.memory_limit_in_bytes));
    }
    if limits.memory_swap_limit_in_bytes != 0 && swap {
        memory.insert("swap".into(), json!(limits.memory_swap_limit_in_bytes));
    }
    memory
}

/// The file is missing at the hierarchy's root, so the container's parents are asked from below.
fn has_swap_control(cgroup: &str) -> bool {
    let group = Cgroup::at(cgroup);
    let mut above = group.dir().ancestors().take_while(|dir| *dir != Path::new(TREE));
    above.any(|dir| dir.join("memory.swap.max").exists())
}
