//! Trees that strangers made: removed, measured and copied with a constant number of descriptors, without recursion, however deep
//! and wide they are, and without following a link or entering a mount.
//!
//! The standard library's removal holds a descriptor and a stack frame a level: a container that makes a thousand nested
//! directories would make its own removal impossible.

mod copy;

pub use copy::copy;

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, IFlags, Mode, OFlags, RawDir, ResolveFlags, SeekFrom, Stat, ioctl_getflags, ioctl_setflags, openat2,
    renameat, seek, statat, unlinkat,
};
use rustix::io::Errno;

/// Bytes of a buffer for directory entries: the longest name fits, and reading again from the middle of a directory stays cheap.
const ENTRIES: usize = 2 << 10;
/// Limit of retries for a directory that was emptied and that another process fills again.
const REFILLS: u32 = 16;
/// Bytes in a block as `stat` counts them.
const BLOCK: u64 = 512;
/// A directory that is read. The kernel refuses links and what is mounted there.
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Remove a file, a link or a directory with all that is in it. Nothing to do when it is not there.
///
/// A nested directory is first renamed to a name in `path` itself and emptied there, so no more than two directories are
/// open at a time and nothing is remembered of the rest. Nothing outside `path` is touched, whatever others do in it meanwhile.
///
/// # Errors
/// The first failure, after all that could be removed was removed: a mount point in the tree is one (`EBUSY` or `EXDEV`).
pub fn remove(path: &Path) -> io::Result<()> {
    match unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(e) => return Err(e.into()),
    }
    let top = match rustix::fs::open(path, OPEN, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        top => top?,
    };
    let mut removal = Removal { top: top.as_fd(), next: 0, moved: false, failure: None };
    let mut refills = 0;
    loop {
        removal.pass()?;
        if let Some(failure) = removal.failure.take().filter(|_| !removal.moved) {
            return Err(failure.into());
        }
        match unlinkat(CWD, path, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) if removal.moved => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) if refills < REFILLS => refills += 1,
            Err(Errno::PERM) if refills < REFILLS && unlock(removal.top) => refills += 1,
            Err(e) => return Err(e.into()),
        }
    }
}

/// A removal under way.
struct Removal<'a> {
    top: BorrowedFd<'a>,
    /// Number for the next name of a directory that is moved up.
    next: u64,
    /// True if this pass has moved a directory up, whose turn may be the next pass.
    moved: bool,
    /// The first failure of this pass.
    failure: Option<Errno>,
}

impl Removal<'_> {
    /// Go once through the tree's own directory; empty each directory that is there.
    fn pass(&mut self) -> rustix::io::Result<()> {
        (self.moved, self.failure) = (false, None);
        let top = self.top;
        each(top, |name, kind| {
            if let Err(e) = remove_one(top, name, kind).or_else(|e| self.nested(name, e)) {
                self.failure.get_or_insert(e);
            }
        })
    }

    /// Empty a directory of the tree's own directory, then remove it.
    fn nested(&mut self, name: &CStr, refused: Errno) -> rustix::io::Result<()> {
        if !matches!(refused, Errno::NOTEMPTY | Errno::EXIST) {
            return Err(refused);
        }
        let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
        let dir = match openat2(self.top, name, OPEN, Mode::empty(), resolve) {
            Err(Errno::NOENT) => return Ok(()),
            dir => dir?,
        };
        let mut failure = None;
        each(dir.as_fd(), |name, kind| {
            let moved = remove_one(dir.as_fd(), name, kind).or_else(|e| match e {
                Errno::NOTEMPTY | Errno::EXIST => self.move_up(dir.as_fd(), name),
                e => Err(e),
            });
            if let Err(e) = moved {
                failure.get_or_insert(e);
            }
        })?;
        match (failure, remove_one(self.top, name, FileType::Directory)) {
            (Some(failure), _) => Err(failure),
            // Somebody fills it: the next pass sees it again.
            (None, Err(Errno::NOTEMPTY | Errno::EXIST)) => Ok(()),
            (None, removed) => removed,
        }
    }

    /// Give a directory that is not empty a free name in the tree's own directory.
    fn move_up(&mut self, dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
        loop {
            let to = format!(".removed-{}", self.next);
            self.next += 1;
            match renameat(dir, name, self.top, to.as_str()) {
                Ok(()) => {
                    self.moved = true;
                    return Ok(());
                }
                Err(Errno::NOENT) => return Ok(()),
                // The name is taken; an empty directory of that name would have been replaced.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(Errno::PERM) if unlock_at(dir, name) || unlock(dir) => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// Remove one entry. A directory that is not empty is an error, `ENOTEMPTY`.
fn remove_one(dir: BorrowedFd<'_>, name: &CStr, kind: FileType) -> rustix::io::Result<()> {
    let mut flags = if kind == FileType::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    let (mut changed, mut unlocked) = (false, false);
    loop {
        match unlinkat(dir, name, flags) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // Another thing than the list said: it was replaced, or the list did not say.
            Err(Errno::NOTDIR | Errno::ISDIR) if !changed => {
                changed = true;
                flags ^= AtFlags::REMOVEDIR;
            }
            Err(Errno::PERM) if !unlocked => {
                unlocked = true;
                if !(unlock_at(dir, name) | unlock(dir)) {
                    return Err(Errno::PERM);
                }
            }
            Err(e) => return Err(e),
        }
    }
}

/// Take the attributes away that forbid a removal (`chattr +i`, `+a`). Returns whether it had one.
fn unlock(file: BorrowedFd<'_>) -> bool {
    let locks = IFlags::IMMUTABLE | IFlags::APPEND;
    ioctl_getflags(file).is_ok_and(|flags| flags.intersects(locks) && ioctl_setflags(file, flags.difference(locks)).is_ok())
}

/// The same for an entry. Only files and directories have such attributes, and opening a device would do something.
fn unlock_at(dir: BorrowedFd<'_>, name: &CStr) -> bool {
    let kind = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileType::from_raw_mode(stat.st_mode));
    if !matches!(kind, Ok(FileType::RegularFile | FileType::Directory)) {
        return false;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    openat2(dir, name, flags, Mode::empty(), resolve).is_ok_and(|file| unlock(file.as_fd()))
}

/// Call `visit` with each name of a directory, from its beginning, and what the list says that it is.
fn each(dir: BorrowedFd<'_>, mut visit: impl FnMut(&CStr, FileType)) -> rustix::io::Result<()> {
    seek(dir, SeekFrom::Start(0))?;
    let mut buffer = [MaybeUninit::uninit(); ENTRIES];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !is_dots(entry.file_name()) {
            visit(entry.file_name(), entry.file_type());
        }
    }
    Ok(())
}

fn is_dots(name: &CStr) -> bool {
    name == c"." || name == c".."
}

/// The room that a tree takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the blocks in use.
    pub bytes: u64,
    /// Files and directories. A file with several names counts once.
    pub inodes: u64,
}

