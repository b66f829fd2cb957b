//! Watch the cluster's objects: each change as a line of kubectl, with the moment at which it came.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};

/// A running watch. Dropping it ends it.
pub struct Watch {
    kubectl: Child,
    lines: Receiver<(Instant, String)>,
}

impl Watch {
    /// Watch all objects of a kind from now on, with the lab's kubectl.
    pub fn start(kubectl: &Path, kind: &str) -> Result<Self> {
        let mut kubectl = Command::new(kubectl)
            .args(["get", kind, "--watch", "--no-headers"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .doing("start kubectl")?;
        let out = kubectl.stdout.take().ok_or_else(|| Error::new("start kubectl: it has no output"))?;
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(std::result::Result::ok) {
                if tell.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { kubectl, lines })
    }

    /// Wait until the object has that status in the given column (the name is in column 0); when it had.
    pub fn wait(&self, name: &str, column: usize, status: &str, limit: Duration) -> Result<Instant> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, line) = self
                .lines
                .recv_timeout(left)
                .map_err(|_| Error::new(format!("{name} is not {status} within {} s", limit.as_secs())))?;
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.first() == Some(&name) && words.get(column) == Some(&status) {
                return Ok(at);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}
