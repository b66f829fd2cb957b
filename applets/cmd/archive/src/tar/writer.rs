//! Members into an archive's bytes, in the forms v7, ustar, pax and GNU.

use std::io::{self, Write};

use kit::glob;

use super::block::{self, BLOCK, Block};
use super::pax;
use super::sparse;
use crate::files::member::{Kind, Member, Part};

/// Form of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    V7,
    OldGnu,
    #[default]
    Gnu,
    Ustar,
    Pax,
}

/// Changes to the records of pax headers, as `--pax-option` asks for them.
#[derive(Default)]
pub(crate) struct PaxOptions {
    /// Keywords that are left out: patterns.
    pub(crate) delete: Vec<Vec<u8>>,
    /// Name of headers, with %d, %f and %p.
    pub(crate) name: Option<Vec<u8>>,
    /// Records of each member.
    pub(crate) each: Vec<pax::Record>,
    /// Records of all.
    pub(crate) all: Vec<pax::Record>,
}

/// Blocks before a member's data.
pub(crate) fn headers(member: &Member, format: Format, options: &PaxOptions) -> io::Result<Vec<u8>> {
    let mut block = Block::new();
    let mut before = Vec::new();
    let parts = member.parts.as_deref().filter(|_| matches!(format, Format::Pax | Format::Gnu | Format::OldGnu));
    let map = match parts {
        Some(parts) if format == Format::Pax => sparse::to_data(parts),
        _ => Vec::new(),
    };
    let stored = match parts {
        Some(_) => member.stored() + map.len() as u64,
        None => member.size,
    };
    let mut more = Vec::new();
    fields(&mut block, member, format, stored)?;
    match format {
        Format::Pax => {
            let records = records(&mut block, member, options, stored, parts.is_some());
            if !records.is_empty() {
                before = extended(&records, &member.name, b'x', options, member.mtime.seconds)?;
            }
        }
        Format::Gnu | Format::OldGnu => {
            for (letter, text, field) in [(b'K', &member.link, block::LINK), (b'L', &member.name, block::NAME)] {
                if text.len() > field.len() {
                    before.extend(long(letter, text));
                }
                block.put(field, text);
            }
            if let Some(parts) = parts {
                more = old_sparse(&mut block, parts, member.size);
            }
        }
        Format::Ustar | Format::V7 => short(&mut block, member, format)?,
    }
    block.seal();
    before.extend_from_slice(&block.0);
    before.extend(more);
    before.extend(map);
    Ok(before)
}

/// A header with records for all members that follow; empty when there are none.
pub(crate) fn global(options: &PaxOptions) -> io::Result<Vec<u8>> {
    let mut records = Vec::new();
    for (keyword, value) in &options.all {
        pax::push(&mut records, keyword, value);
    }
    if records.is_empty() { Ok(records) } else { extended(&records, b"./GlobalHead", b'g', options, 0) }
}

/// All fields but names.
fn fields(block: &mut Block, member: &Member, format: Format, stored: u64) -> io::Result<()> {
    let long = matches!(format, Format::Gnu | Format::OldGnu);
    let device = matches!(member.kind, Kind::Char | Kind::Block);
    let numbers = [
        (block::MODE, i64::from(member.mode & 0o7777), "mode"),
        (block::UID, member.uid, "uid"),
        (block::GID, member.gid, "gid"),
        (block::SIZE, i64::try_from(stored).map_err(|_| too_large("size"))?, "size"),
        (block::MTIME, member.mtime.seconds, "mtime"),
    ];
    for (field, value, name) in numbers {
        let done = block.put_number(field.clone(), value, long);
        if !done && format != Format::Pax {
            return Err(too_large(name));
        }
        if !done {
            block.put_number(field, 0, false);
        }
    }
    block.0[block::KIND] = match member.kind {
        Kind::File | Kind::Directory if format == Format::V7 => 0,
        Kind::File if long && member.parts.is_some() => b'S',
        Kind::File => b'0',
        Kind::Hard => b'1',
        Kind::Symlink => b'2',
        Kind::Char => b'3',
        Kind::Block => b'4',
        Kind::Directory if long && member.list.is_some() => b'D',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
        Kind::Label => b'V',
        Kind::Rest => b'M',
        Kind::Other(letter) => letter,
    };
    if format == Format::V7 {
        return Ok(());
    }
    block.put(block::MAGIC, if long { block::GNU } else { block::USTAR });
    for (field, time) in [(block::ATIME, member.atime), (block::CTIME, member.ctime)] {
        // Only incremental archives have them.
        if let Some(time) = time.filter(|_| long) {
            block.put_number(field, time.seconds, true);
        }
    }
    // The last byte ends the text.
    block.put(block::USER, &member.user[..member.user.len().min(31)]);
    block.put(block::GROUP, &member.group[..member.group.len().min(31)]);
    if device || !long {
        block.put_number(block::MAJOR, i64::from(member.major), long);
        block.put_number(block::MINOR, i64::from(member.minor), long);
    }
    Ok(())
}

