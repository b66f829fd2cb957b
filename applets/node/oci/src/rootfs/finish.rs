//! The last steps on the root, after pivot_root and before the process changes its user.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use kit::{Context, Error, Result};
use oci_spec::runtime::{Process, Spec};
use rustix::fs::{FileType, makedev};
use rustix::mount::{MountPropagationFlags, OpenTreeFlags, mount_change, open_tree};
use sys::mount_attr::{self, Attributes, READ_ONLY};

use super::detached::{fresh, put};
use super::dev::copy_of;
use super::place::{Root, Unmasked};

const ONLY_READ: Attributes = Attributes { set: READ_ONLY, clear: 0, propagation: 0, user_namespace: 0 };

/// Makes the working directory, then read-only what is to be, masks paths, and gives the root its propagation.
pub fn finish(spec: &Spec, late: &[OwnedFd]) -> Result<()> {
    let root = Root::open(Path::new("/"))?;
    if let Some(cwd) = spec.process().as_ref().map(Process::cwd) {
        let _unmasked = Unmasked::begin();
        // A directory that can't be made shows when the process changes to it.
        let _ = root.directory(cwd);
    }
    for mount in late {
        mount_attr::set(mount.as_fd(), &ONLY_READ, false).doing("make a mount read-only")?;
    }
    let linux = spec.linux().as_ref();
    for path in linux.and_then(|linux| linux.readonly_paths().as_ref()).into_iter().flatten() {
        read_only(&root, Path::new(path))?;
    }
    let masked = linux.and_then(|linux| linux.masked_paths().as_ref());
    mask(&root, masked.map(Vec::as_slice).unwrap_or_default())?;
    if spec.root().as_ref().and_then(oci_spec::runtime::Root::readonly).unwrap_or(false) {
        mount_attr::set(root.fd().as_fd(), &ONLY_READ, false).doing("make the root read-only")?;
    }
    let propagation = match linux.and_then(|linux| linux.rootfs_propagation().as_deref()) {
        Some("shared") => MountPropagationFlags::SHARED,
        Some("unbindable") => MountPropagationFlags::UNBINDABLE,
        _ => return Ok(()),
    };
    mount_change("/", propagation).doing("change the propagation of the root")
}

/// A path becomes read-only and keeps its other attributes; one that is not there is passed over.
fn read_only(root: &Root, path: &Path) -> Result<()> {
    let Some(place) = root.find(path)? else { return Ok(()) };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let failed = format!("make {} read-only", path.display());
    let tree = open_tree(&place.fd, "", flags | OpenTreeFlags::AT_RECURSIVE).doing(&failed)?;
    mount_attr::set(tree.as_fd(), &ONLY_READ, false).doing(&failed)?;
    put(&tree, &place).doing(failed)
}

/// Covers files with the container's null device and directories with one empty, read-only tmpfs.
fn mask(root: &Root, paths: &[String]) -> Result<()> {
    let mut empty: Option<OwnedFd> = None;
    let mut null: Option<OwnedFd> = None;
    for path in paths {
        let failed = format!("mask {path}");
        let Some(place) = root.find(Path::new(path))? else { continue };
        let stat = rustix::fs::fstat(&place.fd).doing(&failed)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            // A mount can be copied once it hangs somewhere.
            let tree = if let Some(first) = &empty {
                copy_of(first.as_fd()).doing(&failed)?
            } else {
                let tree = fresh("tmpfs", Path::new("tmpfs"), &[])?;
                mount_attr::set(tree.as_fd(), &ONLY_READ, false).doing(&failed)?;
                tree
            };
            put(&tree, &place).doing(&failed)?;
            empty.get_or_insert(tree);
        } else {
            if null.is_none() {
                null = Some(null_device(root)?);
            }
            let Some(null) = &null else { continue };
            put(&copy_of(null.as_fd()).doing(&failed)?, &place).doing(&failed)?;
        }
    }
    Ok(())
}

/// The container's /dev/null, if that is what it is (CVE-2025-31133).
fn null_device(root: &Root) -> Result<OwnedFd> {
    let wrong = || Error::new("/dev/null in the container is not the null device");
    let place = root.find(Path::new("/dev/null"))?.ok_or_else(wrong)?;
    let stat = rustix::fs::fstat(&place.fd).doing("look at /dev/null in the container")?;
    let is_null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3);
    if is_null { Ok(place.fd) } else { Err(wrong()) }
}
