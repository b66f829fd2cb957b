//! Bounded log of a service's output: two files of half the size, the older one thrown away.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use kit::paths;

/// The most that one of the two files holds, in bytes: together 1 MiB a service, some ten thousand lines.
const HALF: u64 = 512 << 10;
/// A longer line is cut for the purpose of being shown.
const LINE: usize = 400;

/// A service's log and its last lines.
#[derive(Debug)]
pub struct Ring {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    part: Vec<u8>,
    last: Option<String>,
    last_error: Option<String>,
}

impl Ring {
    /// Log of the service of that name, below /var/log, where the kubelet finds it for `kubectl get --raw
    /// /api/v1/nodes/NODE/proxy/logs/?query=NAME`; a link in the directory of all logs leads there.
    pub fn new(name: &str) -> Self {
        let file = format!("{name}.log");
        let path = PathBuf::from(paths::SERVICE_LOGS).join(&file);
        // Without the link the log is as complete; only PID 1 makes files in /run/kutties.
        let _ = symlink(&path, PathBuf::from(paths::LOGS).join(&file));
        Self { path, file: None, size: 0, part: vec![], last: None, last_error: None }
    }

    /// Add what was read; gives the lines that it completes.
    pub fn add(&mut self, bytes: &[u8]) -> Vec<String> {
        self.store(bytes);
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => lines.extend(self.end_line()),
                b'\r' => {}
                byte if self.part.len() < LINE => self.part.push(*byte),
                _ => {}
            }
        }
        lines
    }

    /// Takes the reason of a failure from the output: the last line that looks like an error, else
    /// the last line. Forgets both.
    pub fn take_reason(&mut self) -> Option<String> {
        let unfinished = self.end_line();
        let last = unfinished.or(self.last.take());
        self.last_error.take().or(last)
    }

    fn end_line(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.part)).trim().to_owned();
        if line.is_empty() {
            return None;
        }
        if is_error(&line) {
            self.last_error = Some(line.clone());
        }
        self.last = Some(line.clone());
        Some(line)
    }

    /// A log that can't be written is lost, not the service.
    fn store(&mut self, bytes: &[u8]) {
        if self.size + bytes.len() as u64 > HALF {
            let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
            self.file = None;
            self.size = 0;
        }
        if self.file.is_none() {
            self.file = OpenOptions::new().create(true).append(true).open(&self.path).ok();
            self.size = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |about| about.len());
        }
        if self.file.as_mut().is_some_and(|file| file.write_all(bytes).is_ok()) {
            self.size += bytes.len() as u64;
        }
    }
}

/// Tells if a line reports a failure: Go's klog begins errors with E or F and a date, others say so
/// in words.
fn is_error(line: &str) -> bool {
    let mut first = line.bytes();
    let klog = matches!(first.next(), Some(b'E' | b'F')) && first.next().is_some_and(|b| b.is_ascii_digit());
    let small = line.to_ascii_lowercase();
    klog || ["error", "failed", "fatal", "panic"].iter().any(|word| small.contains(word))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn ring(name: &str) -> Ring {
        let path = std::env::temp_dir().join(format!("kutties-ring-{}-{name}.log", std::process::id()));
        let _ = fs::remove_file(&path);
        Ring { path, ..Ring::new("test") }
    }

    #[test]
    fn the_reason_is_the_last_error_or_the_last_line() {
        let mut ring = ring("reason");
        assert_eq!(ring.add(b"one\ntw").len(), 1);
        ring.add(b"o\nE1121 10:00:00 server.go: bad config\nbye");
        assert_eq!(ring.take_reason().unwrap(), "E1121 10:00:00 server.go: bad config");
        ring.add(b"plain\n");
        assert_eq!(ring.take_reason().unwrap(), "plain");
        assert_eq!(ring.take_reason(), None);
    }

    #[test]
    fn it_never_holds_more_than_two_halves() {
        let mut ring = ring("bound");
        let chunk = vec![b'x'; 60_000];
        for _ in 0..100 {
            ring.add(&chunk);
        }
        let held = fs::metadata(&ring.path).unwrap().len();
        let old = fs::metadata(ring.path.with_extension("log.1")).unwrap().len();
        assert!(held <= HALF && old <= HALF && old > 0);
        let _ = fs::remove_file(&ring.path);
        let _ = fs::remove_file(ring.path.with_extension("log.1"));
    }
}
