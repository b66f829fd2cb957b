//! Source of an image's blobs: a tar archive (plain, gzip or zstd) or a directory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use kit::{Context, Error, Result};

use crate::compression::{Packing, packing, unpacked};

/// No manifest or configuration is larger: registries refuse manifests above 4 MiB.
const DOCUMENT_LIMIT: u64 = 8 << 20;

/// An archive or layout that files can be taken from by name.
pub enum Archive {
    /// A tar file: where each member's bytes lie.
    Tar { path: PathBuf, file: File, members: HashMap<String, (u64, u64)> },
    /// An OCI image layout.
    Directory(PathBuf),
}

impl Archive {
    /// Open what is at `path`. A compressed archive is unpacked to `scratch` (made and removed here) first, because its members can't be
    /// found by position otherwise.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let packed = File::open(path).on("open", path)?;
        let plain = decompress(&packed).on("read", path)?;
        let copy = plain.map(|mut plain| scratch_copy(&mut plain, scratch)).transpose().on("decompress", path)?;
        let mut file = copy.unwrap_or(packed);
        let members = members(&mut file).on("read the archive", path)?;
        Ok(Self::Tar { path: path.to_owned(), file, members })
    }

    /// Returns the path that is read, for messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::Tar { path, .. } | Self::Directory(path) => path,
        }
    }

    /// Tells if a file of that name is there.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Tar { members, .. } => members.contains_key(name),
            Self::Directory(dir) => inner(name).is_some_and(|name| dir.join(name).is_file()),
        }
    }

    /// A file's bytes, to be read through.
    pub fn open_file(&self, name: &str) -> Result<Box<dyn Read + Send + '_>> {
        let missing = || Error::new(format!("{}: {name} is missing", self.path().display()));
        match self {
            Self::Tar { file, members, path } => {
                let (at, len) = members.get(name).copied().ok_or_else(missing)?;
                let mut file = file;
                file.seek(SeekFrom::Start(at)).on("read", path)?;
                Ok(Box::new(BufReader::with_capacity(1 << 16, file.take(len))))
            }
            Self::Directory(dir) => {
                let path = dir.join(inner(name).ok_or_else(missing)?);
                Ok(Box::new(BufReader::with_capacity(1 << 16, File::open(&path).on("open", &path)?)))
            }
        }
    }

    /// A small document, whole.
    pub fn document(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(name)?.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes).on("read", self.path())?;
        if bytes.len() as u64 > DOCUMENT_LIMIT {
            return Err(Error::new(format!("{}: {name} is larger than {DOCUMENT_LIMIT} bytes", self.path().display())));
        }
        Ok(bytes)
    }
}

/// A stream's bytes in a file without a name.
fn scratch_copy(plain: &mut impl Read, scratch: &Path) -> io::Result<File> {
    let mut copy = File::options().read(true).write(true).create(true).truncate(true).open(scratch)?;
    std::fs::remove_file(scratch)?;
    io::copy(plain, &mut copy)?;
    copy.flush()?;
    Ok(copy)
}

/// A name that stays inside: no root, no `..`.
fn inner(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)).then_some(path)
}

/// The plain stream of a packed file, told by its first bytes; none for a file that is not packed.
fn decompress(mut file: &File) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    let packed = <[u8; 4]>::try_from(magic).map_or(Packing::None, packing);
    Ok((packed != Packing::None).then(|| unpacked(packed, file)))
}

/// Returns the position and length of each regular member's bytes. A hard link to an earlier member
/// (docker's way to save a layer twice) is that member.
fn members(file: &mut File) -> io::Result<HashMap<String, (u64, u64)>> {
    file.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(BufReader::new(&*file));
    let mut members = HashMap::new();
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let place = match entry.header().entry_type() {
            kind if kind.is_file() => Some((entry.raw_file_position(), entry.size())),
            kind if kind.is_symlink() || kind.is_hard_link() => {
                let target = entry.link_name()?.unwrap_or_default();
                linked(&name, &target).and_then(|target| members.get(&target).copied())
            }
            _ => None,
        };
        if let Some(place) = place {
            members.insert(name, place);
        }
    }
    Ok(members)
}

/// The member that a link beside `name` leads to, when it stays inside.
fn linked(name: &str, target: &Path) -> Option<String> {
    let mut parts: Vec<_> = Path::new(name).parent()?.components().collect();
    if target.components().next() != Some(Component::ParentDir) {
        parts.clear();
    }
    for part in target.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(_) => parts.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.iter().collect::<PathBuf>().to_string_lossy().into_owned())
}

impl Archive {
    /// A file's length in bytes; 0 when it is not there, which reading it will complain about.
    pub fn size(&self, name: &str) -> u64 {
        match self {
            Self::Tar { members, .. } => members.get(name).map_or(0, |(_, len)| *len),
            Self::Directory(dir) => inner(name).and_then(|name| dir.join(name).metadata().ok()).map_or(0, |m| m.len()),
        }
    }
}
