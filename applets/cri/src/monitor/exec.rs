//! Processes that run in a container until they end, with their output kept.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

/// What an exec writes: at most `limit` bytes of each stream are kept, the rest is read and dropped.
#[derive(Debug)]
pub struct Output {
    /// The pipes' reading ends; none after their end.
    pub pipes: [Option<OwnedFd>; 2],
    /// What was kept of stdout and stderr.
    pub kept: [Vec<u8>; 2],
    /// How much is kept of each.
    pub limit: usize,
}

impl Output {
    /// Read what is there in one of the two.
    pub fn pump(&mut self, which: usize) {
        let mut bytes = [0; 16 * 1024];
        while let Some(fd) = &self.pipes[which] {
            match rustix::io::read(fd, &mut bytes) {
                Ok(n) if n > 0 => {
                    let room = self.limit - self.kept[which].len().min(self.limit);
                    self.kept[which].extend_from_slice(&bytes[..n.min(room)]);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Ok(_) | Err(_) => self.pipes[which] = None,
            }
        }
    }
}

/// A process that runs for a caller.
#[derive(Debug)]
pub struct Running {
    /// Its process id.
    pub pid: i32,
    /// Whom to tell.
    pub caller: u64,
    /// Its output.
    pub output: Output,
    /// When its time is up.
    pub deadline: Option<Instant>,
    /// Whether it was killed for that.
    pub timed_out: bool,
}

/// Kill a process and all that descend from it. The children are listed first: once it is dead they have another parent.
pub fn kill_tree(pid: i32) {
    let mut doomed = vec![pid];
    let mut at = 0;
    while at < doomed.len() {
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
