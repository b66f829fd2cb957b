//! Reports of PID 1: a line on the console and in the boot log, with the seconds since the kernel
//! started.
//!
//! Neither may ever block PID 1: the console is opened non-blocking and what it does not take waits in a bounded buffer.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use kit::paths;
use rustix::fs::OFlags;
use rustix::time::{ClockId, clock_gettime};

/// The most that waits for a slow console, in bytes: some hundred lines. What comes after that is in the boot log alone.
const PENDING: usize = 64 << 10;
/// The most that the boot log takes, in bytes.
const LOG: usize = 256 << 10;

/// The console and the boot log.
#[derive(Debug, Default)]
pub struct Report {
    console: Option<File>,
    pending: Vec<u8>,
    /// Lines from before /run was mounted; afterwards only their length matters.
    early: Vec<u8>,
    log: Option<File>,
    logged: usize,
}

impl Report {
    /// Speak on /dev/console from now on, if it is there.
    pub fn open_console(&mut self) {
        if self.console.is_none() {
            let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
            self.console = OpenOptions::new().write(true).custom_flags(flags).open("/dev/console").ok();
        }
        self.flush();
    }

    /// Keep the log in its file from now on, what was said so far included.
    pub fn open_log(&mut self) {
        let Ok(mut file) = OpenOptions::new().create(true).append(true).mode(0o644).open(paths::BOOT_LOG) else { return };
        let early = std::mem::take(&mut self.early);
        self.logged = early.len();
        // A log that can't be written has nowhere to say so but the console, where all of it stands already.
        let _ = file.write_all(&early);
        self.log = Some(file);
    }

    /// Say one thing.
    pub fn line(&mut self, text: &str) {
        let line = format!("[{:>9.3}] {text}\n", since_start().as_secs_f64());
        self.keep(line.as_bytes());
        if self.pending.len() + line.len() <= PENDING {
            self.pending.extend_from_slice(line.as_bytes());
        }
        self.flush();
    }

    /// Give the console what it takes now.
    pub fn flush(&mut self) {
        let Some(console) = &mut self.console else { return };
        while !self.pending.is_empty() {
            match console.write(&self.pending) {
                Ok(taken) if taken > 0 => drop(self.pending.drain(..taken)),
                _ => return,
            }
        }
    }

    /// The console, while something waits for it.
    pub fn blocked(&self) -> Option<BorrowedFd<'_>> {
        self.console.as_ref().filter(|_| !self.pending.is_empty()).map(AsFd::as_fd)
    }

    fn keep(&mut self, line: &[u8]) {
        if self.logged + line.len() > LOG {
            return;
        }
        self.logged += line.len();
        match &mut self.log {
            // As above: the console has it.
            Some(log) => drop(log.write_all(line)),
            None => self.early.extend_from_slice(line),
        }
    }
}

/// Returns the time since the kernel started.
pub fn since_start() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
