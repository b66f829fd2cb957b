//! The exit journal, and what else is read from the kernel when a container ends.

use std::fs;
use std::path::Path;

use kit::cgroup::Cgroup;
use kit::fs::Form;
use kit::{Context, Result};

use super::wire::{self, Exit};

/// Write a container's exit, whole or not at all.
pub fn write(dir: &Path, container: &str, exit: &Exit) -> Result<()> {
    let path = wire::exit_file(dir, container);
    let directory = dir.join("exits");
    fs::create_dir_all(&directory).on("make", &directory)?;
    let text = serde_json::to_vec(exit).doing("encode an exit")?;
    kit::fs::replace(&path, text, Form::PLAIN)
}

/// Tells if the OOM killer struck in that cgroup.
pub fn oom_killed(path: &str) -> bool {
    let events = fs::read_to_string(Cgroup::at(path).dir().join("memory.events")).unwrap_or_default();
    events.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count != "0")
}

/// Kill all that is in that cgroup.
pub fn kill_cgroup(path: &str) {
    let group = Cgroup::at(path);
    if !group.is_root() {
        // Without the cgroup (a test outside an appliance) there is nothing to kill.
        let _ = group.kill();
    }
}
