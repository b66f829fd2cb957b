//! Data of files: opened, measured and copied.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::options::Line;
use crate::files::member::{Member, Part};

/// Bytes that are moved at once.
const BUFFER: usize = 64 << 10;
/// Bytes that are looked at together when holes are found by reading.
const CHUNK: usize = 4096;

/// Open a file to pack; a named pipe that took its place must not stop it.
pub(super) fn open(path: &Path, line: &Line) -> io::Result<File> {
    let follow = if line.has("dereference") { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | follow;
    let keep_time = line.one("atime-preserve").is_some_and(|method| method.as_bytes() == b"system");
    let first = if keep_time { flags | OFlags::NOATIME } else { flags };
    Ok(match rustix::fs::open(path, first, Mode::empty()) {
        // Only its owner may read a file without a trace.
        Err(Errno::PERM) if keep_time => rustix::fs::open(path, flags, Mode::empty())?,
        opened => opened?,
    }
    .into())
}

/// Set the time of the last reading back: `--atime-preserve`.
pub(super) fn restore(file: &File, meta: &Metadata, line: &Line) -> io::Result<()> {
    if line.one("atime-preserve").is_none_or(|method| method.as_bytes() == b"system") {
        return Ok(());
    }
    let last_access = Timespec { tv_sec: meta.atime(), tv_nsec: meta.atime_nsec() as _ };
    let last_modification = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    Ok(rustix::fs::futimens(file, &Timestamps { last_access, last_modification })?)
}

/// Parts of a sparse file; none when it has no holes.
pub(super) fn parts(file: &File, meta: &Metadata, line: &Line) -> io::Result<Option<Vec<Part>>> {
    let size = meta.len();
    if meta.blocks().saturating_mul(512) >= size {
        return Ok(None);
    }
    let raw = line.one("hole-detection").is_some_and(|how| how.as_bytes() == b"raw");
    let mut all = if raw { by_reading(file)? } else { by_asking(file, size)? };
    if all.last().is_none_or(|last| last.offset + last.len < size) {
        // The form wants the end of the file as a part.
        all.push(Part { offset: size, len: 0 });
    }
    Ok(Some(all))
}

fn by_asking(file: &File, size: u64) -> io::Result<Vec<Part>> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < size {
        let offset = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
            Ok(offset) => offset,
            Err(Errno::NXIO) => break,
            Err(e) => return Err(e.into()),
        };
        at = rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(offset))?.min(size);
        if at > offset {
            all.push(Part { offset, len: at - offset });
        }
    }
    Ok(all)
}

fn by_reading(mut file: &File) -> io::Result<Vec<Part>> {
    let mut all: Vec<Part> = Vec::new();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    file.rewind()?;
    loop {
        let mut read = 0;
        while read < CHUNK {
            match file.read(&mut buffer[read..])? {
                0 => break,
                more => read += more,
            }
        }
        if read == 0 {
            return Ok(all);
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            match all.last_mut().filter(|last| last.offset + last.len == at) {
                Some(last) => last.len += read as u64,
                None => all.push(Part { offset: at, len: read as u64 }),
            }
        }
        at += read as u64;
    }
}

/// Copy what a member's header tells, no byte more or less: zeros take the place of what went away meanwhile. Gives false
/// when the file changed.
pub(super) fn copy(file: &mut File, member: &Member, to: &mut impl Write) -> io::Result<bool> {
    let whole = [Part { offset: 0, len: member.size }];
    let mut buffer = vec![0; BUFFER];
    let mut same = true;
    for part in member.parts.as_deref().unwrap_or(&whole).iter().filter(|part| part.len > 0) {
        file.seek(SeekFrom::Start(part.offset))?;
        let mut left = part.len;
        while left > 0 {
            let len = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let mut read = file.read(&mut buffer[..len])?;
            if read == 0 {
                same = false;
                buffer[..len].fill(0);
                read = len;
            }
            to.write_all(&buffer[..read])?;
            left -= read as u64;
        }
    }
    let now = file.metadata()?;
    same &= now.len() == member.size;
    Ok(same)
}

/// Bytes of a member's whole file, zeros in its holes.
pub(crate) struct Whole<'a, R> {
    from: &'a mut R,
    parts: std::vec::IntoIter<Part>,
    part: Part,
    at: u64,
    size: u64,
}

impl<'a, R: Read> Whole<'a, R> {
    /// The file of a member whose data comes next.
    pub(crate) fn new(from: &'a mut R, member: &Member) -> Self {
        let parts = member.parts.clone().unwrap_or_else(|| vec![Part { offset: 0, len: member.size }]);
        Self { from, parts: parts.into_iter(), part: Part { offset: 0, len: 0 }, at: 0, size: member.size }
    }
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.part.len == 0 {
            match self.parts.next() {
                Some(part) => self.part = part,
                None => self.part = Part { offset: self.size, len: u64::MAX },
            }
        }
        let least = |left: u64| to.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.at < self.part.offset {
            let len = least(self.part.offset - self.at);
            to[..len].fill(0);
            self.at += len as u64;
            return Ok(len);
        }
        if self.at >= self.size {
            return Ok(0);
        }
        let len = least(self.part.len);
        let read = self.from.read(&mut to[..len])?;
        self.at += read as u64;
        self.part.offset += read as u64;
        self.part.len -= read as u64;
        Ok(read)
    }
}
