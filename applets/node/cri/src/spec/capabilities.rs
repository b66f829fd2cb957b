//! Capabilities: what a container has from the start, and what Kubernetes adds and drops.

use kit::{Error, Result};
use serde_json::{Value, json};

use cri_api::LinuxContainerSecurityContext;

/// Default capabilities: the set that Docker chose once and all Kubernetes runtimes keep, because images rely on it.
const DEFAULT: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// All capabilities in the kernel's order, see capabilities(7).
const ALL: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The capabilities' short names, after what is added and dropped. `ALL` goes first, names win over it.
pub fn effective(security: &LinuxContainerSecurityContext) -> Result<Vec<&'static str>> {
    if security.privileged {
        return Ok(ALL.to_vec());
    }
    let asked = security.capabilities.clone().unwrap_or_default();
    let (all_added, added) = known(&asked.add_capabilities)?;
    let (all_dropped, dropped) = known(&asked.drop_capabilities)?;
    let (_, ambient) = known(&asked.add_ambient_capabilities)?;
    let start: &[&str] = match (all_added, all_dropped) {
        (_, true) => &[],
        (true, false) => ALL,
        (false, false) => DEFAULT,
    };
    let has = |name: &&str| (start.contains(name) || added.contains(name) || ambient.contains(name)) && !dropped.contains(name);
    Ok(ALL.iter().copied().filter(has).collect())
}

/// The specification's five sets. Inherited and ambient ones are those that were asked for by that name alone.
pub fn build(security: &LinuxContainerSecurityContext) -> Result<Value> {
    let effective = effective(security)?;
    let asked = security.capabilities.clone().unwrap_or_default();
    let (_, ambient) = known(&asked.add_ambient_capabilities)?;
    let ambient: Vec<_> = ambient.into_iter().filter(|name| effective.contains(name)).collect();
    let long = |names: &[&str]| names.iter().map(|name| format!("CAP_{name}")).collect::<Vec<_>>();
    Ok(json!({
        "bounding": long(&effective),
        "effective": long(&effective),
        "permitted": long(&effective),
        "inheritable": long(&ambient),
        "ambient": long(&ambient),
    }))
}

/// Tells if `ALL` is among the names, and the others; they come with and without `CAP_`, in any case.
fn known(names: &[String]) -> Result<(bool, Vec<&'static str>)> {
    let mut all = false;
    let mut found = Vec::new();
    for name in names {
        let upper = name.to_ascii_uppercase();
        let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
        match ALL.iter().find(|known| **known == short) {
            _ if short == "ALL" => all = true,
            Some(known) => found.push(*known),
            None => return Err(Error::new(format!("there is no capability {name}"))),
        }
    }
    Ok((all, found))
}
