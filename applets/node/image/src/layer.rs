//! Unpack one layer: a tar stream, checked against its digest, into a directory that overlayfs can use as a lower directory.

mod copy_up;
mod node;
pub mod pack;
#[cfg(test)]
pub mod tests;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::thread;

use kit::{Context, Error, Result};
use rustix::fs::{CWD, FileType, Mode};

use crate::compression::{Packing, packing, unpacked};
use crate::hash::Hash;
use crate::pipe::{forward, pipe};
use crate::place::{Below, Place, is_whiteout, look, make_opaque};
use crate::step::{Step, reached};
use crate::tarball::{Entry, Kind, Tar};

/// Prefix of the names by which a layer deletes.
const WHITEOUT: &[u8] = b".wh.";
/// The name by which a layer hides all that lies below its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Prefix of names that a file system of old kept for itself.
const AUFS: &[u8] = b".wh..wh.";

/// Unpack `blob` (plain, gzip or zstd) into the empty directory `top` over the layers `below`.
///
/// # Errors
/// Anything malformed, any entry that would leave the directory, and a stream whose digest is not `diff_id`. The directory is then
/// half filled: the caller removes it.
pub fn unpack(mut blob: impl Read + Send, diff_id: &str, top: &Path, below: &Below) -> Result<()> {
    let mut magic = [0; 4];
    blob.read_exact(&mut magic).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => Error::new("a layer is shorter than any archive"),
        _ => Error::caused(format!("read a layer: {e}"), e),
    })?;
    let bytes = io::Cursor::new(magic).chain(blob);
    let packing = packing(magic);
    if packing == Packing::None {
        return fill(bytes, diff_id, top, below);
    }
    // Decompressing takes as long as hashing and writing do: a thread each.
    let (writer, reader) = pipe();
    thread::scope(|scope| {
        let decompress = scope.spawn(move || forward(unpacked(packing, bytes), &writer));
        let filled = fill(reader, diff_id, top, below);
        match decompress.join() {
            // Bytes that can't be decompressed look like an archive that ends too early.
            Ok(Err(e)) => Err(Error::caused(format!("read a layer: {e}"), e)),
            Ok(Ok(())) => filled,
            Err(_) => Err(Error::new("the thread that decompresses a layer died")),
        }
    })
}

/// Put the plain archive `bytes` into the directory.
fn fill(bytes: impl Read, diff_id: &str, top: &Path, below: &Below) -> Result<()> {
    let mut tar = Tar::new(Hashed { inner: bytes, hash: Hash::like(diff_id) });
    let mut layer = Layer { place: Place::new(top, below), directories: Vec::new() };
    while let Some(entry) = tar.next_entry().doing("read a layer")? {
        layer.apply(&entry, &mut tar).map_err(|e| e.below(format_args!("unpack {}", shown(&entry.path))))?;
        reached(Step::LayerHalf);
    }
    // Bytes after the archive's end belong to the digest too.
    let got = tar.finish().doing("read a layer")?.hash.digest();
    if got != diff_id {
        return Err(Error::new(format!("layer {diff_id} has digest {got}")));
    }
    // Directories last, innermost first: filling them changed their times.
    layer.directories.iter().rev().try_for_each(|(path, time)| node::set_time(path, *time))
}

/// A path for a message: without what a terminal would obey.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().map(|c| if c.is_control() { '?' } else { c }).take(200).collect()
}

/// A reader that hashes what goes through.
struct Hashed<R> {
    inner: R,
    hash: Hash,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.hash.update(&buf[..n]);
        Ok(n)
    }
}

/// A layer in the making.
struct Layer<'a> {
    place: Place<'a>,
    /// Directories whose times are set at the end.
    directories: Vec<(PathBuf, (i64, u32))>,
}

