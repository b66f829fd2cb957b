//! A buffered input whose next bytes can be looked at, however few a read brings.

use std::io::{self, BufRead, Read};

/// Bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// The input.
pub(crate) struct Input {
    from: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that were taken.
    pub(crate) taken: u64,
}

impl Input {
    /// An input from a reader.
    pub(crate) fn new(from: impl Read + 'static) -> Self {
        Self { from: Box::new(from), buffer: vec![0; BUFFER], start: 0, end: 0, taken: 0 }
    }

    /// The next `count` bytes, which must be fewer than the buffer; fewer where the input ends.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < count {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let len = count.min(self.end - self.start);
        Ok(&self.buffer[self.start..self.start + len])
    }
}

impl Read for Input {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let len = available.len().min(to.len());
        to[..len].copy_from_slice(&available[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.peek(1)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.taken += count as u64;
    }
}
