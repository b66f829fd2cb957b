//! Overlay file systems: layers of images as one tree, and the end of a mount.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use kit::{Context, Result};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_string,
    fsmount, fsopen, mount, move_mount, unmount,
};

/// Mount layers, lowest first, at a place; without a directory to write to (and a directory for the kernel's work) it is read-only.
pub fn mount_layers(layers: &[PathBuf], write: Option<(&Path, &Path)>, root: &Path) -> rustix::io::Result<()> {
    match by_steps(layers, write, root) {
        Err(Errno::INVAL | Errno::NOSYS) => by_options(layers, write, root),
        other => other,
    }
}

/// Detach whatever is mounted at a place; no error when nothing is.
pub fn unmount_all(place: &Path) -> Result<()> {
    loop {
        match unmount(place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e).on("unmount", place),
        }
    }
}

/// The newer interface takes any number of layers (`lowerdir+` since Linux 6.7), topmost first.
fn by_steps(layers: &[PathBuf], write: Option<(&Path, &Path)>, root: &Path) -> rustix::io::Result<()> {
    let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for layer in layers.iter().rev() {
        fsconfig_set_string(&overlay, "lowerdir+", layer)?;
    }
    if let Some((upper, work)) = write {
        fsconfig_set_string(&overlay, "upperdir", upper)?;
        fsconfig_set_string(&overlay, "workdir", work)?;
    }
    fsconfig_create(&overlay)?;
    let mounted = fsmount(&overlay, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    move_mount(&mounted, "", CWD, root, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// The older interface takes what fits a page.
fn by_options(layers: &[PathBuf], write: Option<(&Path, &Path)>, root: &Path) -> rustix::io::Result<()> {
    let lower: Vec<_> = layers.iter().rev().map(|layer| layer.to_string_lossy()).collect();
    let mut options = format!("lowerdir={}", lower.join(":"));
    if let Some((upper, work)) = write {
        options = format!("{options},upperdir={},workdir={}", upper.display(), work.display());
    }
    let options = CString::new(options).map_err(|_| Errno::INVAL)?;
    mount("overlay", root, "overlay", MountFlags::empty(), &*options)
}
