//! Sparse files: GNU's own form, and the three that it has in POSIX's extended headers (GNU tar's manual, "Sparse Formats").

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::Tar;
use super::header::{BLOCK, Header, Parts, broken, more_parts};
use super::pax::{Extensions, decimal};

/// The most parts of one file: 4 MiB of memory.
const PARTS: usize = 1 << 18;

/// Parts of a file that have content; the rest are holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparse {
    /// Offset and length in bytes, in order.
    parts: Parts,
    /// The file's length in bytes.
    length: u64,
}

impl Sparse {
    /// Parts that are in order, inside the file, and as long as the content that comes.
    fn new(parts: Parts, length: u64, content: u64) -> io::Result<Self> {
        let (mut end, mut sum) = (0u64, 0u64);
        for (offset, part) in &parts {
            let next = offset.checked_add(*part).filter(|next| *offset >= end && *next <= length);
            end = next.ok_or_else(|| broken("a sparse file's parts overlap or lie outside of it"))?;
            sum += part;
        }
        if sum != content || i64::try_from(length).is_err() {
            return Err(broken("a sparse file's parts are not its content"));
        }
        Ok(Self { parts, length })
    }

    /// Write the archive's current content to a new file, parts in their places.
    pub fn write(&self, tar: &mut Tar<impl Read>, file: &mut File) -> io::Result<()> {
        // First: a length that the filesystem can't have is refused before anything is written.
        file.set_len(self.length)?;
        for (offset, length) in &self.parts {
            file.seek(SeekFrom::Start(*offset))?;
            tar.write_to(file, *length)?;
        }
        Ok(())
    }
}

impl<R: Read> Tar<R> {
    /// GNU's form: the list begins in the header and goes on in blocks of its own.
    pub(super) fn gnu_sparse(&mut self, header: &Header) -> io::Result<Sparse> {
        let (mut parts, mut more, length) = header.sparse()?;
        while more {
            let mut block = [0; BLOCK];
            self.exactly(&mut block)?;
            let (further, again) = more_parts(&block)?;
            parts.extend(further);
            more = again;
            few(parts.len())?;
        }
        Sparse::new(parts, length, self.left())
    }

    /// POSIX's forms: 0.0 has a record for each number, 0.1 one for all, 1.0 keeps the list before the content.
    pub(super) fn posix_sparse(&mut self, said: &Extensions) -> io::Result<Option<Sparse>> {
        let number = |key: &[u8]| said.sparse(key).map(decimal).transpose();
        if (number(b"major")?, number(b"minor")?) == (Some(1), Some(0)) {
            let length = number(b"realsize")?.ok_or_else(|| broken("a sparse file has no length"))?;
            let parts = self.listed()?;
            return Sparse::new(parts, length, self.left()).map(Some);
        }
        let Some(length) = number(b"size")? else { return Ok(None) };
        let numbers: Vec<u64> = if let Some(map) = said.sparse(b"map") {
            map.split(|byte| *byte == b',').map(decimal).collect::<io::Result<_>>()?
        } else {
            let listed = said.sparse.iter().filter(|(key, _)| key == b"offset" || key == b"numbytes");
            listed.map(|(_, value)| decimal(value)).collect::<io::Result<_>>()?
        };
        few(numbers.len() / 2)?;
        if !numbers.len().is_multiple_of(2) {
            return Err(broken("a sparse file's list has an odd end"));
        }
        let parts = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Sparse::new(parts, length, self.left()).map(Some)
    }

    /// The list of form 1.0: numbers on lines of their own, in blocks that belong to the entry's content.
    fn listed(&mut self) -> io::Result<Parts> {
        let mut lines = Lines { tar: self, block: Vec::new(), at: 0 };
        let count = usize::try_from(lines.next()?).map_err(|_| broken("a sparse file has too many parts"))?;
        few(count)?;
        (0..count).map(|_| Ok((lines.next()?, lines.next()?))).collect()
    }
}

fn few(parts: usize) -> io::Result<()> {
    if parts <= PARTS { Ok(()) } else { Err(broken("a sparse file has too many parts")) }
}

struct Lines<'a, R> {
    tar: &'a mut Tar<R>,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Lines<'_, R> {
    fn next(&mut self) -> io::Result<u64> {
        let mut digits = Vec::new();
        loop {
            if self.at == self.block.len() {
                self.block.clear();
                self.at = 0;
                if self.tar.write_to(&mut self.block, BLOCK as u64)? < BLOCK as u64 {
                    return Err(broken("a sparse file's list ends too soon"));
                }
            }
            let byte = self.block[self.at];
            self.at += 1;
            match byte {
                b'\n' => return decimal(&digits),
                // 2^64 has 20 digits.
                byte if digits.len() < 20 => digits.push(byte),
                _ => return Err(broken("a number is too long")),
            }
        }
    }
}
