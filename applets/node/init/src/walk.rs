//! A walk through a directory tree, with a second tree of the same form beside it.
//!
//! Everything goes through two descriptors, those of the current directories: neither the depth of
//! a tree nor the length of its paths has a limit. No mount point is entered. The roots may be
//! covered by other mounts meanwhile, so they are never reached by "..", which would lead to what
//! covers them.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::vec;

use kit::{Context, Error, Result};
use rustix::fs::{FileType, Mode, OFlags, RawDir, fstat, openat};

/// Bytes of directory entries that the kernel is asked for at once.
const BUFFER: usize = 32 << 10;

/// The directories that an entry is in, in both trees.
pub struct Place<'a> {
    /// That of the tree that is walked through.
    pub from: BorrowedFd<'a>,
    /// That of the tree beside it.
    pub to: BorrowedFd<'a>,
    names: &'a [CString],
}

impl Place<'_> {
    /// Returns the path of an entry, relative to the root of either tree.
    pub fn path(&self, name: &CStr) -> Result<CString> {
        let mut names: Vec<&[u8]> = self.names.iter().map(CString::as_bytes).collect();
        names.push(name.to_bytes());
        CString::new(names.join(&b'/')).doing("join the parts of a path")
    }

    /// Returns the same for messages.
    pub fn shown(&self, name: &CStr) -> String {
        let path = self.path(name).unwrap_or_else(|_| name.to_owned());
        format!("/{}", path.to_string_lossy())
    }
}

/// The work of a walk.
pub trait Visit {
    /// Handles an entry. A directory is entered when the answer is true, and it is in both trees
    /// then.
    fn entry(&mut self, place: &Place<'_>, name: &CStr, kind: FileType) -> Result<bool>;

    /// Handles a directory after all of its entries.
    fn left(&mut self, place: &Place<'_>, name: &CStr) -> Result<()>;
}

/// Walk through `from`; the first error ends the walk.
pub fn walk(from: impl AsFd, to: impl AsFd, visit: &mut impl Visit) -> Result<()> {
    let mut walk = Walk::begin(from.as_fd(), to.as_fd())?;
    loop {
        if let Some((name, kind)) = walk.next() {
            if visit.entry(&walk.place(), &name, kind)? && kind == FileType::Directory {
                walk.enter(name)?;
            }
            continue;
        }
        let Some(name) = walk.names.pop() else { return Ok(()) };
        walk.leave()?;
        visit.left(&walk.place(), &name)?;
    }
}

/// Device and inode.
type Identity = (u64, u64);

/// A directory on the way from the root to the current one.
struct Level {
    /// Its entries that are still to come.
    entries: vec::IntoIter<(CString, FileType)>,
    /// It and the one beside it, for the way back.
    identities: [Identity; 2],
}

struct Walk<'a> {
    roots: [BorrowedFd<'a>; 2],
    current: [OwnedFd; 2],
    levels: Vec<Level>,
    /// Names of the directories below the root.
    names: Vec<CString>,
}

impl<'a> Walk<'a> {
    fn begin(from: BorrowedFd<'a>, to: BorrowedFd<'a>) -> Result<Self> {
        let roots = [from, to];
        let current = open_both(roots, c".").doing("open the root of a tree")?;
        let level = Level::of(&current).doing("list the root of a tree")?;
        Ok(Self { roots, current, levels: vec![level], names: Vec::new() })
    }

    fn next(&mut self) -> Option<(CString, FileType)> {
        self.levels.last_mut()?.entries.next()
    }

    fn place(&self) -> Place<'_> {
        let [from, to] = &self.current;
        Place { from: from.as_fd(), to: to.as_fd(), names: &self.names }
    }

    /// Go into a directory, unless something is mounted there.
    fn enter(&mut self, name: CString) -> Result<()> {
        let shown = self.place().shown(&name);
        let child = open_both(self.current.each_ref().map(AsFd::as_fd), &name).on("open", &shown)?;
        let level = Level::of(&child).on("list", &shown)?;
        let device = |level: &Level| level.identities[0].0;
        if self.levels.first().is_some_and(|root| device(root) == device(&level)) {
            self.current = child;
            self.levels.push(level);
            self.names.push(name);
        }
        Ok(())
    }

    /// Go back to the directory above.
    fn leave(&mut self) -> Result<()> {
        self.levels.pop();
        let (dirs, name) = match self.levels.len() {
            0 | 1 => (self.roots, c"."),
            _ => (self.current.each_ref().map(AsFd::as_fd), c".."),
        };
        let above = open_both(dirs, name).doing("go back to the directory above")?;
        let found = identities(&above).doing("look at the directory above")?;
        if self.levels.last().is_none_or(|level| level.identities != found) {
            return Err(Error::new("go back to the directory above: it has been moved or covered"));
        }
        self.current = above;
        Ok(())
    }
}

impl Level {
    fn of(dirs: &[OwnedFd; 2]) -> rustix::io::Result<Self> {
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut raw = RawDir::new(&dirs[0], buffer.spare_capacity_mut());
        let mut entries = Vec::new();
        while let Some(entry) = raw.next() {
            let entry = entry?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                entries.push((entry.file_name().to_owned(), entry.file_type()));
            }
        }
        Ok(Self { entries: entries.into_iter(), identities: identities(dirs)? })
    }
}

fn open_both(dirs: [BorrowedFd<'_>; 2], name: &CStr) -> rustix::io::Result<[OwnedFd; 2]> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NOATIME | OFlags::CLOEXEC;
    let [from, to] = dirs.map(|dir| openat(dir, name, flags, Mode::empty()));
    Ok([from?, to?])
}

fn identities(dirs: &[OwnedFd; 2]) -> rustix::io::Result<[Identity; 2]> {
    let [from, to] = dirs.each_ref().map(|dir| fstat(dir).map(|about| (about.st_dev, about.st_ino)));
    Ok([from?, to?])
}
