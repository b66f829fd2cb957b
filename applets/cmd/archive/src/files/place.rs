//! A directory that nothing leads out of: names in it are resolved by the kernel, beneath it.
//!
//! An archive's names, its links and what others put into the directory meanwhile are all untrusted. Each name is opened
//! from the directory's descriptor with openat2(2) and RESOLVE_BENEATH; what is made, removed or linked is a last part of a
//! name in a directory that was opened so, and is never followed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::rc::Rc;

use kit::{Context, Result};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat, mkdirat, openat, openat2, statat};
use rustix::io::Errno;

use super::names::trimmed;

/// Tries before the kernel's word that a directory was renamed meanwhile is an error.
const TRIES: u32 = 32;

/// The directory.
pub(crate) struct Place {
    root: OwnedFd,
    resolve: ResolveFlags,
    /// Part before each name: with `--absolute-names` the present directory, below the system's root.
    prefix: Vec<u8>,
    /// The last parent, which most names share.
    cached: Option<(Vec<u8>, Rc<OwnedFd>)>,
    /// Mode of directories that no member tells of.
    pub(crate) mode: u32,
    /// Missing directories are made.
    pub(crate) makes: bool,
}

/// A name in an open directory.
pub(crate) struct Spot {
    pub(crate) parent: Rc<OwnedFd>,
    pub(crate) name: OsString,
}

impl Spot {
    /// State of what is there, a link itself.
    pub(crate) fn stat(&self) -> io::Result<Stat> {
        Ok(statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

impl Place {
    /// A directory that is there; `..` beyond it and absolute links in it are refused.
    pub(crate) fn new(dir: &Path) -> Result<Self> {
        let root = open_dir(dir)?;
        // Below the system's root nothing leads out: absolute links there are as they should be.
        let is_root = same(&root, Path::new("/")).on("look at", dir)?;
        let beneath = if is_root { ResolveFlags::IN_ROOT } else { ResolveFlags::BENEATH };
        Ok(Self::with(root, beneath, Vec::new()))
    }

    /// The whole system, for names that may be absolute; others are in `dir`.
    pub(crate) fn anywhere(dir: &Path) -> Result<Self> {
        let prefix = std::fs::canonicalize(dir).on("enter", dir)?.into_os_string().into_vec();
        Ok(Self::with(open_dir(Path::new("/"))?, ResolveFlags::IN_ROOT, prefix))
    }

    fn with(root: OwnedFd, resolve: ResolveFlags, prefix: Vec<u8>) -> Self {
        Self { root, resolve: resolve | ResolveFlags::NO_MAGICLINKS, prefix, cached: None, mode: 0o755, makes: true }
    }

    fn whole(&self, name: &[u8]) -> Vec<u8> {
        if self.prefix.is_empty() || name.starts_with(b"/") { name.to_vec() } else { [&self.prefix, &b"/"[..], name].concat() }
    }

    fn open(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let name = if name.is_empty() { b"." } else { name };
        let mut tries = 0;
        loop {
            match openat2(&self.root, OsStr::from_bytes(name), flags | OFlags::CLOEXEC, Mode::empty(), self.resolve) {
                Err(Errno::AGAIN) if tries < TRIES => tries += 1,
                Err(Errno::INTR) => {}
                opened => return opened,
            }
        }
    }

    /// The parent of a name and its last part; missing directories are made with `make`.
    pub(crate) fn spot(&mut self, name: &[u8], make: bool) -> io::Result<Spot> {
        let whole = self.whole(name);
        let trimmed = trimmed(&whole);
        let slash = trimmed.iter().rposition(|byte| *byte == b'/');
        let (parent, last) = slash.map_or((&[][..], trimmed), |at| (&trimmed[..=at], &trimmed[at + 1..]));
        if last == b".." || last.is_empty() {
            return Err(io::Error::other("it leads out of the directory"));
        }
        let parent = match &self.cached {
            Some((cached, fd)) if cached == parent => fd.clone(),
            _ => {
                let fd = Rc::new(self.parent(parent, make)?);
                self.cached = Some((parent.to_vec(), fd.clone()));
                fd
            }
        };
        Ok(Spot { parent, name: OsString::from_vec(last.to_vec()) })
    }

    /// Forget the last parent: a directory was removed or replaced.
    pub(crate) fn forget(&mut self) {
        self.cached = None;
    }

    fn parent(&self, path: &[u8], make: bool) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        match self.open(path, flags) {
            Err(Errno::NOENT) if make => {}
            Err(Errno::XDEV) => return Err(io::Error::other("a link in it leads out of the directory")),
            opened => return Ok(opened?),
        }
        // From the first one that is missing on.
        let ends: Vec<usize> = (1..=path.len()).filter(|at| *at == path.len() || path[*at] == b'/').collect();
        for end in ends {
            let part = trimmed(&path[..end]);
            match self.open(part, flags) {
                Ok(_) => continue,
                Err(Errno::NOENT) => {}
                Err(Errno::XDEV) => return Err(io::Error::other("a link in it leads out of the directory")),
                Err(e) => return Err(e.into()),
            }
            let slash = part.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            let above = self.open(&part[..slash], flags)?;
            match mkdirat(&above, OsStr::from_bytes(&part[slash..]), Mode::from_raw_mode(self.mode)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(self.open(path, flags)?)
    }

    /// A directory, not through a link at the end of its name.
    pub(crate) fn directory(&self, name: &[u8]) -> io::Result<OwnedFd> {
        let whole = self.whole(name);
        let name = trimmed(&whole);
        Ok(self.open(name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK)?)
    }

    /// Tell if a name is a link to a directory in here.
    pub(crate) fn leads_to_directory(&self, name: &[u8]) -> bool {
        let whole = self.whole(name);
        self.open(trimmed(&whole), OFlags::PATH | OFlags::DIRECTORY).is_ok()
    }
}

fn open_dir(dir: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, dir, flags, Mode::empty()).map_err(io::Error::from).on("enter", dir)
}

fn same(root: impl AsFd, other: &Path) -> io::Result<bool> {
    let (a, b) = (rustix::fs::fstat(root)?, rustix::fs::stat(other)?);
    Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out() {
        let dir = std::env::temp_dir().join(format!("tar-place-{}", std::process::id()));
        fs::create_dir_all(dir.join("in/deep")).unwrap();
        symlink("/etc", dir.join("abs")).unwrap();
        symlink("..", dir.join("up")).unwrap();
        symlink("in", dir.join("inner")).unwrap();
        symlink("/proc/self/root", dir.join("magic")).unwrap();
        let mut place = Place::new(&dir).unwrap();
        for name in ["../x", "abs/x", "up/x", "in/../../x", "magic/x", "..", "in/.."] {
            assert!(place.spot(name.as_bytes(), true).is_err(), "{name}");
            place.forget();
        }
        for name in ["x", "./x", "inner/x", "in/deep/x", "in/../x", "new/dirs/x", "in//deep/x/"] {
            let spot = place.spot(name.as_bytes(), true).unwrap();
            assert_eq!(spot.name, "x", "{name}");
        }
        assert!(dir.join("new/dirs").is_dir());
        assert!(place.directory(b"abs").is_err() && place.directory(b"in").is_ok());
        assert!(place.leads_to_directory(b"inner") && !place.leads_to_directory(b"abs"));
        fs::remove_dir_all(dir).unwrap();
    }
}
