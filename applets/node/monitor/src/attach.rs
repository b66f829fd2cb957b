//! Clients that see a container's output as it comes, beside the log.
//!
//! A client gets every byte from its coming on, so a slow one holds up the container, as a slow terminal would; but not for ever:
//! one that takes nothing for [`PATIENCE`] is let go.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Timeout of a client that takes nothing: a person who stopped their terminal, or a network that
/// broke.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A client.
#[derive(Debug)]
pub struct Client {
    /// The caller's number.
    pub caller: u64,
    /// Sockets for stdout and stderr; none when one is at its end.
    pub sockets: [Option<OwnedFd>; 2],
    /// Bytes that the sockets did not take yet.
    pending: [Vec<u8>; 2],
    /// Since when.
    stalled: [Option<Instant>; 2],
}

impl Client {
    /// A client with its two sockets.
    pub const fn new(caller: u64, stdout: OwnedFd, stderr: OwnedFd) -> Self {
        Self { caller, sockets: [Some(stdout), Some(stderr)], pending: [Vec::new(), Vec::new()], stalled: [None; 2] }
    }

    /// Give it some of the container's output: whether it took all.
    pub fn give(&mut self, which: usize, bytes: &[u8]) -> bool {
        if self.sockets[which].is_some() {
            self.pending[which].extend_from_slice(bytes);
            self.flush(which);
        }
        !self.is_behind(which)
    }

    /// Tells if bytes wait for it.
    pub fn is_behind(&self, which: usize) -> bool {
        !self.pending[which].is_empty()
    }

    /// Write what waits, as far as the socket takes it.
    pub fn flush(&mut self, which: usize) {
        while let (Some(socket), false) = (&self.sockets[which], self.pending[which].is_empty()) {
            match send(socket, &self.pending[which], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => {
                    self.pending[which].drain(..count);
                    self.stalled[which] = None;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.stalled[which].get_or_insert_with(Instant::now);
                    return;
                }
                Err(_) => self.close(which),
            }
        }
        self.pending[which] = Vec::new();
    }

    /// Nothing more comes for it there, once it has taken all.
    pub fn finish(&mut self, which: usize) {
        if !self.is_behind(which) {
            self.close(which);
        }
    }

    /// Returns the time at which it is dropped, if it takes nothing until then.
    pub fn due(&self) -> Option<Instant> {
        self.stalled.iter().flatten().min().map(|since| *since + PATIENCE)
    }

    fn close(&mut self, which: usize) {
        self.sockets[which] = None;
        self.stalled[which] = None;
        self.pending[which] = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    fn client() -> (Client, UnixStream, UnixStream) {
        let (out, out_far) = UnixStream::pair().unwrap();
        let (err, err_far) = UnixStream::pair().unwrap();
        (Client::new(1, out.into(), err.into()), out_far, err_far)
    }

    #[test]
    fn a_slow_client_gets_all_in_the_end() {
        let (mut client, mut out, _err) = client();
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
        assert!(!client.give(0, &bytes));
        assert!(client.is_behind(0) && client.due().is_some());
        assert!(client.give(1, b"the other one is not held up"));
        client.finish(0);
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            out.read_to_end(&mut all).unwrap();
            all
        });
        while client.is_behind(0) {
            client.flush(0);
            std::thread::yield_now();
        }
        client.finish(0);
        assert!(reader.join().unwrap() == bytes);
        assert!(client.sockets[0].is_none() && client.sockets[1].is_some());
    }

    #[test]
    fn one_that_left_takes_everything_at_once() {
        let (mut client, out, _err) = client();
        drop(out);
        assert!(client.give(0, b"for nobody"));
        assert!(client.sockets[0].is_none() && client.give(0, b"more") && client.due().is_none());
    }
}
