//! Parts of sparse files: in GNU's old blocks, in pax records of versions 0.0 and 0.1, and before the data in version 1.0.

use std::fmt::Write as _;
use std::io::{self, Read};

use super::block::{self, BLOCK, Block};
use super::pax::Record;
use crate::files::member::Part;

/// Parts that a file may have. A hostile archive must not fill the memory.
const MAX_PARTS: usize = 1 << 20;

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed parts of a sparse file")
}

/// Parts from the fields of a block, until an empty one.
pub(super) fn from_fields(bytes: &[u8], parts: &mut Vec<Part>) -> io::Result<()> {
    for field in bytes.chunks_exact(24) {
        if field[0] == 0 || field[12] == 0 {
            break;
        }
        let number = |text: &[u8]| block::number(text).and_then(|n| u64::try_from(n).ok()).ok_or_else(bad);
        push(parts, number(&field[..12])?, number(&field[12..])?)?;
    }
    Ok(())
}

fn push(parts: &mut Vec<Part>, offset: u64, len: u64) -> io::Result<()> {
    if parts.len() == MAX_PARTS {
        return Err(bad());
    }
    parts.push(Part { offset, len });
    Ok(())
}

/// A sparse file as pax records tell it.
#[derive(Default)]
pub(super) struct Told {
    pub(super) name: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) parts: Option<Vec<Part>>,
    /// Parts stand before the data.
    pub(super) in_data: bool,
    offset: u64,
}

impl Told {
    /// Take over a record.
    pub(super) fn take(&mut self, (keyword, value): &Record) -> io::Result<()> {
        let Some(word) = keyword.strip_prefix(b"GNU.sparse.") else { return Ok(()) };
        let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|t| t.parse::<u64>().ok()).ok_or_else(bad);
        match word {
            b"name" => self.name = Some(value.clone()),
            b"size" | b"realsize" => self.size = Some(number(value)?),
            b"major" => self.in_data = number(value)? == 1,
            b"numblocks" => self.parts = Some(self.parts.take().unwrap_or_default()),
            b"offset" => self.offset = number(value)?,
            b"numbytes" => push(self.parts.get_or_insert_default(), self.offset, number(value)?)?,
            b"map" => {
                let mut parts = Vec::new();
                let mut numbers = value.split(|byte| *byte == b',').filter(|text| !text.is_empty());
                while let Some(offset) = numbers.next() {
                    push(&mut parts, number(offset)?, number(numbers.next().ok_or_else(bad)?)?)?;
                }
                self.parts = Some(parts);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Parts before the data: lines with the number of parts and their offsets and lengths, filled up to a block. Gives the bytes
/// that were read, too.
pub(super) fn from_data(from: &mut impl Read) -> io::Result<(Vec<Part>, u64)> {
    let mut lines = Lines { from, block: Block::new(), at: BLOCK, read: 0 };
    let count = lines.next()?;
    if count > MAX_PARTS as u64 {
        return Err(bad());
    }
    let mut parts = Vec::new();
    for _ in 0..count {
        push(&mut parts, lines.next()?, lines.next()?)?;
    }
    Ok((parts, lines.read))
}

struct Lines<'a, R> {
    from: &'a mut R,
    block: Block,
    at: usize,
    read: u64,
}

impl<R: Read> Lines<'_, R> {
    fn next(&mut self) -> io::Result<u64> {
        let mut value: Option<u64> = None;
        loop {
            if self.at == BLOCK {
                self.from.read_exact(&mut self.block.0)?;
                self.at = 0;
                self.read += BLOCK as u64;
            }
            let byte = self.block.0[self.at];
            self.at += 1;
            match (byte, value) {
                (b'0'..=b'9', _) => {
                    let digit = u64::from(byte - b'0');
                    value = Some(value.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or_else(bad)?);
                }
                (b'\n', Some(value)) => return Ok(value),
                _ => return Err(bad()),
            }
        }
    }
}

/// Check that parts ascend, end within the file and are as long as what is stored.
pub(super) fn check(parts: &[Part], size: u64, stored: u64) -> io::Result<()> {
    let (mut end, mut sum) = (0_u64, 0_u64);
    for part in parts {
        if part.offset < end {
            return Err(bad());
        }
        end = part.offset.checked_add(part.len).ok_or_else(bad)?;
        sum += part.len;
    }
    if end > size || sum != stored { Err(bad()) } else { Ok(()) }
}

/// Lines of version 1.0 for these parts, filled up to a block.
pub(super) fn to_data(parts: &[Part]) -> Vec<u8> {
    let mut text = format!("{}\n", parts.len());
    for part in parts {
        // Writing to a string can't fail.
        let _ = write!(text, "{}\n{}\n", part.offset, part.len);
    }
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}
