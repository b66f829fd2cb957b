//! Entries out of an archive's bytes.

use std::io::{self, Read};

use super::format::{self, END, Entry, Format};

/// An archive that is read.
pub(crate) struct Reader<R> {
    input: R,
    /// Bytes that were read.
    pub(crate) at: u64,
    left: u64,
    filling: u64,
}

impl<R: Read> Reader<R> {
    /// A reader at the beginning of an archive.
    pub(crate) const fn new(input: R) -> Self {
        Self { input, at: 0, left: 0, filling: 0 }
    }

    /// The next entry, none at the end. Zeros between archives are passed over, as the kernel does.
    pub(crate) fn next(&mut self) -> io::Result<Option<(Format, Entry)>> {
        let count = self.left + self.filling;
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        self.at += skipped;
        if skipped < count {
            return Err(cut());
        }
        (self.left, self.filling) = (0, 0);
        let mut start = [0; 6];
        self.input.read_exact(&mut start).map_err(|_| cut())?;
        self.at += 6;
        let mut counted = Counted { from: &mut self.input, count: 0 };
        let parsed = format::parse(start, &mut counted);
        let count = counted.count;
        self.at += count;
        let (format, entry) = parsed.map_err(|e| if e.kind() == io::ErrorKind::UnexpectedEof { cut() } else { e })?;
        if entry.name == END {
            return Ok(None);
        }
        self.left = entry.size;
        self.filling = entry.size.next_multiple_of(format.align()) - entry.size;
        Ok(Some((format, entry)))
    }
}

struct Counted<'a, R> {
    from: &'a mut R,
    count: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.count += read as u64;
        Ok(read)
    }
}

impl<R: Read> Read for Reader<R> {
    /// Data of the present entry.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let len = to.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(0);
        }
        let read = self.input.read(&mut to[..len])?;
        self.left -= read as u64;
        self.at += read as u64;
        if read == 0 { Err(cut()) } else { Ok(read) }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "premature end of the archive")
}