/// Names of ustar and v7, which have no form for long ones.
fn short(block: &mut Block, member: &Member, format: Format) -> io::Result<()> {
    if member.link.len() > block::LINK.len() {
        return Err(too_long());
    }
    block.put(block::LINK, &member.link);
    if member.name.len() <= block::NAME.len() {
        block.put(block::NAME, &member.name);
        return Ok(());
    }
    let slash = split(&member.name).filter(|_| format == Format::Ustar).ok_or_else(too_long)?;
    block.put(block::PREFIX, &member.name[..slash]);
    block.put(block::NAME, &member.name[slash + 1..]);
    Ok(())
}

/// Slash before which a long name's first part ends.
fn split(name: &[u8]) -> Option<usize> {
    let least = name.len().checked_sub(block::NAME.len() + 1)?;
    let fits = |at: &usize| name[*at] == b'/' && *at > 0 && *at + 1 < name.len();
    (least..name.len().min(block::PREFIX.len() + 1)).find(fits)
}

/// Records for what the block has no room for; names go into it as far as they fit.
fn records(block: &mut Block, member: &Member, options: &PaxOptions, stored: u64, sparse: bool) -> Vec<u8> {
    let mut all: Vec<pax::Record> = Vec::new();
    let mut put = |keyword: &[u8], value: &[u8]| all.push((keyword.to_vec(), value.to_vec()));
    if let Some(list) = &member.list {
        put(pax::LIST, list);
    }
    if let Some(time) = member.atime {
        put(b"atime", pax::time_text(time).as_bytes());
    }
    if let Some(time) = member.ctime {
        put(b"ctime", pax::time_text(time).as_bytes());
    }
    if member.mtime.nanos > 0 || block.number(block::MTIME) != Some(member.mtime.seconds) {
        put(b"mtime", pax::time_text(member.mtime).as_bytes());
    }
    for (keyword, field, value) in [(b"uid", block::UID, member.uid), (b"gid", block::GID, member.gid)] {
        if block.number(field) != Some(value) {
            put(keyword, value.to_string().as_bytes());
        }
    }
    for (keyword, value) in [(b"uname", &member.user), (b"gname", &member.group)] {
        if value.len() > 31 || !value.is_ascii() {
            put(keyword, value);
        }
    }
    if block.number(block::SIZE) != i64::try_from(stored).ok() {
        put(b"size", stored.to_string().as_bytes());
    }
    if member.link.len() > block::LINK.len() || !member.link.is_ascii() {
        put(b"linkpath", &member.link);
    }
    block.put(block::LINK, &member.link);
    for (keyword, value) in names(block, member, sparse) {
        put(keyword, &value);
    }
    for (name, value) in &member.xattrs {
        if name == b"security.selinux" {
            put(pax::SELINUX, value);
        } else {
            put(&[pax::XATTR, name].concat(), value);
        }
    }
    for (keyword, text) in pax::ACLS.iter().zip(&member.acls) {
        if let Some(text) = text {
            put(keyword, text);
        }
    }
    for (keyword, value) in &options.each {
        put(keyword, value);
    }
    let mut bytes = Vec::new();
    for (keyword, value) in all {
        if !options.delete.iter().any(|pattern| glob::matches(pattern, &keyword)) {
            pax::push(&mut bytes, &keyword, &value);
        }
    }
    bytes
}

