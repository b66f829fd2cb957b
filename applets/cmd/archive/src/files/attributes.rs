//! Extended attributes and access control lists of what is unpacked.

use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{XattrFlags, fsetxattr, lsetxattr};

use super::acl;
use super::member::Member;

/// Attributes that hold ACLs: access, default.
pub(crate) const ACLS: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// Give a member's attributes to a file that is open for it; gives what went wrong.
pub(super) fn write(file: BorrowedFd<'_>, member: &Member) -> Vec<String> {
    each(member, |name, value| Ok(fsetxattr(file, OsStr::from_bytes(name), value, XattrFlags::empty())?))
}

/// The same for a file at a path of /proc, itself a link.
pub(super) fn write_path(path: &Path, member: &Member) -> Vec<String> {
    each(member, |name, value| Ok(lsetxattr(path, OsStr::from_bytes(name), value, XattrFlags::empty())?))
}

fn each(member: &Member, set: impl Fn(&[u8], &[u8]) -> io::Result<()>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut note = |name: &[u8], done: io::Result<()>| {
        if let Err(e) = done {
            wrong.push(format!("set attribute {}: {e}", String::from_utf8_lossy(name)));
        }
    };
    for (name, value) in &member.xattrs {
        note(name, set(name, value));
    }
    for (text, name) in member.acls.iter().zip(ACLS) {
        if let Some(text) = text {
            let bytes = acl::from_text(text).ok_or_else(|| io::Error::other("malformed access control list"));
            note(name.as_bytes(), bytes.and_then(|bytes| set(name.as_bytes(), &bytes)));
        }
    }
    wrong
}
