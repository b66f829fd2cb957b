//! Extended attributes and access control lists of files.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kit::glob;
use rustix::fs::{lgetxattr, llistxattr};
use rustix::io::Errno;

use super::options::Options;
use crate::files::acl;
use crate::files::attributes::ACLS;
use crate::files::member::Member;

/// Bytes of a value or a list: the kernel's limit.
const LIMIT: usize = 64 << 10;
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
    let included =
        if masks("xattrs-include").is_empty() { packing || name.starts_with(b"user.") } else { fits("xattrs-include") };
    included && !fits("xattrs-exclude")
}

/// Leave those attributes of a member that are unpacked.
pub(super) fn keep_wanted(member: &mut Member, options: &Options) {
    member.xattrs.retain(|(name, _)| takes(name, options, false));
    if !options.acls {
        member.acls = [None, None];
    }
}