/// A directory above the one that is being read.
struct Above {
    stat: Stat,
    /// Position of the entry after the one that was entered.
    next: u64,
}

/// Measure what is at and below a path. What vanishes meanwhile is not counted, what is mounted there neither.
///
/// # Errors
/// A file that can't be looked at or listed. A path where nothing is has the usage zero.
pub fn measure(path: &Path) -> io::Result<Usage> {
    let mut sum = Usage::default();
    let mut linked = std::collections::HashSet::new();
    let mut count = |stat: &Stat| {
        let directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if directory || stat.st_nlink < 2 || linked.insert(stat.st_ino) {
            sum.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK;
            sum.inodes += 1;
        }
    };
    let stat = match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(sum),
        stat => stat?,
    };
    count(&stat);
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        match rustix::fs::open(path, OPEN, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            dir => walk(dir?, &mut count)?,
        }
    }
    Ok(sum)
}

/// Call `count` with everything below a directory. The way back up is `..`, checked against what was above on the way down.
fn walk(top: OwnedFd, count: &mut impl FnMut(&Stat)) -> rustix::io::Result<()> {
    let mut above: Vec<Above> = Vec::new();
    let (mut dir, mut from) = (top, 0);
    loop {
        if let Some((child, next)) = first_directory(dir.as_fd(), from, count)? {
            above.push(Above { stat: rustix::fs::fstat(&dir)?, next });
            (dir, from) = (child, 0);
            continue;
        }
        let Some(parent) = above.pop() else { return Ok(()) };
        let up = rustix::fs::openat(&dir, c"..", OPEN, Mode::empty())?;
        let stat = rustix::fs::fstat(&up)?;
        if (stat.st_dev, stat.st_ino) != (parent.stat.st_dev, parent.stat.st_ino) {
            // It was moved away: what is above it now is not ours to measure.
            return Ok(());
        }
        (dir, from) = (up, parent.next);
    }
}

/// Count the entries of a directory from a position on, up to the first one that is a directory: it is opened, and the position
/// after it is told.
fn first_directory(dir: BorrowedFd<'_>, from: u64, count: &mut impl FnMut(&Stat)) -> rustix::io::Result<Option<(OwnedFd, u64)>> {
    seek(dir, SeekFrom::Start(from))?;
    let mut buffer = [MaybeUninit::uninit(); ENTRIES];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = match entry {
            // A directory that was removed has no entries.
            Err(Errno::NOENT) => return Ok(None),
            entry => entry?,
        };
        let name = entry.file_name();
        if is_dots(name) {
            continue;
        }
        let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        count(&stat);
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
        match openat2(dir, name, OPEN, Mode::empty(), resolve) {
            Ok(child) => return Ok(Some((child, entry.next_entry_cookie()))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
