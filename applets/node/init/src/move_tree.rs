//! Moving a tree from one file system in RAM to another, without holding its content twice.
//!
//! Three walks: the tree is made again without the files' content ([`mirror`]), the content follows
//! piece by piece ([`contents`]), and the old names are removed ([`remove`]). Until the last one an
//! error loses nothing: the content goes back by the same walk with the trees exchanged. A piece is
//! taken from the end of its file, which is cut there: every file system can do that, ramfs can't
//! punch holes. All of it changes the working directory.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, SeekFrom, Stat, fstat, ftruncate, linkat, mkdirat, mknodat, openat, readlinkat, seek,
    sendfile, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::chdir;

use crate::attributes::Attributes;
use crate::walk::{Place, Visit, walk};

/// The most that is held twice, in bytes.
const PIECE: u64 = 1 << 20;

/// Files of the old tree that are treated in another way, by their inodes.
#[derive(Debug, Default)]
pub struct Exceptions {
    /// Their content stays where it is.
    pub kept: Vec<u64>,
    /// Programs and libraries of running processes: they are copied whole, for a page that is cut
    /// off ends its process.
    pub running: Vec<u64>,
}

/// Entries of a mirror, some of which are still to be filled or mounted.
#[derive(Debug, Default)]
pub struct Found {
    /// Number of entries.
    pub count: usize,
    /// Paths of the files to keep, which are empty in the mirror.
    pub kept: Vec<CString>,
    /// Paths of mount points, which are empty directories in the mirror.
    pub mounts: Vec<CString>,
}

/// Move all that lies in the open directory `from`, which a mount at `to` may cover. After an error
/// everything is where it was. The working directory is "/" afterwards.
pub fn into(from: &File, to: &Path) -> Result<()> {
    let to = File::open(to).on("open", to)?;
    let outcome = all(from, &to);
    chdir("/").on("go to", "/")?;
    outcome
}

fn all(from: &File, to: &File) -> Result<()> {
    let none = Exceptions::default();
    mirror(from, to, &none)?;
    if let Err(e) = contents(from, to, &none) {
        return Err(taken_back(e, contents(to, from, &none)));
    }
    remove(from)
}

/// Returns the error, with the one of taking everything back, if there is one.
pub fn taken_back(error: Error, back: Result<()>) -> Error {
    match back {
        Ok(()) => error,
        Err(back) => Error::new(format!("{error}; and some files could not be taken back: {back}")),
    }
}

/// Make the tree `from` in the empty directory `to`, with empty files.
pub fn mirror(from: impl AsFd, to: impl AsFd, exceptions: &Exceptions) -> Result<Found> {
    let (from, to) = (from.as_fd(), to.as_fd());
    let device = fstat(from).doing("look at the root of a tree")?.st_dev;
    let mut mirror = Mirror { root: to, device, kept: &exceptions.kept, links: HashMap::new(), found: Found::default() };
    walk(from, to, &mut mirror)?;
    let found = mirror.found;
    // Last: what is made in it changes its time.
    Attributes::read(from, c".").and_then(|own| own.write(to, c".")).doing("set the attributes of /")?;
    Ok(found)
}

struct Mirror<'a> {
    root: BorrowedFd<'a>,
    device: u64,
    kept: &'a [u64],
    /// The first path of each inode that has several.
    links: HashMap<u64, CString>,
    found: Found,
}

impl Mirror<'_> {
    fn make(&mut self, place: &Place<'_>, name: &CStr, about: Stat) -> Result<bool> {
        let kind = FileType::from_raw_mode(about.st_mode);
        let private = Mode::RUSR | Mode::WUSR;
        if about.st_dev != self.device {
            self.found.mounts.push(place.path(name)?);
            return match kind {
                FileType::Directory => mkdirat(place.to, name, private | Mode::XUSR),
                _ => mknodat(place.to, name, FileType::RegularFile, private, 0),
            }
            .and_then(|()| Attributes::complete(about, place.from, name)?.write(place.to, name))
            .on("make", place.shown(name))
            .map(|()| false);
        }
        if kind == FileType::Directory {
            return mkdirat(place.to, name, private | Mode::XUSR).on("make", place.shown(name)).map(|()| true);
        }
        if self.kept.contains(&about.st_ino) {
            self.found.kept.push(place.path(name)?);
            return mknodat(place.to, name, kind, private, 0).on("make", place.shown(name)).map(|()| false);
        }
        if about.st_nlink > 1 {
            if let Some(first) = self.links.get(&about.st_ino) {
                return linkat(self.root, first, place.to, name, AtFlags::empty()).on("link", place.shown(name)).map(|()| false);
            }
            self.links.insert(about.st_ino, place.path(name)?);
        }
        let made = match kind {
            FileType::Symlink => readlinkat(place.from, name, Vec::new()).and_then(|link| symlinkat(&link, place.to, name)),
            _ => mknodat(place.to, name, kind, private, about.st_rdev),
        };
        // A file with content gets its attributes with it.
        let later = kind == FileType::RegularFile && about.st_size > 0;
        made.and_then(|()| if later { Ok(()) } else { Attributes::complete(about, place.from, name)?.write(place.to, name) })
            .on("make", place.shown(name))?;
        Ok(false)
    }
}

