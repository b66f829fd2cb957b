//! Files that are there before a member is unpacked: kept, moved away or removed.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::member::{Member, Time};
use super::place::Spot;
use super::unpack::{Old, Settings, Way};

/// Levels of directories that `--recursive-unlink` removes: a descriptor each.
const DEPTH: usize = 200;

/// Keep a file that is there, or give nothing when it has to go.
pub(super) fn keep(old: Old, there: &Stat, member: &Member, name: &[u8]) -> io::Result<Option<Way>> {
    match old {
        Old::Refuse => Err(io::Error::from(Errno::EXIST)),
        Old::Skip => Ok(Some(Way::Done)),
        Old::Newer => {
            let nanos = if member.mtime.nanos == 0 { 0 } else { there.st_mtime_nsec as u32 };
            let newer = Time { seconds: there.st_mtime, nanos } >= member.mtime;
            let text = || format!("the present {} is newer or of the same age", String::from_utf8_lossy(name));
            Ok(newer.then(|| Way::Kept(text())))
        }
        _ => Ok(None),
    }
}

/// Take a file out of the way.
pub(super) fn clear(settings: &Settings, spot: &Spot, there: &Stat) -> io::Result<()> {
    let directory = FileType::from_raw_mode(there.st_mode).is_dir();
    if let Some(backup) = settings.backup.as_ref().filter(|_| !directory) {
        return Ok(renameat(&spot.parent, &spot.name, &spot.parent, backup.name(spot)?)?);
    }
    if !directory {
        return Ok(unlinkat(&spot.parent, &spot.name, AtFlags::empty())?);
    }
    if settings.remove_trees {
        empty(&spot.parent, &spot.name, DEPTH)?;
    }
    match unlinkat(&spot.parent, &spot.name, AtFlags::REMOVEDIR) {
        // That is how it is told of a file that is in the way, too.
        Err(Errno::NOTEMPTY) => Err(Errno::EXIST.into()),
        removed => Ok(removed?),
    }
}

/// Remove a file, or a directory with all that is in it.
pub(crate) fn remove(parent: &OwnedFd, name: &std::ffi::OsStr) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {
            empty(parent, name, DEPTH)?;
            Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
        }
        removed => Ok(removed?),
    }
}

/// A way to keep what is replaced.
pub(crate) struct Backup {
    /// `simple`, `numbered`, `existing`, or what means the same; empty for the last.
    pub(crate) how: Vec<u8>,
    /// End of a simple one's name.
    pub(crate) suffix: Vec<u8>,
}

impl Backup {
    /// Name for a file that is replaced.
    fn name(&self, spot: &Spot) -> io::Result<OsString> {
        let name = |end: &[u8]| OsString::from_vec([spot.name.as_bytes(), end].concat());
        let is_there = |name: &OsString| statat(&spot.parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let numbered = |number: u32| name(format!(".~{number}~").as_bytes());
        let always = match self.how.as_slice() {
            b"none" | b"off" => return Err(Errno::EXIST.into()),
            b"simple" | b"never" => return Ok(name(&self.suffix)),
            b"numbered" | b"t" => true,
            b"existing" | b"nil" | b"" => false,
            _ => return Err(io::Error::other("a backup is none, simple, numbered or existing")),
        };
        if !always && !is_there(&numbered(1)) {
            return Ok(name(&self.suffix));
        }
        (1..u32::MAX).map(numbered).find(|name| !is_there(name)).ok_or_else(|| Errno::EXIST.into())
    }
}

/// Remove all that is in a directory, without following a link.
fn empty(parent: impl std::os::fd::AsFd, name: &std::ffi::OsStr, depth: usize) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = openat(parent, name, flags, Mode::empty())?;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        match unlinkat(&directory, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) if depth > 0 => {
                empty(&directory, name, depth - 1)?;
                unlinkat(&directory, name, AtFlags::REMOVEDIR)?;
            }
            removed => removed?,
        }
    }
    Ok(())
}
