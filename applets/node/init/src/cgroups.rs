//! The cgroup tree: PID 1 in a leaf, controllers for everything below.
//!
//! ```text
//! /                     no process of ours; the kubelet makes /kubepods here
//! └ kutties
//!   ├ init              PID 1 and the boot's children
//!   ├ consoles/TTY      shells
//!   ├ monitors          what makes the pods' monitors, and runs of the OCI runtime
//!   ├ pods/UID          a pod's monitor and its containers' logs, which outlive the CRI server; pods without a parent cgroup
//!   └ services/NAME     one each
//! ```

use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use kit::cgroup::{Cgroup, PROCS, TREE};
use kit::{Context, Result};

use crate::Machine;

/// Ours in it.
const OURS: &str = "/sys/fs/cgroup/kutties";
/// The services' in that.
const SERVICES: &str = "/sys/fs/cgroup/kutties/services";
/// The controllers that the kubelet refuses to work without.
const NEEDED: &[&str] = &["cpu", "cpuset", "memory", "pids"];
/// Shares of busy processors, below `/kutties`; what is not here has the kernel's 100. The kubelet gives `/kubepods` about 40 for each
/// processor, so pods that want all of them leave the services what these need: the runtime first, for the kubelet waits for it. A flood
/// of output that monitors read stays behind both.
const WEIGHTS: &[(&str, u32)] = &[("", 400), ("services", 1000), ("monitors", 400), ("init", 1000)];
/// The share of a service among the services.
const RUNTIME_WEIGHT: (&str, u32) = ("services/cri", 400);

/// Make the tree and move PID 1 into its leaf. A controller that can't be enabled is named; the kubelet will miss it.
pub fn set_up(_: &mut Machine) -> Result<String> {
    for leaf in ["init", "monitors", "services", "consoles"] {
        fs::create_dir_all(Path::new(OURS).join(leaf)).on("make cgroup", leaf)?;
    }
    group("init").enter().doing("move init into its cgroup")?;
    let available = fs::read_to_string(Path::new(TREE).join("cgroup.controllers")).doing("read the cgroup controllers")?;
    let mut missing: Vec<&str> = NEEDED.iter().copied().filter(|c| !available.split_whitespace().any(|a| a == *c)).collect();
    // All of them for the kubelet's pods; for services what limits and counts need. One write is much quicker than one each.
    if !enable(TREE, available.split_whitespace()) {
        missing.extend(available.split_whitespace().filter(|c| !enable(TREE, std::iter::once(*c))));
    }
    for group in [OURS, SERVICES] {
        enable(group, NEEDED.iter().copied().filter(|c| *c != "cpuset"));
    }
    for weight in WEIGHTS {
        weigh(*weight);
    }
    Ok(if missing.is_empty() { String::new() } else { format!("without {}", missing.join(" ")) })
}

/// Enables controllers for the group's children; tells if all are enabled now.
fn enable<'a>(group: &str, controllers: impl Iterator<Item = &'a str>) -> bool {
    let words: Vec<String> = controllers.map(|controller| format!("+{controller}")).collect();
    fs::write(Path::new(group).join("cgroup.subtree_control"), words.join(" ")).is_ok()
}

/// Sets the share of a group. Where the controller is missing all are equal.
fn weigh((name, weight): (&str, u32)) {
    let _ = fs::write(path(name).join("cpu.weight"), weight.to_string());
}

/// A leaf for a service or a console: `services/cri`. Gives its open `cgroup.procs`.
pub fn leaf(name: &str) -> Result<OwnedFd> {
    let dir = path(name);
    fs::create_dir_all(&dir).on("make cgroup", &dir)?;
    if name == RUNTIME_WEIGHT.0 {
        weigh(RUNTIME_WEIGHT);
    }
    let procs = dir.join(PROCS);
    OpenOptions::new().write(true).open(&procs).map(File::into).on("open", &procs)
}

/// Kill all that is left in a leaf.
pub fn kill(name: &str) {
    // Without such a group there is nothing to kill.
    let _ = group(name).kill();
}

/// Tells if a process is left in the group at that absolute path of the tree, or below.
pub fn is_populated(group: &str) -> bool {
    Cgroup::at(group).is_populated().unwrap_or_default()
}

fn group(name: &str) -> Cgroup {
    Cgroup::at(Path::new("kutties").join(name))
}

fn path(name: &str) -> PathBuf {
    Path::new(OURS).join(name)
}
