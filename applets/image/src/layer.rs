//! Unpack one layer: a tar stream, checked against its digest, into a folder that overlayfs can use as a lower directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::{CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};
use tar::{Entry, EntryType};

use crate::archive::plain;
use crate::hash::Hash;
use crate::place::{Below, Place};

/// Prefix of the names by which a layer deletes.
const WHITEOUT: &[u8] = b".wh.";
/// The name by which a layer hides all that lies below its folder.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Where tar writers keep extended attributes.
const PAX_XATTR: &str = "SCHILY.xattr.";

/// Unpack `blob` (plain, gzip or zstd) into the empty folder `top` over the layers `below` (lowest first).
///
/// # Errors
/// Anything malformed, any entry that would leave the folder, and a stream whose SHA-256 is not `diff_id`. The folder is then
/// half filled: the caller removes it.
pub fn unpack(blob: impl Read, diff_id: &str, top: &Path, below: &Below) -> Result<()> {
    let mut blob = blob;
    let mut magic = [0; 4];
    blob.read_exact(&mut magic).doing("read a layer")?;
    let whole = io::Cursor::new(magic).chain(blob);
    match layer_stream(magic, whole).doing("read a layer")? {
        Stream::Plain(s) => unpack_plain(s, diff_id, top, below),
        Stream::Packed(s) => unpack_plain(s, diff_id, top, below),
    }
}

enum Stream<'a, R: Read> {
    Plain(R),
    Packed(Box<dyn Read + 'a>),
}

fn layer_stream<'a, R: Read + 'a>(magic: [u8; 4], whole: R) -> io::Result<Stream<'a, R>> {
    if matches!(magic, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd]) {
        return plain(magic, whole)?.map(Stream::Packed).ok_or_else(|| io::Error::other("unknown compression"));
    }
    Ok(Stream::Plain(whole))
}

fn unpack_plain(stream: impl Read, diff_id: &str, top: &Path, below: &Below) -> Result<()> {
    let mut hashed = Hashed { inner: stream, hash: Hash::new() };
    let place = Place { top, below };
    let mut folders = Vec::new();
    let mut archive = tar::Archive::new(&mut hashed);
    for entry in archive.entries().doing("read a layer")? {
        let entry = entry.doing("read a layer")?;
        let name = entry.path().doing("read a layer")?.into_owned();
        apply(&place, entry, &name, &mut folders).doing(format_args!("unpack {}", name.display()))?;
    }
    // What follows the archive's end belongs to the digest too.
    io::copy(&mut hashed, &mut io::sink()).doing("read a layer")?;
    // Folders last, innermost first: filling them changed their times.
    for (path, time) in folders.iter().rev() {
        set_time(path, *time).on("set the time of", path)?;
    }
    let got = hashed.hash.digest();
    if got == diff_id { Ok(()) } else { Err(Error::new(format!("layer {diff_id} has digest {got}"))) }
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

/// Put one entry into the layer.
fn apply(place: &Place, mut entry: Entry<impl Read>, name: &Path, folders: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    let path = place.top.join(place.find(name)?);
    let file_name = path.file_name().map(|n| n.as_bytes().to_owned()).unwrap_or_default();
    if file_name == OPAQUE {
        let folder = path.parent().unwrap_or(place.top);
        return rustix::fs::lsetxattr(folder, "trusted.overlay.opaque", b"y", XattrFlags::empty()).on("make opaque", folder);
    }
    if let Some(deleted) = file_name.strip_prefix(WHITEOUT) {
        let path = path.with_file_name(std::ffi::OsStr::from_bytes(deleted));
        clear(&path, EntryType::Regular)?;
        return rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0).on("mark as deleted", &path);
    }
    let kind = entry.header().entry_type();
    if matches!(kind, EntryType::XGlobalHeader) {
        return Ok(());
    }
    clear(&path, kind)?;
    make(place, &mut entry, &path, kind)?;
    if !kind.is_hard_link() {
        dress(&mut entry, &path, kind)?;
        let time = entry.header().mtime().unwrap_or(0);
        if kind.is_dir() { folders.push((path, time)) } else { set_time(&path, time).on("set the time of", &path)? }
    }
    Ok(())
}

