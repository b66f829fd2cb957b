//! Copies of trees, with a constant number of descriptors and without recursion.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RawDir, SeekFrom, Stat, Timespec, Timestamps, Uid, XattrFlags, mkdirat, openat, seek,
    statat,
};
use rustix::io::Errno;

use super::{ENTRIES, OPEN, is_dots};

/// The kernel's limit for a list of attributes and for a value, in bytes.
const ATTRIBUTES: usize = 64 << 10;

/// A directory on the way down: where to go on in the source's list, and what the source is.
struct Above {
    next: u64,
    stat: Stat,
    name: CString,
}

/// Copy what the directory `from` has into the empty directory `to`, and the directory's own owner, mode, attributes and times.
/// Links stay links, names of one file stay names of one file, holes stay holes. Sockets are left out: nobody would answer at them.
///
/// # Errors
/// The first failure; a part is copied then. The source must not change meanwhile.
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let mut from = openat(from, c".", OPEN, Mode::empty())?;
    let mut copy = Copy { root: to, to: openat(to, c".", OPEN, Mode::empty())?, at: PathBuf::new(), linked: HashMap::new() };
    let (mut above, mut next): (Vec<Above>, u64) = (Vec::new(), 0);
    loop {
        if let Some((name, after)) = copy.until_directory(from.as_fd(), next)? {
            above.push(Above { next: after, stat: rustix::fs::fstat(&from)?, name: name.clone() });
            mkdirat(&copy.to, &*name, Mode::RWXU)?;
            copy.to = openat(&copy.to, &*name, OPEN, Mode::empty())?;
            copy.at.push(Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())));
            (from, next) = (openat(&from, &*name, OPEN, Mode::empty())?, 0);
            continue;
        }
        dress(from.as_fd(), copy.to.as_fd())?;
        let Some(parent) = above.pop() else { return Ok(()) };
        let up = openat(&from, c"..", OPEN, Mode::empty())?;
        let stat = rustix::fs::fstat(&up)?;
        if (stat.st_dev, stat.st_ino) != (parent.stat.st_dev, parent.stat.st_ino) {
            return Err(io::Error::other(format!("{} was moved meanwhile", parent.name.to_string_lossy())));
        }
        copy.to = openat(&copy.to, c"..", OPEN, Mode::empty())?;
        copy.at.pop();
        (from, next) = (up, parent.next);
    }
}

/// A copy under way.
struct Copy<'a> {
    /// The copy's own directory.
    root: BorrowedFd<'a>,
    /// The directory that is being filled.
    to: OwnedFd,
    /// Its path in the copy.
    at: PathBuf,
    /// The copies of files that have several names.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl Copy<'_> {
    /// Copy the entries of a directory from a position on, up to the first one that is a directory: its name, and the position after
    /// it.
    fn until_directory(&mut self, from: BorrowedFd<'_>, next: u64) -> io::Result<Option<(CString, u64)>> {
        seek(from, SeekFrom::Start(next))?;
        let mut buffer = [MaybeUninit::uninit(); ENTRIES];
        let mut entries = RawDir::new(from, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if is_dots(name) {
                continue;
            }
            let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => return Ok(Some((name.to_owned(), entry.next_entry_cookie()))),
                FileType::Socket => {}
                kind => self.one(from, name, kind, &stat)?,
            }
        }
        Ok(None)
    }

    /// Copy what is no directory.
    fn one(&mut self, from: BorrowedFd<'_>, name: &CStr, kind: FileType, stat: &Stat) -> io::Result<()> {
        if stat.st_nlink > 1 && self.link(name, stat)? {
            return Ok(());
        }
        match kind {
            FileType::RegularFile => {
                let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let source = openat(from, name, flags | OFlags::NONBLOCK, Mode::empty())?;
                let target = openat(&self.to, name, flags | OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY, Mode::RWXU)?;
                content(&source, &target, stat)?;
                return dress(source.as_fd(), target.as_fd());
            }
            FileType::Symlink => {
                rustix::fs::symlinkat(rustix::fs::readlinkat(from, name, Vec::new())?, &self.to, name)?;
            }
            kind => rustix::fs::mknodat(&self.to, name, kind, Mode::from_raw_mode(stat.st_mode & 0o7777), stat.st_rdev)?,
        }
        rustix::fs::chownat(
            &self.to,
            name,
            Some(Uid::from_raw(stat.st_uid)),
            Some(Gid::from_raw(stat.st_gid)),
            AtFlags::SYMLINK_NOFOLLOW,
        )?;
        if kind != FileType::Symlink {
            // A set-user bit goes with a change of the owner.
            rustix::fs::chmodat(&self.to, name, Mode::from_raw_mode(stat.st_mode & 0o7777), AtFlags::empty())?;
        }
        rustix::fs::utimensat(&self.to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Give the copy of a file another name. Returns whether it was copied before, and by a path that the kernel takes.
    fn link(&mut self, name: &CStr, stat: &Stat) -> io::Result<bool> {
        let path = self.at.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let Some(first) = self.linked.get(&(stat.st_dev, stat.st_ino)) else {
            self.linked.insert((stat.st_dev, stat.st_ino), path);
            return Ok(false);
        };
        match rustix::fs::linkat(self.root, first, &self.to, name, AtFlags::empty()) {
            Err(Errno::NAMETOOLONG | Errno::MLINK) => Ok(false),
            linked => Ok(linked.map(|()| true)?),
        }
    }
}

/// Copy a file's bytes where it has some: a file of a terabyte that is one hole takes no room.
fn content(from: &OwnedFd, to: &OwnedFd, stat: &Stat) -> io::Result<()> {
    let (mut source, mut target) = (File::from(from.try_clone()?), File::from(to.try_clone()?));
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    let mut at = 0;
    while at < length {
        let first = match seek(from, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => break,
            // The file system knows nothing of holes.
            Err(Errno::INVAL) => at,
            first => first?,
        };
        let end = match seek(from, SeekFrom::Hole(first)) {
            Err(Errno::INVAL) => length,
            end => end?,
        };
        seek(from, SeekFrom::Start(first))?;
        seek(to, SeekFrom::Start(first))?;
        let copied = io::copy(&mut io::Read::take(&mut source, end - first), &mut target)?;
        if copied == 0 {
            break;
        }
        at = first + copied;
    }
    Ok(rustix::fs::ftruncate(to, length)?)
}

/// Give a file or directory the owner, mode, attributes and times of another. Owner first: that takes rights away.
fn dress(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let stat = rustix::fs::fstat(from)?;
    rustix::fs::fchown(to, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
    rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    attributes(from, to)?;
    Ok(rustix::fs::futimens(to, &times(&stat))?)
}

/// Those that begin with `trusted.` are a file system's own. What the target can't keep is left out.
fn attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let mut names = vec![0u8; ATTRIBUTES];
    let length = match rustix::fs::flistxattr(from, names.as_mut_slice()) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        length => length?,
    };
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        if name.to_bytes().starts_with(b"trusted.") {
            continue;
        }
        let mut value = vec![0u8; ATTRIBUTES];
        let length = rustix::fs::fgetxattr(from, name, value.as_mut_slice())?;
        match rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP | Errno::PERM) => {}
            set => set?,
        }
    }
    Ok(())
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    Timestamps {
        last_access: time(stat.st_atime, i64::try_from(stat.st_atime_nsec).unwrap_or(0)),
        last_modification: time(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
    }
}
