//! A caller's connection: a request line in, a reply line out, nothing that waits.

use std::io::{ErrorKind, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use kit::scm;
use rustix::io::Errno;

use super::wire::{LIMIT, MOST_FDS, Reply, Request};

/// A watcher that does not read for that many bytes of replies is let go.
const WATCHER_LIMIT: usize = 1 << 20;

/// Phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The request is not whole yet.
    Asking,
    /// Its answer is being worked out.
    Waiting,
    /// It hears of exits until it closes.
    Watching,
    /// It sees a container's output until it closes.
    Attached,
    /// It closes once all is written.
    Leaving,
}

/// One caller.
#[derive(Debug)]
pub struct Connection {
    /// The socket; it does not block.
    pub socket: UnixStream,
    /// Phase of the connection.
    pub phase: Phase,
    /// The descriptors that came with the request.
    pub fds: Vec<OwnedFd>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

/// Result of reading.
pub enum Heard {
    /// Nothing whole yet.
    Part,
    /// A request.
    Request(Box<Request>),
    /// A line that is none: a sentence.
    Nonsense(String),
    /// The caller is gone.
    Gone,
}

impl Connection {
    /// A new caller.
    pub const fn new(socket: UnixStream, phase: Phase) -> Self {
        Self { socket, phase, fds: Vec::new(), inbox: Vec::new(), outbox: Vec::new() }
    }

    /// Read what is there.
    pub fn hear(&mut self) -> Heard {
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.read(&mut bytes) {
                Ok(0) => return Heard::Gone,
                Ok(_) if self.phase != Phase::Asking => {}
                Ok(n) => {
                    self.inbox.extend_from_slice(&bytes[..n]);
                    if bytes[..n].contains(&b'\n') {
                        return self.request();
                    }
                    if self.inbox.len() > LIMIT {
                        return Heard::Nonsense(format!("a request longer than {LIMIT} bytes"));
                    }
                }
                Err(Errno::AGAIN) => return Heard::Part,
                Err(Errno::INTR) => {}
                Err(_) => return Heard::Gone,
            }
        }
    }

    /// Read, and keep the descriptors beside. More than are allowed are closed by the kernel.
    fn read(&mut self, bytes: &mut [u8]) -> rustix::io::Result<usize> {
        let (got, fds) = scm::receive(&self.socket, bytes)?;
        if self.phase == Phase::Asking {
            self.fds.extend(fds.into_iter().take(MOST_FDS.saturating_sub(self.fds.len())));
        }
        Ok(got)
    }

    fn request(&mut self) -> Heard {
        let inbox = std::mem::take(&mut self.inbox);
        let line = inbox.split(|b| *b == b'\n').next().unwrap_or_default();
        match serde_json::from_slice(line) {
            Ok(request) => Heard::Request(Box::new(request)),
            Err(e) => Heard::Nonsense(format!("a malformed request: {e}")),
        }
    }

    /// Say a line.
    pub fn say(&mut self, reply: &Reply) {
        if let Ok(line) = serde_json::to_vec(reply) {
            self.outbox.extend_from_slice(&line);
            self.outbox.push(b'\n');
        }
        self.write();
    }

    /// Say the first line, with a descriptor beside it.
    pub fn hand_over(&mut self, reply: &Reply, fd: BorrowedFd) {
        let Ok(mut line) = serde_json::to_vec(reply) else { return };
        line.push(b'\n');
        match scm::send(&self.socket, &line, &[fd]) {
            Ok(sent) => self.outbox.extend_from_slice(&line[sent..]),
            // Its buffer is empty at the first line, so that it is gone.
            Err(_) => self.phase = Phase::Leaving,
        }
    }

    /// Tells if bytes wait to be written.
    pub fn has_more(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Write what the socket takes. A caller that is gone gets nothing more.
    pub fn write(&mut self) {
        while !self.outbox.is_empty() {
            match self.socket.write(&self.outbox) {
                Ok(n) => drop(self.outbox.drain(..n)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.outbox = Vec::new();
                    self.phase = Phase::Leaving;
                }
            }
        }
        if self.phase == Phase::Watching && self.outbox.len() > WATCHER_LIMIT {
            self.outbox = Vec::new();
            self.phase = Phase::Leaving;
        }
    }

    /// Tells if it can be closed.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Leaving && self.outbox.is_empty()
    }
}
