//! Processes that run in a container until they end.

use std::fs;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

/// A process that runs for a caller.
#[derive(Debug)]
pub struct Running {
    /// Its process id.
    pub pid: i32,
    /// Caller to answer.
    pub caller: u64,
    /// Deadline of the process.
    pub deadline: Option<Instant>,
    /// True if it was killed for that.
    pub timed_out: bool,
}

/// The most processes of a tree that are looked for: one that grows faster than it is read must not hold up the pod.
const TREE: usize = 1024;

/// Kill a process and those that descend from it, up to [`TREE`]; the container's end ends the rest. The children are listed first:
/// once it is dead they have another parent.
pub fn kill_tree(pid: i32) {
    let mut doomed = vec![pid];
    let mut at = 0;
    while at < doomed.len() && doomed.len() < TREE {
        let tasks = fs::read_dir(format!("/proc/{}/task", doomed[at]));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            doomed.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
        at += 1;
    }
    for pid in doomed.into_iter().filter_map(Pid::from_raw) {
        // One that has ended meanwhile needs no kill.
        let _ = kill_process(pid, Signal::KILL);
    }
}
