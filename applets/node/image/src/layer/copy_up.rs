//! A file of a layer below comes into this one, because this one gives it another name.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use kit::{Context, Result};
use rustix::fs::{CWD, FileType, Mode};

use super::node;

/// The kernel's limit for a list of attributes and for a value, in bytes.
const LIST: usize = 64 << 10;

/// Copy what lies at `from` (no directory) to the free place `to`, with all that belongs to it.
pub fn copy(from: &Path, meta: &Metadata, to: &Path) -> Result<()> {
    let kind = meta.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(from).on("read", from)?;
        std::os::unix::fs::symlink(target, to).on("link", to)?;
    } else if kind.is_file() {
        let mut new = File::options().write(true).create_new(true).open(to).on("make", to)?;
        let mut old = File::open(from).on("open", from)?;
        std::io::copy(&mut old, &mut new).on("write", to)?;
    } else {
        let kind = match (kind.is_char_device(), kind.is_block_device()) {
            (true, _) => FileType::CharacterDevice,
            (_, true) => FileType::BlockDevice,
            _ => FileType::Fifo,
        };
        rustix::fs::mknodat(CWD, to, kind, Mode::empty(), meta.rdev()).on("make", to)?;
    }
    lchown(to, Some(meta.uid()), Some(meta.gid())).on("change the owner of", to)?;
    if !meta.is_symlink() {
        fs::set_permissions(to, fs::Permissions::from_mode(meta.mode() & 0o7777)).on("change the mode of", to)?;
    }
    attributes(from, to)?;
    node::set_time(to, (meta.mtime(), u32::try_from(meta.mtime_nsec()).unwrap_or(0)))
}

fn attributes(from: &Path, to: &Path) -> Result<()> {
    attributes_of(from)?.iter().try_for_each(|(name, value)| node::attribute(to, name.as_bytes(), value))
}

/// The extended attributes of a file of a layer, without overlayfs's own, by name.
pub fn attributes_of(path: &Path) -> Result<Vec<(OsString, Vec<u8>)>> {
    let mut names = vec![0u8; LIST];
    let length = match rustix::fs::llistxattr(path, names.as_mut_slice()) {
        Err(rustix::io::Errno::OPNOTSUPP) => return Ok(Vec::new()),
        length => length.on("list the attributes of", path)?,
    };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty() && !name.starts_with(b"trusted."));
    let mut found = Vec::new();
    for name in names {
        let mut value = vec![0u8; LIST];
        let name = OsStr::from_bytes(name);
        let length = rustix::fs::lgetxattr(path, name, value.as_mut_slice()).on("read an attribute of", path)?;
        value.truncate(length);
        found.push((name.to_owned(), value));
    }
    found.sort();
    Ok(found)
}
