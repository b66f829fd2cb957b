//! The archive inside a backup: a tar (POSIX ustar) whose first entry says what it is, and whose
//! last one holds the sums of all others.
//!
//! Its length is known before the first byte is written, as a server that takes it by HTTP wants to
//! know.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use kit::{Context, Error, Result};
use ring::digest;
use serde::{Deserialize, Serialize};
use tar::{EntryType, Header};

/// The form of the archive that is written and read here.
pub const VERSION: u32 = 1;
/// The first entry: a [`Manifest`] as JSON.
pub const MANIFEST: &str = "manifest.json";
/// etcd's own snapshot, with the sum that etcd puts at its end.
pub const SNAPSHOT: &str = "etcd.snapshot";
/// The last entry: a line `SUM  NAME` for each file before it, as `sha256sum -c` takes it.
pub const SUMS: &str = "SHA256SUMS";
/// Bytes of a block, of which all entries are made.
const BLOCK: usize = 512;
/// Blocks of zeros that end an archive.
const END: usize = 2;
/// The longest file but the snapshot, in bytes: certificates and manifests have a few thousand.
pub const LONGEST: u64 = 4 << 20;
/// The most entries: kubeadm makes 40.
pub const MOST: usize = 4096;
/// Bytes that are copied in one go.
const PIECE: usize = 64 << 10;

/// Facts about the control plane that an archive is a backup of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`]
    pub version: u32,
    /// The Node's name.
    pub node: String,
    /// The address that etcd's peers know it by, and its certificates are for.
    pub address: String,
    /// The hash of the cluster's CA, as a join pins it.
    pub cluster: String,
    /// The version of the API server, when it is known.
    pub kubernetes: String,
    /// Time of the backup, as RFC 3339 writes it.
    pub time: String,
    /// About the store.
    pub etcd: Store,
}

/// Facts that etcd tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Its version.
    pub version: String,
    /// Its cluster's number.
    pub cluster: String,
    /// The revision that the snapshot has at least.
    pub revision: u64,
    /// Its member's name.
    pub name: String,
    /// The URL that its peers know it by.
    pub peer: String,
}

/// An entry that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, relative, with slashes.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// Its kind and content.
    pub what: What,
}

/// Kind and content of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A directory.
    Directory,
    /// A link, and where it leads.
    Link(String),
    /// A file with that content.
    File(Vec<u8>),
    /// A file of that length, whose content comes from elsewhere.
    Stream(u64),
}

impl Entry {
    /// A file with that content.
    pub fn file(name: &str, mode: u32, content: Vec<u8>) -> Self {
        Self { name: name.to_owned(), mode, what: What::File(content) }
    }

    fn size(&self) -> u64 {
        match &self.what {
            What::Directory | What::Link(_) => 0,
            What::File(content) => content.len() as u64,
            What::Stream(length) => *length,
        }
    }