/// Records of a member's name, or of a sparse file; the name goes into the block as far as it fits.
fn names(block: &mut Block, member: &Member, sparse: bool) -> Vec<(&'static [u8], Vec<u8>)> {
    let mut all: Vec<(&'static [u8], Vec<u8>)> = Vec::new();
    let mut put = |keyword: &'static [u8], value: &[u8]| all.push((keyword, value.to_vec()));
    if sparse {
        put(b"GNU.sparse.major", b"1");
        put(b"GNU.sparse.minor", b"0");
        put(b"GNU.sparse.name", &member.name);
        put(b"GNU.sparse.realsize", member.size.to_string().as_bytes());
        block.put(block::NAME, &expand(b"%d/GNUSparseFile.0/%f", &member.name));
    } else if member.name.len() <= block::NAME.len() && member.name.is_ascii() {
        block.put(block::NAME, &member.name);
    } else if let Some(slash) = split(&member.name).filter(|_| member.name.is_ascii()) {
        block.put(block::PREFIX, &member.name[..slash]);
        block.put(block::NAME, &member.name[slash + 1..]);
    } else {
        put(b"path", &member.name);
        block.put(block::NAME, &member.name);
    }
    all
}

/// A header whose content is records.
fn extended(records: &[u8], of: &[u8], letter: u8, options: &PaxOptions, time: i64) -> io::Result<Vec<u8>> {
    let usual: &[u8] = b"%d/PaxHeaders/%f";
    let name = expand(options.name.as_deref().unwrap_or(usual), of);
    let mut block = Block::new();
    let member = Member { mode: 0o644, kind: Kind::Other(letter), ..Member::default() };
    fields(&mut block, &member, Format::Ustar, records.len() as u64)?;
    block.put_number(block::MTIME, time.clamp(0, 0o777_7777_7777), false);
    block.put(block::NAME, &name);
    block.seal();
    let mut bytes = block.0.to_vec();
    bytes.extend_from_slice(records);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    Ok(bytes)
}

/// `%d`, `%f` and `%p` of a name's pattern.
fn expand(pattern: &[u8], name: &[u8]) -> Vec<u8> {
    let trimmed = name.strip_suffix(b"/").unwrap_or(name);
    let slash = trimmed.iter().rposition(|byte| *byte == b'/');
    let directory: &[u8] = slash.map_or(b".", |at| &trimmed[..at]);
    let base = slash.map_or(trimmed, |at| &trimmed[at + 1..]);
    let mut bytes = Vec::new();
    let mut rest = pattern.iter();
    while let Some(byte) = rest.next() {
        match (byte, rest.as_slice().first()) {
            (b'%', Some(letter)) => {
                match letter {
                    b'd' => bytes.extend_from_slice(directory),
                    b'f' => bytes.extend_from_slice(base),
                    b'p' => bytes.push(b'0'),
                    other => bytes.push(*other),
                }
                rest.next();
            }
            _ => bytes.push(*byte),
        }
    }
    bytes
}

/// GNU's header with a name that is too long.
fn long(letter: u8, text: &[u8]) -> Vec<u8> {
    let mut block = Block::new();
    let len = text.len() + 1;
    for field in [block::MODE, block::UID, block::GID, block::MTIME] {
        block.put_number(field, 0, true);
    }
    block.put_number(block::MODE, 0o644, true);
    block.put_number(block::SIZE, len as i64, true);
    block.0[block::KIND] = letter;
    block.put(block::NAME, b"././@LongLink");
    block.put(block::MAGIC, block::GNU);
    block.put(block::USER, b"root");
    block.put(block::GROUP, b"root");
    block.seal();
    let mut bytes = block.0.to_vec();
    bytes.extend_from_slice(text);
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// Parts in the block, and blocks with the rest of them.
fn old_sparse(block: &mut Block, parts: &[Part], size: u64) -> Vec<u8> {
    let put = |block: &mut Block, start: usize, parts: &[Part]| {
        for (at, part) in parts.iter().enumerate() {
            let at = start + 24 * at;
            block.put_number(at..at + 12, part.offset as i64, true);
            block.put_number(at + 12..at + 24, part.len as i64, true);
        }
    };
    let first = parts.len().min(block::SPARSE.len() / 24);
    put(block, block::SPARSE.start, &parts[..first]);
    block.0[block::SPARSE_GOES_ON] = u8::from(parts.len() > first);
    block.put_number(block::REAL_SIZE, size as i64, true);
    let mut bytes = Vec::new();
    let mut rest = parts[first..].chunks(block::PARTS.len() / 24).peekable();
    while let Some(parts) = rest.next() {
        let mut more = Block::new();
        put(&mut more, 0, parts);
        more.0[block::PARTS_GO_ON] = u8::from(rest.peek().is_some());
        bytes.extend_from_slice(&more.0);
    }
    bytes
}

fn too_large(name: &str) -> io::Error {
    io::Error::other(format!("its {name} is out of the form's range"))
}

fn too_long() -> io::Error {
    io::Error::other("its name is too long for the form")
}

/// An archive that is written: counts its bytes and fills it up at the end.
pub(crate) struct Writer<W> {
    pub(crate) to: W,
    /// Bytes that were written.
    pub(crate) at: u64,
}

impl<W: Write> Writer<W> {
    /// A writer at a place in an archive.
    pub(crate) const fn new(to: W, at: u64) -> Self {
        Self { to, at }
    }

    /// Fill the present member up to a block.
    pub(crate) fn pad(&mut self) -> io::Result<()> {
        let len = self.at.next_multiple_of(BLOCK as u64) - self.at;
        self.write_all(&[0; BLOCK][..len as usize])
    }

    /// Two blocks of zeros, filled up to a record.
    pub(crate) fn end(&mut self, record: u64) -> io::Result<()> {
        let end = (self.at + 2 * BLOCK as u64).next_multiple_of(record);
        while self.at < end {
            self.write_all(&[0; BLOCK])?;
        }
        Ok(())
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
