//! Verdicts: `NONCE CODE` lines that commands in a guest write to the port `kutties.verdict`.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};

use crate::nonce;

/// The host's end of the verdict port.
pub struct Verdicts {
    lines: Receiver<String>,
}

impl Verdicts {
    /// Listen from now on.
    pub fn new(stream: UnixStream) -> Result<Self> {
        let (tell, lines) = mpsc::channel();
        thread::Builder::new()
            .name("verdicts".into())
            .spawn(move || {
                for line in BufReader::new(stream).lines().map_while(std::result::Result::ok) {
                    if tell.send(line).is_err() {
                        return;
                    }
                }
            })
            .doing("start a listener")?;
        Ok(Self { lines })
    }

    /// A word that no guest has seen before.
    pub fn nonce(&self) -> String {
        format!("{:016x}", nonce())
    }

    /// Wait for the verdict with this nonce; lines with any other are stale.
    pub fn wait(&self, nonce: &str, limit: Duration) -> Result<i32> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line =
                self.lines.recv_timeout(left).map_err(|_| Error::new(format!("no verdict within {} s", limit.as_secs())))?;
            if let Some(code) = line.trim().strip_prefix(nonce) {
                return code.trim().parse().doing(format!("read the verdict {line:?}"));
            }
        }
    }
}