/// Remove what an earlier entry put at `path`, unless both are folders.
fn clear(path: &Path, kind: EntryType) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() && kind.is_dir() => Ok(()),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).on("remove", path),
        Ok(_) => fs::remove_file(path).on("remove", path),
        Err(_) => Ok(()),
    }
}

fn make(place: &Place, entry: &mut Entry<impl Read>, path: &Path, kind: EntryType) -> Result<()> {
    match kind {
        EntryType::Directory if path.is_dir() => Ok(()),
        EntryType::Directory => fs::create_dir(path).on("make", path),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => write_file(entry, path),
        EntryType::Symlink => symlink(target(entry)?, path).on("link", path),
        EntryType::Link => {
            let target = target(entry)?;
            let full = place.top.join(place.find(&target)?);
            fs::hard_link(&full, path).on("hard-link", path)
        }
        EntryType::Char | EntryType::Block | EntryType::Fifo => make_node(entry, path, kind),
        other => Err(Error::new(format!("{}: entries of type {other:?} do not belong in a layer", path.display()))),
    }
}

/// A file's content.
fn write_file(entry: &mut Entry<impl Read>, path: &Path) -> Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path).on("make", path)?;
    io::copy(entry, &mut file).on("write", path)?;
    Ok(())
}

fn target(entry: &Entry<impl Read>) -> Result<PathBuf> {
    let target = entry.link_name().doing("read a link's target")?;
    target.map(std::borrow::Cow::into_owned).ok_or_else(|| Error::new("a link without a target"))
}

fn make_node(entry: &Entry<impl Read>, path: &Path, kind: EntryType) -> Result<()> {
    let header = entry.header();
    let (kind, device) = match kind {
        EntryType::Fifo => (FileType::Fifo, 0),
        kind => {
            let number = |n: io::Result<Option<u32>>| n.ok().flatten().unwrap_or(0);
            let device = rustix::fs::makedev(number(header.device_major()), number(header.device_minor()));
            (if kind == EntryType::Char { FileType::CharacterDevice } else { FileType::BlockDevice }, device)
        }
    };
    rustix::fs::mknodat(CWD, path, kind, Mode::empty(), device).on("make", path)
}

/// Owner, mode and extended attributes. The owner goes first: changing it clears set-user-ID bits and capabilities.
fn dress(entry: &mut Entry<impl Read>, path: &Path, kind: EntryType) -> Result<()> {
    let header = entry.header();
    let id = |n: io::Result<u64>| n.ok().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let (uid, gid) = (id(header.uid()), id(header.gid()));
    let mode = header.mode().on("read the mode of", path)?;
    if kind.is_symlink() {
        return std::os::unix::fs::lchown(path, Some(uid), Some(gid)).on("change the owner of", path);
    }
    chown(path, Some(uid), Some(gid)).on("change the owner of", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777)).on("change the mode of", path)?;
    let Some(extensions) = entry.pax_extensions().on("read the attributes of", path)? else { return Ok(()) };
    for extension in extensions {
        let extension = extension.on("read the attributes of", path)?;
        if let Some(name) = extension.key().ok().and_then(|k| k.strip_prefix(PAX_XATTR)) {
            set_attribute(path, name, extension.value_bytes())?;
        }
    }
    Ok(())
}

/// Set one attribute. Overlayfs's own would redirect lookups out of the layer: they are refused. `user.*` on what can't bear it is left out.
fn set_attribute(path: &Path, name: &str, value: &[u8]) -> Result<()> {
    if name.starts_with("trusted.") {
        return Err(Error::new(format!("{}: attribute {name} does not belong in a layer", path.display())));
    }
    match rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::PERM) if name.starts_with("user.") => Ok(()),
        result => result.doing(format_args!("set {name} of {}", path.display())),
    }
}

