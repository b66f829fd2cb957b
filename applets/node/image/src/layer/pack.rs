//! A layer's directory as a tar stream again: the same bytes each time, marks of overlayfs as whiteouts. What made the layer can't be had back,
//! since another tool wrote that archive; so its digest is a new one.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use kit::{Context, Result};
use tar::{Builder, EntryType, Header};

use super::copy_up::attributes_of;
use super::{OPAQUE, WHITEOUT};
use crate::place::{is_opaque, is_whiteout};

/// Prefix of tar records that hold extended attributes.
const ATTRIBUTE: &str = "SCHILY.xattr.";

/// Write the layer at `top`.
pub fn pack(top: &Path, to: impl Write) -> Result<()> {
    let mut pack = Pack { builder: Builder::new(to), linked: HashMap::new() };
    pack.directory(top, Path::new(""))?;
    pack.builder.finish().on("pack", top)
}

struct Pack<W: Write> {
    builder: Builder<W>,
    /// The first name of each file that has several.
    linked: HashMap<u64, PathBuf>,
}

impl<W: Write> Pack<W> {
    /// A directory itself, then all that is in it, by name.
    fn directory(&mut self, path: &Path, inside: &Path) -> Result<()> {
        let meta = fs::symlink_metadata(path).on("look at", path)?;
        let name = if inside.as_os_str().is_empty() { PathBuf::from("./") } else { inside.join("") };
        self.head(path, &name, &meta, EntryType::Directory, None)?;
        if is_opaque(path) {
            self.mark(&inside.join(OsStr::from_bytes(OPAQUE)))?;
        }
        let entries = fs::read_dir(path).on("list", path)?;
        let mut names: Vec<OsString> =
            entries.map(|entry| entry.map(|e| e.file_name())).collect::<std::io::Result<_>>().on("list", path)?;
        names.sort();
        names.iter().try_for_each(|name| self.entry(&path.join(name), &inside.join(name)))
    }

    fn entry(&mut self, path: &Path, inside: &Path) -> Result<()> {
        let meta = fs::symlink_metadata(path).on("look at", path)?;
        let kind = meta.file_type();
        if is_whiteout(&meta) {
            let name = inside.file_name().unwrap_or_default().as_bytes();
            return self.mark(&inside.with_file_name(OsString::from_vec([WHITEOUT, name].concat())));
        }
        if kind.is_dir() {
            return self.directory(path, inside);
        }
        if meta.nlink() > 1 {
            if let Some(first) = self.linked.get(&meta.ino()).cloned() {
                return self.head(path, inside, &meta, EntryType::Link, Some(&first));
            }
            self.linked.insert(meta.ino(), inside.to_owned());
        }
        let entry = match () {
            () if kind.is_file() => EntryType::Regular,
            () if kind.is_symlink() => EntryType::Symlink,
            () if kind.is_char_device() => EntryType::Char,
            () if kind.is_block_device() => EntryType::Block,
            () => EntryType::Fifo,
        };
        let target = if kind.is_symlink() { Some(fs::read_link(path).on("read", path)?) } else { None };
        self.head(path, inside, &meta, entry, target.as_deref())
    }

    /// An entry, with its content if it is a file.
    fn head(&mut self, path: &Path, name: &Path, meta: &Metadata, kind: EntryType, target: Option<&Path>) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(meta.mode() & 0o7777);
        header.set_uid(meta.uid().into());
        header.set_gid(meta.gid().into());
        header.set_mtime(u64::try_from(meta.mtime()).unwrap_or(0));
        header.set_size(if kind.is_file() { meta.len() } else { 0 });
        if matches!(kind, EntryType::Char | EntryType::Block) {
            let major = header.set_device_major(rustix::fs::major(meta.rdev()));
            major.and_then(|()| header.set_device_minor(rustix::fs::minor(meta.rdev()))).on("pack", path)?;
        }
        let mut records = Vec::new();
        if kind != EntryType::Link {
            for (name, value) in attributes_of(path)? {
                records.push((format!("{ATTRIBUTE}{}", name.to_string_lossy()), value));
            }
            if meta.mtime_nsec() != 0 || meta.mtime() < 0 {
                records.push(("mtime".to_owned(), time(meta.mtime(), meta.mtime_nsec()).into_bytes()));
            }
        }
        let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records).on("pack", path)?;
        match target {
            Some(target) => self.builder.append_link(&mut header, name, target),
            None if kind.is_file() => {
                let file = File::open(path).on("open", path)?;
                self.builder.append_data(&mut header, name, file)
            }
            None => self.builder.append_data(&mut header, name, std::io::empty()),
        }
        .on("pack", path)
    }

    /// An empty file whose name is the message.
    fn mark(&mut self, name: &Path) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        self.builder.append_data(&mut header, name, std::io::empty()).on("pack", name)
    }
}

/// A time as extended headers have it.
fn time(seconds: i64, nanoseconds: i64) -> String {
    if seconds >= 0 || nanoseconds == 0 {
        return format!("{seconds}.{nanoseconds:09}");
    }
    // The fraction counts away from zero.
    format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds)
}