    fn header(&self, time: u64) -> Result<Header> {
        let mut header = Header::new_ustar();
        let (kind, name) = match &self.what {
            What::Directory => (EntryType::Directory, format!("{}/", self.name)),
            What::Link(_) => (EntryType::Symlink, self.name.clone()),
            What::File(_) | What::Stream(_) => (EntryType::Regular, self.name.clone()),
        };
        header.set_entry_type(kind);
        header.set_path(&name).on("put into the archive", &self.name)?;
        if let What::Link(to) = &self.what {
            // As bytes: an absolute one is fine.
            header.set_link_name_literal(to).on("put into the archive", &self.name)?;
        }
        header.set_size(self.size());
        header.set_mode(self.mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        Ok(header)
    }
}

/// The length of the archive of those entries, in bytes.
pub fn length(entries: &[Entry]) -> u64 {
    let block = BLOCK as u64;
    let padded = |size: u64| block + size.div_ceil(block) * block;
    let files = entries.iter().filter(|entry| matches!(entry.what, What::File(_) | What::Stream(_)));
    let sums: u64 = files.map(|entry| line("", &entry.name).len() as u64 + 64).sum();
    entries.iter().map(|entry| padded(entry.size())).sum::<u64>() + padded(sums) + END as u64 * block
}

/// Write the archive; `stream` gives the content of the entry that has none of its own.
pub fn write(out: &mut dyn Write, entries: &[Entry], time: u64, stream: &mut dyn Read) -> Result<()> {
    let mut sums = String::new();
    for entry in entries {
        let sum = match &entry.what {
            What::File(content) => put(out, entry, time, &mut content.as_slice())?,
            What::Stream(_) => put(out, entry, time, stream)?,
            What::Directory | What::Link(_) => {
                put(out, entry, time, &mut io::empty())?;
                continue;
            }
        };
        sums += &line(&sum, &entry.name);
    }
    let entry = Entry::file(SUMS, 0o600, sums.into_bytes());
    if let What::File(content) = &entry.what {
        put(out, &entry, time, &mut content.as_slice())?;
    }
    out.write_all(&[0; END * BLOCK]).doing("write the archive")
}

fn put(out: &mut dyn Write, entry: &Entry, time: u64, from: &mut dyn Read) -> Result<String> {
    out.write_all(entry.header(time)?.as_bytes()).doing("write the archive")?;
    let sum = copy(from, entry.size(), |piece| out.write_all(piece).doing("write the archive"))?;
    out.write_all(&[0; BLOCK][..padding(entry.size())]).doing("write the archive")?;
    Ok(sum)
}

fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

/// A line of the sums.
fn line(sum: &str, name: &str) -> String {
    format!("{sum}  {name}\n")
}

/// Hand exactly `length` bytes on; gives their sum.
fn copy(from: &mut dyn Read, length: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<String> {
    let (mut left, mut piece) = (length, vec![0; PIECE.min(length as usize)]);
    let mut sum = digest::Context::new(&digest::SHA256);
    while left > 0 {
        let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let got = from.read(piece.get_mut(..most).unwrap_or_default()).map_err(|e| Error::new(e.to_string()))?;
        let got = piece.get(..got).filter(|got| !got.is_empty()).ok_or_else(|| Error::new("it ends too early"))?;
        sum.update(got);
        take(got)?;
        left -= got.len() as u64;
    }
    Ok(hex(sum.finish().as_ref()))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    kit::hex::encode(bytes)
}

/// Receives the entries of an archive in their order. What is received counts only once [`read`]
/// has come to a good end.
pub trait Receiver {
    /// The manifest, which comes first. An error ends the reading.
    fn manifest(&mut self, manifest: &Manifest) -> Result<()>;
    /// A directory or a link.
    fn thing(&mut self, name: &str, mode: u32, what: &What) -> Result<()>;
    /// A file, whose content is then taken from what this gives.
    fn file(&mut self, name: &str, mode: u32) -> Result<Box<dyn Write + '_>>;
}

/// Read an archive to its end, and check it: all that is written is there, in its order, with its
/// sums, and nothing else.
pub fn read(from: &mut dyn Read, longest: u64, to: &mut dyn Receiver) -> Result<Manifest> {
    let mut reader = Reader { from, sums: String::new(), names: BTreeSet::new(), longest };
    let first = reader.next()?.filter(|entry| entry.name == MANIFEST).ok_or_else(|| odd("it begins with no manifest"))?;
    let manifest = reader.manifest(&first)?;
    to.manifest(&manifest)?;
    loop {
        let entry = reader.next()?.ok_or_else(|| odd("its sums are missing"))?;
        match &entry.what {
            What::Stream(_) if entry.name == SUMS => break reader.end(&entry)?,
            What::Stream(_) => reader.file(&entry, to)?,
            _ => to.thing(&entry.name, entry.mode, &entry.what)?,
        }
    }
    if !reader.names.contains(SNAPSHOT) {
        return Err(odd("it holds no snapshot of etcd"));
    }
    Ok(manifest)
}

struct Reader<'a> {
    from: &'a mut dyn Read,
    sums: String,
    names: BTreeSet<String>,
    longest: u64,
}

impl Reader<'_> {
    /// The next entry; none at the end.
    fn next(&mut self) -> Result<Option<Entry>> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        if block == [0; BLOCK] {
            return Ok(None);
        }
        let entry = entry(&block).ok_or_else(|| odd("an entry is malformed"))?;
        if self.names.len() >= MOST || !self.names.insert(entry.name.clone()) {
            return Err(odd("it has too many entries, or one twice"));
        }
        let longest = if entry.name == SNAPSHOT { self.longest } else { LONGEST };
        if entry.size() > longest {
            return Err(odd(&format!("{} is longer than {longest} bytes", entry.name)));
        }
        Ok(Some(entry))
    }

    fn manifest(&mut self, entry: &Entry) -> Result<Manifest> {
        let content = self.content(entry)?;
        let manifest: Manifest = serde_json::from_slice(&content).map_err(|_| odd("its manifest is malformed"))?;
        if manifest.version != VERSION {
            return Err(Error::new(format!("it is of version {}, and this system reads version {VERSION}", manifest.version)));
        }
        Ok(manifest)
    }

    fn content(&mut self, entry: &Entry) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        self.take(entry, |piece| {
            content.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(content)
    }

    fn file(&mut self, entry: &Entry, to: &mut dyn Receiver) -> Result<()> {
        let mut out = to.file(&entry.name, entry.mode)?;
        self.take(entry, |piece| out.write_all(piece).on("unpack", &entry.name))?;
        out.flush().on("unpack", &entry.name)
    }

    fn take(&mut self, entry: &Entry, take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let sum = copy(self.from, entry.size(), take)?;
        let mut rest = [0; BLOCK];
        self.fill(rest.get_mut(..padding(entry.size())).unwrap_or_default())?;
        self.sums += &line(&sum, &entry.name);
        Ok(())
    }

    /// The sums are right, and nothing follows: reading up to the end also proves that nothing was
    /// cut off.
    fn end(&mut self, entry: &Entry) -> Result<()> {
        let expected = std::mem::take(&mut self.sums);
        if self.content(entry)? != expected.as_bytes() {
            return Err(odd("its sums do not fit what is in it"));
        }
        for _ in 0..END {
            let mut block = [0; BLOCK];
            self.fill(&mut block)?;
            if block != [0; BLOCK] {
                return Err(odd("something follows its sums"));
            }
        }
        match self.from.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(odd("something follows its end")),
            Err(e) => Err(Error::new(e.to_string())),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.from.read_exact(bytes).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => Error::new("it ends too early"),
            _ => Error::new(e.to_string()),
        })
    }
}

