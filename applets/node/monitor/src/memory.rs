//! The cgroup of a monitor and of its containers' logs, beside the pod's: what a pod prints is not charged to its own memory limit,
//! and has a limit all the same.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use kit::cgroup::Cgroup;
use kit::{Context, Result};

/// The cgroup of the zygote and of runs of `oci`: not in the server's cgroup, which its supervisor kills.
pub const CGROUP: &str = "/kutties/monitors";
/// The parent of the monitors' cgroups. Pods without a parent cgroup have theirs there, too.
const GROUPS: &str = "/kutties/pods";
/// Bytes that a monitor may take beside its containers' logs: it takes one or two MiB.
const OWN: u64 = 16 << 20;
/// Of that, what is never left to logs: at the limit the kernel would kill the monitor, and with it the pod.
const RESERVE: u64 = 4 << 20;
/// Times that a cgroup is looked for: a server may remove an empty one just before it is entered.
const ATTEMPTS: usize = 8;

/// Returns whether there are cgroups of version 2: a test outside an appliance may have none.
pub fn has_cgroups() -> bool {
    Cgroup::at("/").dir().join("cgroup.controllers").exists()
}

/// Give the monitors' cgroups limits. Without the controller there are none.
pub fn allow_limits() {
    let groups = Cgroup::at(GROUPS);
    let _ = groups.make().and_then(|()| groups.write("cgroup.subtree_control", "+memory"));
}

/// A monitor's cgroup.
#[derive(Debug)]
pub struct Memory {
    dir: PathBuf,
    limit: u64,
}

impl Memory {
    /// Enter the first of these cgroups that nobody has; none where there are no cgroups, or where none is asked for.
    pub fn enter(names: &[String]) -> Result<Option<Self>> {
        if names.is_empty() || !has_cgroups() {
            return Ok(None);
        }
        let mut failure = io::Error::from(ErrorKind::NotFound);
        for name in names.iter().cycle().take(names.len() * ATTEMPTS) {
            let dir = Cgroup::at(name).dir().to_owned();
            match fs::create_dir(&dir).and_then(|()| fs::write(dir.join("cgroup.procs"), "0")) {
                Ok(()) => {
                    let mut memory = Self { dir, limit: 0 };
                    memory.raise(0);
                    return Ok(Some(memory));
                }
                Err(e) => failure = e,
            }
        }
        Err(failure).doing(format_args!("make a cgroup for the monitor, {}", names.join(" or ")))
    }

    /// Make room for that much of logs. It never shrinks: what lies there would have to be somewhere.
    pub fn raise(&mut self, logs: u64) {
        let wanted = OWN.saturating_add(logs);
        // Without the controller there is no such file, and no limit.
        if wanted > self.limit && fs::write(self.dir.join("memory.max"), wanted.to_string()).is_ok() {
            self.limit = wanted;
        }
    }

    /// Opens the files that tell of the room for logs; none without the controller.
    pub fn room(&self) -> Option<Room> {
        Some(Room {
            used: File::open(self.dir.join("memory.current")).ok()?,
            limit: File::open(self.dir.join("memory.max")).ok()?,
        })
    }
}

/// The room that a cgroup has for logs in memory.
#[derive(Debug)]
pub struct Room {
    used: File,
    limit: File,
}

impl Room {
    /// Returns whether so many bytes more can be written without harm to the monitor.
    pub fn has(&self, bytes: usize) -> bool {
        let (Some(used), Some(limit)) = (number(&self.used), number(&self.limit)) else { return true };
        used.saturating_add(bytes as u64).saturating_add(RESERVE) <= limit
    }
}

/// The number in a file of the kernel's; `max` is none.
fn number(file: &File) -> Option<u64> {
    let mut text = [0; 24];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text[..length]).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn logs_end_before_the_limit_does() {
        let dir = std::env::temp_dir().join(format!("cri-memory-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("memory.current"), "1048576\n").unwrap();
        let mut memory = Memory { dir: dir.clone(), limit: 0 };
        memory.raise(40 << 20);
        assert_eq!(fs::read_to_string(dir.join("memory.max")).unwrap(), (56 << 20).to_string());
        // A container that is gone leaves its share.
        memory.raise(0);
        assert_eq!(fs::read_to_string(dir.join("memory.max")).unwrap(), (56 << 20).to_string());
        let room = memory.room().unwrap();
        assert!(room.has(51 << 20) && !room.has((51 << 20) + 1));
        fs::write(dir.join("memory.max"), "max\n").unwrap();
        assert!(room.has(1 << 40));
        fs::remove_dir_all(dir).unwrap();
    }
}
