//! A tar archive as a stream of entries, from strangers: whatever is kept in memory is bounded, whatever is odd is an error.
//!
//! The crate `tar` reads names and extended headers of any length into memory, fills sparse files with zeros for as long as a header
//! says, and does not know POSIX's sparse files.

mod header;
mod pax;
mod sparse;

use std::io::{self, Read, Write};

use header::{BLOCK, Header, broken};
use pax::Extensions;
pub use sparse::Sparse;

/// The longest name, target or extended header, in bytes: Go's limit, and far more than any kernel takes.
const LONGEST: u64 = 1 << 20;
/// The size of the buffer that entries are read through, in bytes.
const BUFFER: usize = 128 << 10;

/// Kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    File,
    /// Another name for an earlier entry.
    Link,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A directory.
    Directory,
    /// A named pipe.
    Pipe,
}

/// An entry without its content.
#[derive(Debug)]
pub struct Entry {
    /// Its path as it stands.
    pub path: Vec<u8>,
    /// Kind of the entry.
    pub kind: Kind,
    /// Target of a link.
    pub target: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Seconds since 1970 and nanoseconds.
    pub time: (i64, u32),
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes by name.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// The parts of a sparse file.
    pub sparse: Option<Sparse>,
}

/// The archive being read.
pub struct Tar<R> {
    from: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Bytes of the current entry's content that were not read.
    left: u64,
    /// Bytes of padding behind them.
    padding: u64,
}

impl<R: Read> Tar<R> {
    /// Begin to read.
    pub fn new(from: R) -> Self {
        Self { from, buffer: vec![0; BUFFER].into(), start: 0, end: 0, left: 0, padding: 0 }
    }

    /// The next entry; none at the archive's end, which may be cut off behind the last entry.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        let (mut extensions, mut name, mut target) = (Extensions::default(), None, None);
        loop {
            self.skip()?;
            let mut block = [0; BLOCK];
            if self.fill()?.is_empty() {
                return Ok(None);
            }
            self.exactly(&mut block)?;
            let Some(header) = Header::parse(&block)? else { return Ok(None) };
            self.content(header.size()?);
            match header.flag() {
                b'x' => extensions.add(&self.small()?)?,
                // A header for all entries at once is git's commit in practice.
                b'g' => drop(self.small()?),
                b'L' => name = Some(text(self.small()?)),
                b'K' => target = Some(text(self.small()?)),
                _ => return self.entry(&header, extensions, name, target).map(Some),
            }
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        mut said: Extensions,
        name: Option<Vec<u8>>,
        target: Option<Vec<u8>>,
    ) -> io::Result<Entry> {
        let mut path = said.path.take().or(name).unwrap_or_else(|| header.path());
        let kind = kind(header.flag(), &path)?;
        let told = said.size.map_or_else(|| header.size(), Ok)?;
        // Links and devices of old writers have a size without content.
        self.content(if kind == Kind::File { told } else { 0 });
        let sparse = match (kind, header.flag()) {
            (Kind::File, b'S') => Some(self.gnu_sparse(header)?),
            (Kind::File, _) => self.posix_sparse(&said)?,
            _ => None,
        };
        if let (Some(_), Some(real)) = (&sparse, said.sparse(b"name")) {
            path = real.to_vec();
        }
        let (uid, gid) = header.owners()?;
        let owner = |number: i64| u32::try_from(number).map_err(|_| broken("an owner's number is too large"));
        Ok(Entry {
            path,
            kind,
            target: said.link.or(target).unwrap_or_else(|| header.link()),
            mode: (header.mode()? & 0o7777) as u32,
            uid: owner(said.uid.unwrap_or(uid))?,
            gid: owner(said.gid.unwrap_or(gid))?,
            time: said.time.map_or_else(|| header.time().map(|seconds| (seconds, 0)), Ok)?,
            device: if matches!(kind, Kind::Character | Kind::Block) { header.device()? } else { (0, 0) },
            attributes: said.attributes,
            sparse,
        })
    }

    /// Write the rest of the current entry's content, or `most` bytes of it; how many there were.
    pub fn write_to(&mut self, to: &mut impl Write, most: u64) -> io::Result<u64> {
        let mut written = 0;
        while self.left > 0 && written < most {
            let have = self.fill()?.len();
            if have == 0 {
                return Err(broken("it ends inside a file"));
            }
            let part = self.left.min(most - written).min(have as u64) as usize;
            to.write_all(&self.buffer[self.start..self.start + part])?;
            self.start += part;
            self.left -= part as u64;
            written += part as u64;
        }
        Ok(written)
    }

    /// Bytes of the current entry's content that were not read.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Read what lies behind the archive's end, for whoever counts or hashes the stream.
    pub fn finish(mut self) -> io::Result<R> {
        while !self.fill()?.is_empty() {
            self.start = self.end;
        }
        Ok(self.from)
    }

    fn content(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// A short text that belongs to the next entry.
    fn small(&mut self) -> io::Result<Vec<u8>> {
        if self.left > LONGEST {
            return Err(broken("a name or an extended header is longer than 1 MiB"));
        }
        let mut bytes = Vec::new();
        self.write_to(&mut bytes, u64::MAX)?;
        Ok(bytes)
    }

    /// Go behind the current entry.
    fn skip(&mut self) -> io::Result<()> {
        self.left = self.left.checked_add(self.padding).ok_or_else(|| broken("an entry is larger than any file"))?;
        self.padding = 0;
        self.write_to(&mut io::sink(), u64::MAX).map(drop)
    }

    fn exactly(&mut self, block: &mut [u8; BLOCK]) -> io::Result<()> {
        let mut filled = 0;
        while filled < BLOCK {
            let have = self.fill()?;
            if have.is_empty() {
                return Err(broken("it ends inside a header"));
            }
            let part = have.len().min(BLOCK - filled);
            block[filled..filled + part].copy_from_slice(&have[..part]);
            filled += part;
            self.start += part;
        }
        Ok(())
    }

    /// Returns the bytes in the buffer; more are read when there are none. Empty at the end.
    fn fill(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end {
            match self.from.read(&mut self.buffer) {
                Ok(0) => return Ok(&[]),
                Ok(count) => (self.start, self.end) = (0, count),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }
}

fn kind(flag: u8, path: &[u8]) -> io::Result<Kind> {
    Ok(match flag {
        // Before there was a flag for directories, their names told them.
        b'0' | 0 if path.ends_with(b"/") => Kind::Directory,
        b'0' | b'7' | b'S' | 0 => Kind::File,
        b'1' => Kind::Link,
        b'2' => Kind::Symlink,
        b'3' => Kind::Character,
        b'4' => Kind::Block,
        b'5' => Kind::Directory,
        b'6' => Kind::Pipe,
        other => return Err(broken(&format!("there is no entry of the type {:?}", char::from(other)))),
    })
}

/// GNU's long names end with a NUL.
fn text(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

#[cfg(test)]
mod tests;
