//! The exit journal, and what else is read from the kernel when a container ends.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kit::{Context, Result};

use super::wire::{self, Exit};

/// Where the hierarchy is mounted.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Now, in nanoseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Write a container's exit, whole or not at all.
pub fn write(dir: &Path, container: &str, exit: &Exit) -> Result<()> {
    let path = wire::exit_file(dir, container);
    let folder = dir.join("exits");
    fs::create_dir_all(&folder).on("make", &folder)?;
    let new = path.with_extension("new");
    let text = serde_json::to_vec(exit).doing("encode an exit")?;
    let written = fs::File::create(&new).and_then(|mut file| file.write_all(&text)).on("write", &new);
    written.and_then(|()| fs::rename(&new, &path).on("rename", &new)).inspect_err(|_| {
        // Half an exit is of no use, and there may be no room for it.
        let _ = fs::remove_file(&new);
    })
}

/// A cgroup's folder.
pub fn cgroup(path: &str) -> PathBuf {
    Path::new(CGROUPS).join(path.trim_start_matches('/'))
}

/// Whether the OOM killer struck in that cgroup.
pub fn oom_killed(path: &str) -> bool {
    let events = fs::read_to_string(cgroup(path).join("memory.events")).unwrap_or_default();
    events.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count != "0")
}

/// Kill all that is in that cgroup. One that is gone holds nothing.
pub fn kill_cgroup(path: &str) {
    if !path.trim_matches('/').is_empty() {
        let _ = fs::write(cgroup(path).join("cgroup.kill"), "1");
    }
}
