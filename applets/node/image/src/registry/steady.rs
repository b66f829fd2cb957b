//! A server's answer that must get on: one that comes in drops would hold a pull for ever, though it never stalls.

use std::io::{Error, Read, Result};
use std::time::{Duration, Instant};

use kit::Kind;

/// A server that gives less than this in the time of a stall, in bytes, does not mean it.
pub const TRICKLE: u64 = 4 << 10;

/// A reader that fails where it gets on too slowly.
pub struct Steady<R> {
    inner: R,
    stall: Duration,
    since: Instant,
    came: u64,
}

impl<R> Steady<R> {
    /// Watch from now on.
    pub fn new(inner: R, stall: Duration) -> Self {
        Self { inner, stall, since: Instant::now(), came: 0 }
    }
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.inner.read(buffer)?;
        self.came += count as u64;
        if count > 0 && self.since.elapsed() >= self.stall {
            if self.came < TRICKLE {
                let text = format!("it stalls: {} bytes came within {} s", self.came, self.stall.as_secs());
                return Err(Error::other(kit::Error::of(Kind::Unreachable, text)));
            }
            (self.since, self.came) = (Instant::now(), 0);
        }
        Ok(count)
    }
}
