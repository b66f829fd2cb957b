//! The cgroup tree: PID 1 in a leaf, controllers for everything below.
//!
//! ```text
//! /                     no process of ours; the kubelet makes /kubepods here
//! └ kutties
//!   ├ init              PID 1 and the boot's children
//!   ├ consoles/TTY      shells
//!   ├ monitors          the pods' monitors, which outlive the CRI server
//!   └ services/NAME     one each
//! ```

use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use kit::{Context, Result};

use crate::Machine;

/// Where the tree is mounted.
pub const TREE: &str = "/sys/fs/cgroup";
/// Ours in it.
const OURS: &str = "/sys/fs/cgroup/kutties";

/// Make the tree and move PID 1 into its leaf. A controller that can't be enabled is named; the kubelet will miss it.
pub fn set_up(_: &mut Machine) -> Result<String> {
    for leaf in ["init", "monitors", "services", "consoles"] {
        fs::create_dir_all(Path::new(OURS).join(leaf)).on("make cgroup", leaf)?;
    }
    fs::write(Path::new(OURS).join("init/cgroup.procs"), "0").doing("move init into its cgroup")?;
    let available = fs::read_to_string(Path::new(TREE).join("cgroup.controllers")).doing("read the cgroup controllers")?;
    let mut refused = Vec::new();
    for group in [TREE, OURS, "/sys/fs/cgroup/kutties/services", "/sys/fs/cgroup/kutties/consoles"] {
        for controller in available.split_whitespace() {
            let enabled = fs::write(Path::new(group).join("cgroup.subtree_control"), format!("+{controller}"));
            if enabled.is_err() && !refused.contains(&controller) {
                refused.push(controller);
            }
        }
    }
    let missing: Vec<&str> = ["cpu", "cpuset", "memory", "pids"]
        .into_iter()
        .filter(|c| !available.split_whitespace().any(|a| a == *c))
        .chain(refused)
        .collect();
    Ok(if missing.is_empty() { String::new() } else { format!("without {}", missing.join(" ")) })
}

/// A leaf for a service or a console: `services/cri`. Gives its open `cgroup.procs`.
pub fn leaf(name: &str) -> Result<OwnedFd> {
    let dir = path(name);
    fs::create_dir_all(&dir).on("make cgroup", &dir)?;
    let procs = dir.join("cgroup.procs");
    OpenOptions::new().write(true).open(&procs).map(File::into).on("open", &procs)
}

/// Kill all that is left in a leaf.
pub fn kill(name: &str) {
    // Without such a group there is nothing to kill.
    let _ = fs::write(path(name).join("cgroup.kill"), "1");
}

/// Whether a process is left in the group at that absolute path of the tree, or below.
pub fn is_populated(group: &str) -> bool {
    let events = fs::read_to_string(Path::new(TREE).join(group.trim_start_matches('/')).join("cgroup.events"));
    events.is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
}

/// The processes in a group and all below it.
pub fn processes(group: &Path) -> Vec<i32> {
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<i32> = own.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1).collect();
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            pids.extend(processes(&entry.path()));
        }
    }
    pids
}

fn path(name: &str) -> PathBuf {
    Path::new(OURS).join(name)
}
