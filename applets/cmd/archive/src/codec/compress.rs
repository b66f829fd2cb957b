//! LZW as compress(1) writes it: codes of 9 to 16 bits, least bit first, in groups of eight codes.

use std::io::{self, Read};

use super::Input;

/// Narrowest codes.
const NARROW: u32 = 9;
/// The code that empties the table in block mode.
const CLEAR: usize = 256;

/// Bytes of a stream.
pub(super) struct Reader {
    input: Input,
    widest: u32,
    block_mode: bool,
    width: u32,
    bits: u64,
    count: u32,
    /// Codes of the present width that were read: they come in groups of eight, the last of which is filled up.
    group: u32,
    /// Each code above 255: the code before its last byte, and that byte.
    table: Vec<(u16, u8)>,
    last: Option<usize>,
    first: u8,
    ready: Vec<u8>,
}

impl Reader {
    /// A reader of one stream, its header read.
    pub(super) fn new(mut input: Input) -> io::Result<Self> {
        let mut header = [0; 3];
        input.read_exact(&mut header)?;
        let widest = u32::from(header[2] & 0x1f);
        if header[..2] != [0x1f, 0x9d] || !(NARROW..=16).contains(&widest) {
            return Err(bad());
        }
        let block_mode = header[2] & 0x80 != 0;
        let mut reader = Self {
            input,
            widest,
            block_mode,
            width: NARROW,
            bits: 0,
            count: 0,
            group: 0,
            table: Vec::new(),
            last: None,
            first: 0,
            ready: Vec::new(),
        };
        reader.clear();
        Ok(reader)
    }

    fn clear(&mut self) {
        self.table.clear();
        if self.block_mode {
            // Nothing stands for the code that clears.
            self.table.push((0, 0));
        }
    }

    /// Number of the next new code.
    fn free(&self) -> usize {
        256 + self.table.len()
    }

    /// Another width begins at a multiple of eight codes.
    fn set_width(&mut self, width: u32) -> io::Result<()> {
        while !self.group.is_multiple_of(8) {
            if self.take()?.is_none() {
                break;
            }
        }
        self.group = 0;
        self.width = width;
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<usize>> {
        while self.count < self.width {
            let mut byte = [0];
            if self.input.read(&mut byte)? == 0 {
                return Ok(None);
            }
            self.bits |= u64::from(byte[0]) << self.count;
            self.count += 8;
        }
        let code = (self.bits & ((1 << self.width) - 1)) as usize;
        self.bits >>= self.width;
        self.count -= self.width;
        self.group += 1;
        Ok(Some(code))
    }

    /// Decode one code into `ready`, which is then read from its end.
    fn step(&mut self) -> io::Result<bool> {
        if self.free() >= 1 << self.width && self.width < self.widest {
            self.set_width(self.width + 1)?;
        }
        let Some(code) = self.take()? else { return Ok(false) };
        if self.block_mode && code == CLEAR {
            self.clear();
            self.set_width(NARROW)?;
            self.last = None;
            return Ok(true);
        }
        let mut at = code;
        if code >= self.free() {
            // The one code that may be used before it is known: the last one and its own first byte.
            let last = self.last.filter(|_| code == self.free()).ok_or_else(bad)?;
            self.ready.push(self.first);
            at = last;
        }
        while at > 255 {
            let (before, byte) = *self.table.get(at - 256).ok_or_else(bad)?;
            self.ready.push(byte);
            at = usize::from(before);
        }
        self.first = at as u8;
        self.ready.push(self.first);
        if let Some(last) = self.last.filter(|_| self.free() < 1 << self.widest) {
            self.table.push((last as u16, self.first));
        }
        self.last = Some(code);
        Ok(true)
    }
}

impl Read for Reader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < to.len() {
            match self.ready.pop() {
                Some(byte) => {
                    to[done] = byte;
                    done += 1;
                }
                None if !self.step()? => break,
                None => {}
            }
        }
        Ok(done)
    }
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "corrupt input")
}
