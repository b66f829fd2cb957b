//! zstd streams: a frame for each part of the input, with our own search for matches.
//!
//! The crate's compressor reads its whole input at once and panics when reading or writing fails: it is given bytes in
//! memory, and nothing else.

use std::io::{self, Write};

use ruzstd::encoding::{CompressionLevel, FrameCompressor};

use super::Sink;
use super::match_finder::{FRAME, Finder};

/// A stream that is written.
pub(super) struct Writer<W: Write> {
    to: W,
    level: u32,
    part: Vec<u8>,
    frames: u64,
}

impl<W: Write> Writer<W> {
    /// A stream into `to`.
    pub(super) const fn new(to: W, level: u32) -> Self {
        Self { to, level, part: Vec::new(), frames: 0 }
    }

    fn frame(&mut self) -> io::Result<()> {
        let mut packed = Vec::with_capacity(self.part.len() / 2);
        let finder = Finder::new(self.level, self.part.len());
        let mut compressor = FrameCompressor::new_with_matcher(finder, CompressionLevel::Fastest);
        compressor.set_source(self.part.as_slice());
        compressor.set_drain(&mut packed);
        compressor.compress();
        drop(compressor);
        self.part.clear();
        self.frames += 1;
        self.to.write_all(&packed)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(FRAME - self.part.len());
        self.part.extend_from_slice(&bytes[..len]);
        if self.part.len() == FRAME {
            self.frame()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W: Write> Sink for Writer<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        // An empty input has a frame, too.
        if !self.part.is_empty() || self.frames == 0 {
            self.frame()?;
        }
        self.to.flush()
    }
}
