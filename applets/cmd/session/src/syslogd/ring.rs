//! The newest lines in memory, and those who read them.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

/// Readers at once.
const MOST_READERS: usize = 16;

/// A line to a reader.
fn send(stream: &mut UnixStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Lines up to a number of bytes.
pub struct Ring {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    limit: usize,
    followers: Vec<UnixStream>,
}

impl Ring {
    /// For so many bytes.
    pub const fn new(limit: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, limit, followers: Vec::new() }
    }

    /// Add a line; the oldest go when there is no room.
    pub fn push(&mut self, line: &[u8]) {
        self.lines.push_back(line.to_vec());
        self.bytes += line.len();
        while self.bytes > self.limit {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        // A reader that takes nothing is let go: the log waits for nobody.
        self.followers.retain_mut(|follower| send(follower, line));
    }

    /// A reader comes: it gets all lines, and those to come.
    pub fn join(&mut self, mut stream: UnixStream) {
        if self.followers.len() >= MOST_READERS {
            return;
        }
        let all: Vec<u8> = self.lines.iter().flatten().copied().collect();
        let limit = std::time::Duration::from_secs(2);
        if stream.set_write_timeout(Some(limit)).is_err() {
            return;
        }
        // A line of zero marks the end of what there was.
        if send(&mut stream, &all) && send(&mut stream, b"\0") && stream.set_nonblocking(true).is_ok() {
            self.followers.push(stream);
        }
    }

    /// The readers.
    pub fn followers(&self) -> Vec<&UnixStream> {
        self.followers.iter().collect()
    }

    /// Forget those that have gone.
    pub fn drop_gone(&mut self) {
        self.followers.retain_mut(|follower| {
            let read = follower.read(&mut [0; 64]);
            matches!(read, Err(e) if e.kind() == ErrorKind::WouldBlock)
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_oldest_lines_go() {
        let mut ring = Ring::new(10);
        for line in [&b"aaaa\n"[..], b"bbbb\n", b"cccc\n"] {
            ring.push(line);
        }
        assert_eq!(ring.lines, [b"bbbb\n".to_vec(), b"cccc\n".to_vec()]);
        let (here, mut there) = UnixStream::pair().unwrap();
        ring.join(here);
        ring.push(b"dddd\n");
        let mut bytes = [0; 16];
        let count = there.read(&mut bytes).unwrap();
        assert!(bytes[..count].starts_with(b"bbbb\ncccc\n\0"));
        drop(there);
        ring.drop_gone();
        assert!(ring.followers.is_empty());
    }
}
