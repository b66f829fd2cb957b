//! Owner, mode, extended attributes and times of a file: all that has to move along with its
//! content.
//!
//! The calls for extended attributes take no descriptor of a directory, so that becomes the working
//! directory: a path through /proc would be long to follow.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, lgetxattr, lgetxattr_query,
    llistxattr, llistxattr_query, lsetxattr, statat, utimensat,
};
use rustix::io::{Errno, Result};
use rustix::process::fchdir;

/// Attributes of one file.
pub struct Attributes {
    /// As stat(2) gives it.
    pub about: Stat,
    extended: Vec<(CString, Vec<u8>)>,
}

impl Attributes {
    /// Read those of `name` in `dir`, not following a link.
    pub fn read(dir: BorrowedFd<'_>, name: &CStr) -> Result<Self> {
        let about = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Self::complete(about, dir, name)
    }

    /// The same for who has the result of stat(2) already.
    pub fn complete(about: Stat, dir: BorrowedFd<'_>, name: &CStr) -> Result<Self> {
        fchdir(dir)?;
        Ok(Self { about, extended: extended(name)? })
    }

    /// Give them to another file of the same kind, which root made or which had them before. The
    /// order matters: a change of owner takes away set-user-ID bits and capabilities.
    pub fn write(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        let about = &self.about;
        if (about.st_uid, about.st_gid) != (0, 0) {
            let (owner, group) = (Uid::from_raw(about.st_uid), Gid::from_raw(about.st_gid));
            chownat(dir, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if FileType::from_raw_mode(about.st_mode) != FileType::Symlink {
            chmodat(dir, name, Mode::from_raw_mode(about.st_mode), AtFlags::empty())?;
        }
        if !self.extended.is_empty() {
            fchdir(dir)?;
            for (key, value) in &self.extended {
                lsetxattr(name, key, value, XattrFlags::empty())?;
            }
        }
        let time = |seconds: i64, nanoseconds: u64| Timespec { tv_sec: seconds, tv_nsec: nanoseconds.cast_signed() };
        let times = Timestamps {
            last_access: time(about.st_atime, about.st_atime_nsec),
            last_modification: time(about.st_mtime, about.st_mtime_nsec),
        };
        utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW)
    }
}

fn extended(file: &CStr) -> Result<Vec<(CString, Vec<u8>)>> {
    let size = match llistxattr_query(file) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = vec![0; size];
    let size = llistxattr(file, names.as_mut_slice())?;
    names.truncate(size);
    let mut extended = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let mut value = vec![0; lgetxattr_query(file, &name)?];
        let size = lgetxattr(file, &name, value.as_mut_slice())?;
        value.truncate(size);
        extended.push((name, value));
    }
    Ok(extended)
}