fn set_time(path: &Path, seconds: u64) -> io::Result<()> {
    let time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(0), tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::hash::digest;

    /// A tar archive of (name, kind, link target or content).
    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
            let content = if kind.is_file() { text.as_bytes() } else { b"" };
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name_literal(text).unwrap();
            }
            let gnu = header.as_gnu_mut().unwrap();
            gnu.name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn fresh(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("kutties-layer-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn apply_one(top: &Path, below: &[PathBuf], entries: &[(&str, EntryType, &str)]) -> Result<()> {
        let bytes = archive(entries);
        unpack(&bytes[..], &digest(&bytes), top, &Below::there(below))
    }

    #[test]
    fn files_and_links_arrive() {
        let top = fresh("arrive");
        let entries = [
            ("d/", EntryType::Directory, ""),
            ("d/f", EntryType::Regular, "hello"),
            ("l", EntryType::Symlink, "d"),
            ("l/g", EntryType::Regular, "through"),
            ("h", EntryType::Link, "d/f"),
        ];
        apply_one(&top, &[], &entries).unwrap();
        assert_eq!(fs::read_to_string(top.join("d/g")).unwrap(), "through");
        assert_eq!(fs::read_to_string(top.join("h")).unwrap(), "hello");
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let outside = fresh("outside");
        let escape = outside.to_str().unwrap();
        for (name, entries) in [
            ("dots", vec![("../x", EntryType::Regular, "x")]),
            ("hard", vec![("x", EntryType::Link, "../../../../etc/passwd")]),
            ("file", vec![("f", EntryType::Regular, ""), ("f/x", EntryType::Regular, "x")]),
        ] {
            let top = fresh(name);
            assert!(apply_one(&top, &[], &entries).is_err(), "{name}");
            fs::remove_dir_all(top).unwrap();
        }
        // Links that lead out are followed inside: the file lands below the layer's own root.
        let top = fresh("inside");
        let up = "../../../../../../..";
        let entries = [
            ("a", EntryType::Symlink, escape),
            ("a/x", EntryType::Regular, "x"),
            ("b", EntryType::Symlink, up),
            ("b/y", EntryType::Regular, "y"),
        ];
        apply_one(&top, &[], &entries).unwrap();
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert!(top.join("y").is_file());
        assert!(top.join(escape.trim_start_matches('/')).join("x").is_file());
        fs::remove_dir_all(top).unwrap();
        fs::remove_dir_all(outside).unwrap();
    }

    #[test]
    fn links_of_lower_layers_are_followed() {
        let (low, top) = (fresh("low"), fresh("top"));
        apply_one(&low, &[], &[("usr/lib/a", EntryType::Regular, "a"), ("lib", EntryType::Symlink, "usr/lib")]).unwrap();
        apply_one(&top, std::slice::from_ref(&low), &[("lib/b", EntryType::Regular, "b")]).unwrap();
        assert!(top.join("usr/lib/b").is_file());
        assert!(!top.join("lib").exists());
        fs::remove_dir_all(low).unwrap();
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn a_wrong_digest_is_refused() {
        let top = fresh("digest");
        let bytes = archive(&[("f", EntryType::Regular, "x")]);
        let wrong = digest(b"something else");
        assert!(unpack(&bytes[..], &wrong, &top, &Below::there(&[])).unwrap_err().to_string().contains(&wrong));
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn rubbish_is_an_error() {
        let top = fresh("rubbish");
        for bytes in [&b"abc"[..], &[0x1f, 0x8b, 1, 2, 3], &[0x28, 0xb5, 0x2f, 0xfd, 9, 9], &[7; 2048]] {
            assert!(unpack(bytes, &digest(bytes), &top, &Below::there(&[])).is_err());
        }
        fs::remove_dir_all(top).unwrap();
    }
}