impl Visit for Mirror<'_> {
    fn entry(&mut self, place: &Place<'_>, name: &CStr, _: FileType) -> Result<bool> {
        self.found.count += 1;
        let about = statat(place.from, name, AtFlags::SYMLINK_NOFOLLOW).on("look at", place.shown(name))?;
        self.make(place, name, about)
    }

    fn left(&mut self, place: &Place<'_>, name: &CStr) -> Result<()> {
        let own = Attributes::read(place.from, name).and_then(|own| own.write(place.to, name));
        own.on("set the attributes of", place.shown(name))
    }
}

/// Move the content of the files of `from` to those of its mirror. The files stay, empty.
pub fn contents(from: impl AsFd, to: impl AsFd, exceptions: &Exceptions) -> Result<()> {
    let device = fstat(&from).doing("look at the root of a tree")?.st_dev;
    walk(from, to, &mut Contents { device, exceptions })
}

struct Contents<'a> {
    device: u64,
    exceptions: &'a Exceptions,
}

impl Visit for Contents<'_> {
    fn entry(&mut self, place: &Place<'_>, name: &CStr, kind: FileType) -> Result<bool> {
        if kind != FileType::RegularFile {
            return Ok(kind == FileType::Directory);
        }
        let about = statat(place.from, name, AtFlags::SYMLINK_NOFOLLOW).on("look at", place.shown(name))?;
        // The second name of a file whose content has moved is empty, too.
        if about.st_size > 0 && about.st_dev == self.device && !self.exceptions.kept.contains(&about.st_ino) {
            let cut = !self.exceptions.running.contains(&about.st_ino);
            content(place, name, about, cut).on("move", place.shown(name))?;
        }
        Ok(false)
    }

    fn left(&mut self, _: &Place<'_>, _: &CStr) -> Result<()> {
        Ok(())
    }
}

fn content(place: &Place<'_>, name: &CStr, about: Stat, cut: bool) -> rustix::io::Result<()> {
    let attributes = Attributes::complete(about, place.from, name)?;
    let open = |dir, access| openat(dir, name, access | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    let (from, cut) = match open(place.from, if cut { OFlags::RDWR } else { OFlags::RDONLY } | OFlags::NOATIME) {
        Err(Errno::TXTBSY) => (open(place.from, OFlags::RDONLY | OFlags::NOATIME)?, false),
        other => (other?, cut),
    };
    let to = match open(place.to, OFlags::WRONLY) {
        // On the way back: the program was copied, and is still whole.
        Err(Errno::TXTBSY) => return Ok(()),
        other => other?,
    };
    let moved = pieces(&from, &to, about.st_size.cast_unsigned(), cut);
    if moved.is_err() {
        // Writing and cutting have changed times, and taken capabilities away. The first error is
        // the one that counts.
        let _ = attributes.write(place.from, name);
    }
    let written = attributes.write(place.to, name);
    moved.and(written)
}

fn pieces(from: &OwnedFd, to: &OwnedFd, size: u64, cut: bool) -> rustix::io::Result<()> {
    // For a hole at the end, and because pieces come from the end.
    if fstat(to)?.st_size.cast_unsigned() < size {
        ftruncate(to, size)?;
    }
    let mut end = size;
    while end > 0 {
        let start = (end - 1) / PIECE * PIECE;
        piece(from, to, start, end)?;
        if cut {
            ftruncate(from, start)?;
        }
        end = start;
    }
    Ok(())
}

/// Copy what is no hole between two offsets.
fn piece(from: &OwnedFd, to: &OwnedFd, start: u64, end: u64) -> rustix::io::Result<()> {
    let mut at = start;
    while at < end {
        let data = match seek(from, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => return Ok(()),
            other => other?,
        };
        if data >= end {
            return Ok(());
        }
        at = seek(from, SeekFrom::Hole(data))?.min(end);
        seek(to, SeekFrom::Start(data))?;
        let mut next = data;
        while next < at {
            let rest = usize::try_from(at - next).unwrap_or(usize::MAX);
            if sendfile(to, from, Some(&mut next), rest)? == 0 {
                return Err(Errno::IO);
            }
        }
    }
    Ok(())
}

/// Remove all that lies in a directory; the first failure is the error, after the rest was removed.
pub fn remove(dir: impl AsFd) -> Result<()> {
    let mut remove = Remove { outcome: Ok(()) };
    walk(&dir, &dir, &mut remove)?;
    remove.outcome
}

struct Remove {
    outcome: Result<()>,
}

impl Remove {
    fn unlink(&mut self, place: &Place<'_>, name: &CStr, flags: AtFlags) {
        if let Err(e) = unlinkat(place.from, name, flags).on("remove", place.shown(name))
            && self.outcome.is_ok()
        {
            self.outcome = Err(e);
        }
    }
}

impl Visit for Remove {
    fn entry(&mut self, place: &Place<'_>, name: &CStr, kind: FileType) -> Result<bool> {
        if kind != FileType::Directory {
            self.unlink(place, name, AtFlags::empty());
        }
        Ok(kind == FileType::Directory)
    }

    fn left(&mut self, place: &Place<'_>, name: &CStr) -> Result<()> {
        self.unlink(place, name, AtFlags::REMOVEDIR);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
