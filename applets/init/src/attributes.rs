//! Owner, mode, extended attributes and times of a file: all that has to move along with its content.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, lgetxattr, lgetxattr_query,
    llistxattr, llistxattr_query, lsetxattr, statat, utimensat,
};
use rustix::io::{Errno, Result};

/// Attributes of one file.
pub struct Attributes {
    /// As stat(2) gives it.
    pub about: Stat,
    extended: Vec<(CString, Vec<u8>)>,
}

impl Attributes {
    /// Read those of `name` in `dir`, not following a link. Needs /proc.
    pub fn read(dir: BorrowedFd<'_>, name: &CStr) -> Result<Self> {
        let about = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Self::complete(about, dir, name)
    }

    /// The same for who has the result of stat(2) already.
    pub fn complete(about: Stat, dir: BorrowedFd<'_>, name: &CStr) -> Result<Self> {
        Ok(Self { about, extended: extended(&path(dir, name)?)? })
    }

    /// Give them to another file of the same kind. The order matters: a change of owner takes away set-user-ID bits and
    /// capabilities.
    pub fn write(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        let about = &self.about;
        let (owner, group) = (Uid::from_raw(about.st_uid), Gid::from_raw(about.st_gid));
        chownat(dir, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::Symlink {
            chmodat(dir, name, Mode::from_raw_mode(about.st_mode), AtFlags::empty())?;
        }
        if !self.extended.is_empty() {
            let path = path(dir, name)?;
            for (key, value) in &self.extended {
                lsetxattr(&path, key, value, XattrFlags::empty())?;
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

/// The calls for extended attributes take no directory.
fn path(dir: BorrowedFd<'_>, name: &CStr) -> Result<CString> {
    let start = format!("/proc/self/fd/{}/", dir.as_raw_fd());
    CString::new([start.as_bytes(), name.to_bytes()].concat()).map_err(|_| Errno::INVAL)
}

fn extended(path: &CStr) -> Result<Vec<(CString, Vec<u8>)>> {
    let size = match llistxattr_query(path) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = vec![0; size];
    let size = llistxattr(path, names.as_mut_slice())?;
    names.truncate(size);
    let mut extended = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let mut value = vec![0; lgetxattr_query(path, &name)?];
        let size = lgetxattr(path, &name, value.as_mut_slice())?;
        value.truncate(size);
        extended.push((name, value));
    }
    Ok(extended)
}
