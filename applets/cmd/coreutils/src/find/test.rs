//! Tests of a file that do nothing to it.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use kit::{account, glob};

use super::File;
use super::expression::{Age, Expression, Field, Time};

impl Expression {
    /// A test's value.
    pub(super) fn holds(&self, file: &File) -> bool {
        let meta = file.meta;
        match self {
            Self::Constant(value) => *value,
            Self::Name { glob, any_case } => fits(glob, name(file.path).as_bytes(), *any_case),
            Self::Path { glob, any_case } => fits(glob, file.path.as_os_str().as_bytes(), *any_case),
            Self::Link { glob, any_case } => {
                meta.is_symlink() && fs::read_link(file.path).is_ok_and(|text| fits(glob, text.as_os_str().as_bytes(), *any_case))
            }
            Self::Type(letters) => letters.contains(&letter(meta.file_type())),
            Self::OtherType(letters) => {
                let other = if file.follows { fs::symlink_metadata(file.path) } else { fs::metadata(file.path) };
                letters.contains(&letter(other.map_or(meta.file_type(), |meta| meta.file_type())))
            }
            Self::Number(field, compare) => compare.holds(match field {
                Field::User => meta.uid().into(),
                Field::Group => meta.gid().into(),
                Field::Links => meta.nlink().cast_signed(),
                Field::Inode => meta.ino().cast_signed(),
            }),
            Self::Size(unit, compare) => compare.holds(meta.len().div_ceil(*unit).cast_signed()),
            Self::Age(age) => age.holds(meta),
            Self::Used(compare) => {
                let since = meta.atime() - meta.ctime();
                since >= 0 && compare.holds(since / 86400)
            }
            Self::Newer(time, than) => at(*time, meta) > *than,
            Self::Empty if meta.is_dir() => fs::read_dir(file.path).is_ok_and(|mut d| d.next().is_none()),
            Self::Empty => meta.is_file() && meta.len() == 0,
            Self::Permissions(wanted) => wanted.hold(meta.mode()),
            Self::NoUser => account::user_name(meta.uid()).parse::<u32>().is_ok(),
            Self::NoGroup => account::group_name(meta.gid()).parse::<u32>().is_ok(),
            Self::Access(access) => rustix::fs::access(file.path, *access).is_ok(),
            Self::SameFile(device, inode) => (meta.dev(), meta.ino()) == (*device, *inode),
            Self::FileSystem(wanted) => file_system(meta.dev()) == *wanted,
            _ => false,
        }
    }
}

impl Age {
    #[expect(clippy::cast_precision_loss, reason = "a part of a microsecond makes no file older")]
    fn holds(&self, meta: &Metadata) -> bool {
        let (seconds, nanos) = at(self.time, meta);
        let age = self.from - seconds as f64 - nanos as f64 / 1e9;
        let is_days = self.unit > 60.0;
        // A day counts when it is over, a minute when it has begun: GNU's.
        let (start, end) = if is_days { (self.count, self.count + 1.0) } else { (self.count - 1.0, self.count) };
        match self.order {
            Ordering::Greater if is_days => age >= end * self.unit,
            Ordering::Greater => age > end * self.unit,
            Ordering::Less => age < self.count * self.unit,
            Ordering::Equal => (start * self.unit..end * self.unit).contains(&age),
        }
    }
}

/// A time in seconds and nanoseconds.
pub(super) fn at(time: Time, meta: &Metadata) -> (i64, i64) {
    match time {
        Time::Access => (meta.atime(), meta.atime_nsec()),
        Time::Change => (meta.ctime(), meta.ctime_nsec()),
        Time::Modification => (meta.mtime(), meta.mtime_nsec()),
    }
}

/// Type of the file system on a device, as the kernel lists it.
pub(super) fn file_system(device: u64) -> String {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let of = |line: &str| {
        let is_one = line.split(' ').nth(2) == Some(&number);
        is_one.then(|| line.split(" - ").nth(1)?.split(' ').next().map(str::to_owned)).flatten()
    };
    text.lines().filter_map(of).next_back().unwrap_or_else(|| "unknown".into())
}

fn fits(pattern: &[u8], text: &[u8], any_case: bool) -> bool {
    if any_case { glob::matches_any_case(pattern, text) } else { glob::matches(pattern, text) }
}

/// The last part of a path; of `.`, `..` and `/` they themselves.
pub(super) fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_else(|| {
        let text = path.as_os_str().as_bytes();
        let end = text.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 1);
        let start = text[..end.min(text.len())].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        OsStr::from_bytes(if start < end { text.get(start..end).unwrap_or(text) } else { b"/" })
    })
}

/// The letter of `-type`.
pub(super) fn letter(kind: FileType) -> char {
    match kind {
        k if k.is_dir() => 'd',
        k if k.is_symlink() => 'l',
        k if k.is_block_device() => 'b',
        k if k.is_char_device() => 'c',
        k if k.is_fifo() => 'p',
        k if k.is_socket() => 's',
        _ => 'f',
    }
}
