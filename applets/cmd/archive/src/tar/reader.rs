//! Members out of an archive's bytes: v7, ustar, pax, GNU's forms and star's attributes.
//!
//! An archive is untrusted: names and records have a limit, and no size is believed before its
//! bytes are read.

use std::io::{self, Read};

use super::block::{self, BLOCK, Block};
use super::pax::{self, Record};
use super::sparse;
use crate::files::member::{Kind, Member, Time};

/// Bytes of a header that holds a long name or records: some thousands of extended attributes fit.
const MAX_HEADER: u64 = 16 << 20;

/// An archive that is read.
pub(crate) struct Reader<R> {
    pub(super) input: R,
    /// Bytes that were read.
    pub(crate) at: u64,
    /// Bytes of the present member that were not.
    left: u64,
    padding: u64,
    global: Vec<Record>,
    /// Blocks of zeros do not end the archive.
    pub(crate) ignore_zeros: bool,
    /// Something in it was damaged and passed over.
    pub(crate) damaged: bool,
    /// End of the members, once that is known.
    pub(crate) end: Option<u64>,
    any: bool,
}

/// Headers that come before a member's own.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Vec<Record>,
    at: Option<u64>,
}

impl<R: Read> Reader<R> {
    /// A reader at the beginning of an archive.
    pub(crate) const fn new(input: R) -> Self {
        Self { input, at: 0, left: 0, padding: 0, global: Vec::new(), ignore_zeros: false, damaged: false, end: None, any: false }
    }

    /// The bytes behind what was read.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    /// Value of a record that holds for all members.
    pub(crate) fn global(&self, keyword: &[u8]) -> Option<Vec<u8>> {
        self.global.iter().find(|(known, _)| known == keyword).map(|(_, value)| value.clone())
    }

    /// The next member; what was not read of the one before is passed over.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        self.skip()?;
        let mut before = Before::default();
        loop {
            let at = self.at;
            let Some(block) = self.header()? else {
                self.end = Some(at);
                return Ok(None);
            };
            let at = self.at - BLOCK as u64;
            let first = *before.at.get_or_insert(at);
            let size = || block.number(block::SIZE).and_then(|n| u64::try_from(n).ok());
            match block.0[block::KIND] {
                b'L' => before.name = Some(until_zero(self.content(size())?)),
                b'K' => before.link = Some(until_zero(self.content(size())?)),
                b'x' | b'X' => {
                    let bytes = self.content(size())?;
                    before.records.append(&mut pax::parse(&bytes)?);
                }
                b'g' => {
                    let bytes = self.content(size())?;
                    self.global.append(&mut pax::parse(&bytes)?);
                    // A later record of the same keyword wins: none is kept twice.
                    let mut seen = std::collections::HashSet::new();
                    self.global.reverse();
                    self.global.retain(|(keyword, _)| seen.insert(keyword.clone()));
                    self.global.reverse();
                }
                _ => {
                    let mut member = self.member(&block, before)?;
                    member.at = first;
                    self.any = true;
                    return Ok(Some(member));
                }
            }
        }
    }

    /// Pass over what is left of a member.
    fn skip(&mut self) -> io::Result<()> {
        let count = self.left + self.padding;
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        self.at += skipped;
        (self.left, self.padding) = (0, 0);
        if skipped < count { Err(cut()) } else { Ok(()) }
    }

    /// A block that is a header, or none at the end.
    fn header(&mut self) -> io::Result<Option<Block>> {
        let mut zeros = 0;
        loop {
            let Some(block) = self.block()? else {
                if !self.any && zeros == 0 {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "this does not look like a tar archive"));
                }
                return Ok(None);
            };
            if block.is_zero() {
                zeros += 1;
                if zeros == 2 && !self.ignore_zeros {
                    return Ok(None);
                }
            } else if block.holds() {
                return Ok(Some(block));
            } else if zeros > 0 && !self.ignore_zeros {
                // A block of zeros alone ends it, too.
                return Ok(None);
            } else {
                self.damaged = true;
            }
        }
    }

    fn block(&mut self) -> io::Result<Option<Block>> {
        let mut block = Block::new();
        let mut have = 0;
        while have < BLOCK {
            match self.input.read(&mut block.0[have..]) {
                Ok(0) if have == 0 || !self.any => return Ok(None),
                Ok(0) => return Err(cut()),
                Ok(read) => have += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.at += BLOCK as u64;
        Ok(Some(block))
    }

    /// Content of a header that holds a name or records.
    fn content(&mut self, size: Option<u64>) -> io::Result<Vec<u8>> {
        let size = size.filter(|size| *size <= MAX_HEADER).ok_or_else(|| invalid("a header is too long"))?;
        let mut bytes = Vec::new();
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        self.read_to_end(&mut bytes)?;
        self.skip()?;
        Ok(bytes)
    }

    fn member(&mut self, block: &Block, before: Before) -> io::Result<Member> {
        let (mut member, mut stored) = plain(block)?;
        let mut told = sparse::Told::default();
        let old_sparse = block.0[block::KIND] == b'S';
        let old_parts = if old_sparse { Some(self.old_sparse(block)?) } else { None };
        if let Some(name) = before.name {
            member.name = name;
        }
        if let Some(link) = before.link {
            member.link = link;
        }
        let global = std::mem::take(&mut self.global);
        for record in global.iter().chain(&before.records) {
            if !pax::apply(&mut member, &record.0, &record.1)? {
                told.take(record)?;
            }
            if record.0 == b"size" {
                stored = member.size;
            }
        }
        self.global = global;
        if let Some(name) = told.name {
            member.name = name;
        }
        let has_data =
            matches!(member.kind, Kind::File | Kind::Other(_) | Kind::Rest) || (block.0[block::KIND] == b'D' && stored > 0);
        self.left = if has_data { stored } else { 0 };
        self.padding =
            self.left.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| invalid("a size is too large"))? - self.left;
        member.size = if has_data { stored } else { 0 };
        if told.in_data && member.is_file() {
            if told.size.is_none() {
                return Err(invalid("a sparse file has no size"));
            }
            let (parts, read) = sparse::from_data(&mut *self)?;
            stored = stored.checked_sub(read).ok_or_else(|| invalid("a sparse file is too short"))?;
            told.parts = Some(parts);
        }
        if let Some((parts, size)) = old_parts.or_else(|| told.parts.zip(told.size)) {
            sparse::check(&parts, size, stored)?;
            member.size = size;
            member.parts = Some(parts);
        }
        if member.kind == Kind::File && member.name.ends_with(b"/") {
            // As v7 has it.
            member.kind = Kind::Directory;
        }
        Ok(member)
    }

    /// Parts and size of a sparse file in GNU's old form.
    fn old_sparse(&mut self, block: &Block) -> io::Result<(Vec<crate::files::member::Part>, u64)> {
        let mut parts = Vec::new();
        sparse::from_fields(&block.0[block::SPARSE], &mut parts)?;
        let mut goes_on = block.0[block::SPARSE_GOES_ON] != 0;
        while goes_on {
            let more = self.block()?.ok_or_else(cut)?;
            sparse::from_fields(&more.0[block::PARTS], &mut parts)?;
            goes_on = more.0[block::PARTS_GO_ON] != 0;
        }
        let size = block.number(block::REAL_SIZE).and_then(|n| u64::try_from(n).ok());
        Ok((parts, size.ok_or_else(|| invalid("malformed size of a sparse file"))?))
    }
}

