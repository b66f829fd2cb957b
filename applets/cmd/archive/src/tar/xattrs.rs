//! Extended attributes and access control lists of files.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kit::glob;
use rustix::fs::{XattrFlags, fsetxattr, lgetxattr, llistxattr, lsetxattr};
use rustix::io::Errno;

use super::acl;
use super::member::Member;
use super::options::Options;

/// Bytes of a value or a list: the kernel's limit.
const LIMIT: usize = 64 << 10;
/// Attributes that hold ACLs.
const ACLS: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];
const SELINUX: &[u8] = b"security.selinux";

/// Put a file's attributes into its member, as far as they were asked for.
pub(super) fn read(path: &Path, member: &mut Member, options: &Options) -> io::Result<()> {
    if options.xattrs || options.selinux {
        let mut list = vec![0; LIMIT];
        let len = match llistxattr(path, &mut list) {
            Ok(len) => len,
            Err(Errno::OPNOTSUPP) => 0,
            Err(e) => return Err(e.into()),
        };
        for name in list[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            if takes(name, options, true)
                && let Some(value) = value(path, name)?
            {
                member.xattrs.push((name.to_vec(), value));
            }
        }
        member.xattrs.sort();
    }
    if options.acls {
        for (place, name) in member.acls.iter_mut().zip(ACLS) {
            *place = value(path, name.as_bytes())?.and_then(|bytes| acl::to_text(&bytes));
        }
    }
    Ok(())
}

fn value(path: &Path, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; LIMIT];
    match lgetxattr(path, std::ffi::OsStr::from_bytes(name), &mut value) {
        Ok(len) => {
            value.truncate(len);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Tell if an attribute is packed or unpacked: unpacked are `user.` ones, unless masks say so.
fn takes(name: &[u8], options: &Options, packing: bool) -> bool {
    if name == SELINUX {
        return options.selinux;
    }
    if ACLS.iter().any(|acl| acl.as_bytes() == name) || !options.xattrs {
        return false;
    }
    let masks = |id: &str| options.line.many(id);
    let fits = |id: &str| masks(id).iter().any(|(_, mask)| glob::matches(mask.as_bytes(), name));
    let included = if masks("xattrs-include").is_empty() {
        packing || name.starts_with(b"user.")
    } else {
        fits("xattrs-include")
    };
    included && !fits("xattrs-exclude")
}

/// Give a member's attributes to a file that is open for it; gives what went wrong.
pub(super) fn write(file: BorrowedFd<'_>, member: &Member, options: &Options) -> Vec<String> {
    each(member, options, |name, value| Ok(fsetxattr(file, std::ffi::OsStr::from_bytes(name), value, XattrFlags::empty())?))
}

/// The same for a file at a path of /proc, itself a link.
pub(super) fn write_path(path: &Path, member: &Member, options: &Options) -> Vec<String> {
    each(member, options, |name, value| {
        Ok(lsetxattr(path, std::ffi::OsStr::from_bytes(name), value, XattrFlags::empty())?)
    })
}

fn each(member: &Member, options: &Options, set: impl Fn(&[u8], &[u8]) -> io::Result<()>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut note = |name: &[u8], done: io::Result<()>| {
        if let Err(e) = done {
            wrong.push(format!("set attribute {}: {e}", String::from_utf8_lossy(name)));
        }
    };
    for (name, value) in member.xattrs.iter().filter(|(name, _)| takes(name, options, false)) {
        note(name, set(name, value));
    }
    for (text, name) in member.acls.iter().zip(ACLS) {
        if let Some(text) = text.as_ref().filter(|_| options.acls) {
            let bytes = acl::from_text(text).ok_or_else(|| io::Error::other("malformed access control list"));
            note(name.as_bytes(), bytes.and_then(|bytes| set(name.as_bytes(), &bytes)));
        }
    }
    wrong
}
