//! Files in the present directory, by names that a stranger wrote: nothing leads out of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat, openat2, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::names::Name;

/// A name in an open directory.
pub(super) struct Spot {
    parent: Rc<OwnedFd>,
    name: OsString,
}

impl Spot {
    /// The place of a name; none when a directory of it is missing and none is made. A name that a person gave may lead
    /// anywhere.
    pub(super) fn find(name: &Name, trusted: bool, make: bool) -> io::Result<Option<Self>> {
        let path = name.path();
        let Some(last) = path.file_name() else { return Err(io::Error::other("it names no file")) };
        let parent = path.parent().map(|parent| parent.as_os_str().as_bytes()).unwrap_or_default();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = if trusted {
            let parent = if parent.is_empty() { b"." } else { parent };
            openat(CWD, OsStr::from_bytes(parent), flags, Mode::empty())
        } else {
            beneath(parent, flags, make)
        };
        match opened {
            Ok(parent) => Ok(Some(Self { parent: Rc::new(parent), name: last.to_owned() })),
            Err(Errno::NOENT) if !make => Ok(None),
            Err(Errno::XDEV) => Err(io::Error::other("it leads out of the directory")),
            Err(e) => Err(e.into()),
        }
    }

    /// The same name with something behind it.
    pub(super) fn beside(&self, end: &OsStr) -> Self {
        let name = OsString::from_vec([self.name.as_bytes(), end.as_bytes()].concat());
        Self { parent: self.parent.clone(), name }
    }

    pub(super) fn is_there(&self) -> bool {
        statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Content and mode of a regular file; none when there is nothing.
    pub(super) fn read(&self) -> io::Result<Option<(Vec<u8>, u32)>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file: File = match openat(&self.parent, &self.name, flags, Mode::empty()) {
            Ok(file) => file.into(),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(io::Error::other("it is a link")),
            Err(e) => return Err(e.into()),
        };
        let stat = fstat(&file)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(Some((text, stat.st_mode & 0o7777)))
    }

    /// Put a file in the place of what is there, whole or not at all.
    pub(super) fn write(&self, text: &[u8], mode: Option<u32>) -> io::Result<()> {
        let beside = self.beside(format!(".{}.new", std::process::id()).as_ref());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file: File = openat(&self.parent, &beside.name, flags, Mode::from_raw_mode(0o666))?.into();
        let written = file.write_all(text).and_then(|()| match mode {
            Some(mode) => Ok(fchmod(&file, Mode::from_raw_mode(mode))?),
            None => Ok(()),
        });
        let placed = written.and_then(|()| Ok(renameat(&self.parent, &beside.name, &self.parent, &self.name)?));
        if placed.is_err() {
            // The old file is as it was.
            let _ = unlinkat(&self.parent, &beside.name, AtFlags::empty());
        }
        placed
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        Ok(unlinkat(&self.parent, &self.name, AtFlags::empty())?)
    }
}

/// A directory below the present one; missing ones are made.
fn beneath(path: &[u8], flags: OFlags, make: bool) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let open = |path: &[u8]| {
        let path = if path.is_empty() { b"." } else { path };
        openat2(CWD, OsStr::from_bytes(path), flags, Mode::empty(), resolve)
    };
    match open(path) {
        Err(Errno::NOENT) if make => {}
        opened => return opened,
    }
    let ends = (1..=path.len()).filter(|at| *at == path.len() || path[*at] == b'/');
    for end in ends {
        let part = &path[..end];
        if part.ends_with(b"/") || open(part).is_ok() {
            continue;
        }
        let slash = part.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let above = open(&part[..slash])?;
        match mkdirat(&above, OsStr::from_bytes(&part[slash..]), Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(e),
        }
    }
    open(path)
}
