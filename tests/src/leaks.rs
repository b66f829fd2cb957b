//! What a node holds, seen from outside of kutties, so that before and after can be compared.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::{Error, Result};
use lab::guest::Guest;
use lab::until;

/// Commands whose lines are the node's holdings: what stays of a pod shows in one of them.
const LOOKS: &[(&str, &[&str])] = &[
    ("mount", &["/bin/sh", "-c", "while read -r a b c d point rest; do echo $point; done </proc/1/mountinfo"]),
    ("process", &["/bin/sh", "-c", "readlink /proc/[0-9]*/exe"]),
    ("network namespace", &["/bin/sh", "-c", "readlink /proc/[0-9]*/ns/net"]),
    ("link", &["/bin/sh", "-c", "ls /sys/class/net"]),
    ("cgroup", &["find", "/sys/fs/cgroup", "-type", "d"]),
    ("lease", &["find", "/var/lib/cni", "-type", "f"]),
    ("pod folder", &["find", "/run/kutties/pods", "/var/lib/kubelet/pods", "/var/log/pods", "-maxdepth", "1"]),
    ("container folder", &["find", "/run/kutties/oci", "/var/lib/kutties/containers", "-maxdepth", "1"]),
];

/// What is there, each with how often.
#[derive(Debug, PartialEq, Eq)]
pub struct Holdings(BTreeMap<String, usize>);

impl Holdings {
    /// Look now.
    pub fn of(guest: &Guest) -> Result<Self> {
        let mut held = BTreeMap::new();
        for (what, argv) in LOOKS {
            // A folder that no pod has made yet, or a process that ends while one looks, is no failure of the look.
            for line in guest.exec(argv)?.stdout.lines() {
                *held.entry(format!("{what} {line}")).or_insert(0) += 1;
            }
        }
        // A namespace is one however many processes are in it.
        held.iter_mut().filter(|(name, _)| name.starts_with("network namespace")).for_each(|(_, count)| *count = 1);
        Ok(Self(held))
    }

    /// What is in `later` and was not here.
    pub fn new_in(&self, later: &Self) -> Vec<String> {
        let more = |(name, count): (&String, &usize)| {
            let before = self.0.get(name).copied().unwrap_or(0);
            (*count > before).then(|| format!("{name} (+{})", count - before))
        };
        later.0.iter().filter_map(more).collect()
    }

    /// Wait until nothing is there that was not before.
    pub fn wait_same(&self, guest: &Guest, limit: Duration) -> Result<()> {
        until(limit, || {
            let new = self.new_in(&Self::of(guest)?);
            if new.is_empty() { Ok(()) } else { Err(Error::new(format!("left behind:\n{}", new.join("\n")))) }
        })
    }
}