impl Layer<'_> {
    /// Put one entry into the layer.
    fn apply(&mut self, entry: &Entry, tar: &mut Tar<impl Read>) -> Result<()> {
        let name = PathBuf::from(OsString::from_vec(entry.path.clone()));
        if name.components().any(|part| is_aufs(part.as_os_str().as_bytes())) {
            return Ok(());
        }
        let inside = self.place.find(&name)?;
        let path = self.place.top.join(&inside);
        let Some(last) = inside.file_name().map(OsStr::as_bytes) else { return self.root(entry) };
        if last == OPAQUE {
            return make_opaque(path.parent().unwrap_or(self.place.top));
        }
        if let Some(deleted) = last.strip_prefix(WHITEOUT) {
            return delete(&path, deleted);
        }
        let hid = self.clear(&path, entry.kind)?;
        match entry.kind {
            Kind::File => node::file(entry, tar, &path)?,
            Kind::Directory => {
                if !path.is_dir() {
                    fs::create_dir(&path).on("make", &path)?;
                }
                if hid {
                    make_opaque(&path)?;
                }
                node::dress(entry, &path)?;
                self.directories.push((path, entry.time));
            }
            Kind::Link => self.link(entry, &inside, &path)?,
            Kind::Symlink => {
                let target = OsStr::from_bytes(&entry.target);
                std::os::unix::fs::symlink(target, &path).on("link", &path)?;
                node::dress(entry, &path)?;
                node::set_time(&path, entry.time)?;
            }
            Kind::Character | Kind::Block | Kind::Pipe => {
                node::special(entry, &path)?;
                node::dress(entry, &path)?;
                node::set_time(&path, entry.time)?;
            }
        }
        Ok(())
    }

    /// The image's root itself: a directory, whatever the archive says.
    fn root(&mut self, entry: &Entry) -> Result<()> {
        if entry.kind != Kind::Directory {
            return Err(Error::new("the image's root must be a directory"));
        }
        node::dress(entry, self.place.top)?;
        self.directories.push((self.place.top.to_owned(), entry.time));
        Ok(())
    }

    /// Another name for a file of this layer, or of one below, which then comes up into this one as overlayfs would do it.
    fn link(&mut self, entry: &Entry, inside: &Path, path: &Path) -> Result<()> {
        let target = self.place.find(Path::new(OsStr::from_bytes(&entry.target)))?;
        if target == inside || target.as_os_str().is_empty() {
            return Err(Error::new("a hard link to itself, or to the root"));
        }
        let full = self.place.top.join(&target);
        match look(&full).on("look at", &full)? {
            Some(meta) if is_whiteout(&meta) || meta.is_dir() => return Err(missing(&target)),
            Some(_) => {}
            None => {
                let (from, meta) = self.place.below(&target)?.filter(|(_, m)| !m.is_dir()).ok_or_else(|| missing(&target))?;
                copy_up::copy(&from, &meta, &full)?;
            }
        }
        fs::hard_link(&full, path).on("hard-link", path)
    }

    /// Remove what an earlier entry put at `path`, unless both are directories. Whether it was the mark of something deleted, so that a
    /// directory there must go on to hide what is below.
    fn clear(&mut self, path: &Path, kind: Kind) -> Result<bool> {
        match look(path).on("look at", path)? {
            None => Ok(false),
            Some(meta) if meta.is_dir() && kind == Kind::Directory => Ok(false),
            Some(meta) if meta.is_dir() => {
                self.place.forget();
                self.directories.retain(|(directory, _)| !directory.starts_with(path));
                kit::tree::remove(path).on("remove", path).map(|()| false)
            }
            Some(meta) => {
                self.place.forget();
                fs::remove_file(path).on("remove", path).map(|()| is_whiteout(&meta))
            }
        }
    }
}

fn missing(target: &Path) -> Error {
    Error::new(format!("a hard link to {}, which is no file of the image", target.display()))
}

fn is_aufs(name: &[u8]) -> bool {
    name.starts_with(AUFS) && name != OPAQUE
}

/// Mark what lies below as deleted. What this very layer has at the place stays (image-spec, "Whiteouts"), whichever came first.
fn delete(marker: &Path, deleted: &[u8]) -> Result<()> {
    if matches!(deleted, b"" | b"." | b"..") {
        return Err(Error::new("a whiteout without a name"));
    }
    let path = marker.with_file_name(OsStr::from_bytes(deleted));
    match look(&path).on("look at", &path)? {
        Some(meta) if meta.is_dir() => make_opaque(&path),
        Some(_) => Ok(()),
        None => rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0).on("mark as deleted", &path),
    }
}