impl<R: Read> Read for Reader<R> {
    /// Bytes that are stored of the present member.
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

/// A member from its own block alone, and the bytes that are stored.
fn plain(block: &Block) -> io::Result<(Member, u64)> {
    let number = |field, what: &str| block.number(field).ok_or_else(|| invalid(&format!("malformed {what}")));
    let magic = &block.0[block::MAGIC];
    let posix = magic == block::USTAR;
    let known = posix || magic == block::GNU || magic.starts_with(b"ustar");
    let text = |field| block.text(field).to_vec();
    let mut name = text(block::NAME);
    let prefix = if posix { block.text(block::PREFIX) } else { &[] };
    if !prefix.is_empty() {
        name = [prefix, b"/", &name].concat();
    }
    let stored = u64::try_from(number(block::SIZE, "size")?).map_err(|_| invalid("malformed size"))?;
    let kind = kind(block.0[block::KIND]);
    let device = matches!(kind, Kind::Char | Kind::Block);
    let id = |field| if device { number(field, "device").map(|n| n as u32) } else { Ok(0) };
    let time = |field| {
        let seconds = block.number(field).filter(|seconds| *seconds != 0 && magic == block::GNU);
        seconds.map(|seconds| Time { seconds, nanos: 0 })
    };
    let member = Member {
        name,
        link: if matches!(kind, Kind::Hard | Kind::Symlink) { text(block::LINK) } else { Vec::new() },
        kind,
        mode: number(block::MODE, "mode")? as u32 & 0o7777,
        uid: number(block::UID, "owner")?,
        gid: number(block::GID, "group")?,
        user: if known { text(block::USER) } else { Vec::new() },
        group: if known { text(block::GROUP) } else { Vec::new() },
        mtime: Time { seconds: number(block::MTIME, "time")?, nanos: 0 },
        atime: time(block::ATIME),
        ctime: time(block::CTIME),
        major: id(block::MAJOR)?,
        minor: id(block::MINOR)?,
        ..Member::default()
    };
    Ok((member, stored))
}

const fn kind(letter: u8) -> Kind {
    match letter {
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::Hard,
        b'2' => Kind::Symlink,
        b'3' => Kind::Char,
        b'4' => Kind::Block,
        b'5' | b'D' => Kind::Directory,
        b'6' => Kind::Fifo,
        b'V' => Kind::Label,
        b'M' => Kind::Rest,
        other => Kind::Other(other),
    }
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "unexpected end of the archive")
}