/// The entry that a block is the head of. A file has no content yet.
fn entry(block: &[u8; BLOCK]) -> Option<Entry> {
    /// Place of the block's sum, which counts as blanks.
    const SUM: std::ops::Range<usize> = 148..156;
    let header = Header::from_byte_slice(block);
    header.as_ustar()?;
    let plain = block.iter().enumerate().map(|(at, byte)| if SUM.contains(&at) { u32::from(b' ') } else { u32::from(*byte) });
    if header.cksum().ok()? != plain.sum::<u32>() {
        return None;
    }
    let name = String::from_utf8(header.path_bytes().into_owned()).ok()?;
    let (what, name) = match header.entry_type() {
        EntryType::Directory if header.size().ok()? == 0 => (What::Directory, name.strip_suffix('/')?.to_owned()),
        EntryType::Regular => (What::Stream(header.size().ok()?), name),
        EntryType::Symlink if header.size().ok()? == 0 => {
            (What::Link(String::from_utf8(header.link_name_bytes()?.into_owned()).ok()?), name)
        }
        _ => return None,
    };
    let mode = header.mode().ok()?;
    let plain = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
    // In one form alone, so that no two names are the same file.
    let same = name.split('/').all(|part| !part.is_empty() && part != ".") && !name.chars().any(char::is_control);
    (plain && same && mode <= 0o777).then_some(Entry { name, mode, what })
}

fn odd(what: &str) -> Error {
    Error::new(format!("it is no backup that kutties has made: {what}"))
}

#[cfg(test)]
mod tests;
