//! A container's root: the image's layers below, a folder of its own above (overlayfs).

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kit::{Context, Result};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_string,
    fsmount, fsopen, mount, move_mount, unmount,
};

use crate::step::{Step, reached};
use crate::store::remove_folder;

/// Where a container's root is mounted, in the container's folder.
pub fn root(dir: &Path) -> PathBuf {
    dir.join("rootfs")
}

/// The folder with what the container wrote.
pub fn upper(dir: &Path) -> PathBuf {
    dir.join("upper")
}

/// The directories that hold what a container takes: its own, and the one that it writes to where that is a file system of its own,
/// since measuring enters no mount.
pub fn own(dir: &Path) -> Vec<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::symlink_metadata(path).map(|meta| meta.dev()).ok();
    let written =
        upper(dir).parent().map(Path::to_owned).filter(|written| device(written).is_some_and(|d| device(dir) != Some(d)));
    std::iter::once(dir.to_owned()).chain(written).collect()
}

/// Mount the root in the container's folder, and return where.
pub fn make(dir: &Path, layers: &[PathBuf]) -> Result<PathBuf> {
    let (root, upper, work) = (root(dir), upper(dir), dir.join("work"));
    for folder in [&root, &upper, &work] {
        fs::create_dir_all(folder).on("make", folder)?;
    }
    // An image may have no layers: then there is nothing below, which overlayfs wants to see.
    let nothing = [dir.join("nothing")];
    let layers: &[PathBuf] = if layers.is_empty() {
        fs::create_dir_all(&nothing[0]).on("make", &nothing[0])?;
        fs::set_permissions(&nothing[0], fs::Permissions::from_mode(0o755)).on("set the mode of", &nothing[0])?;
        &nothing
    } else {
        layers
    };
    // The upper folder's mode is the mode of the container's `/`: the topmost layer knows it.
    let top = layers.last().unwrap_or(&upper);
    let mode = fs::metadata(top).on("look at", top)?.permissions().mode();
    fs::set_permissions(&upper, fs::Permissions::from_mode(mode & 0o7777)).on("set the mode of", &upper)?;
    mount_layers(layers, Some((&upper, &work)), &root).on("mount", &root)?;
    Ok(root)
}

/// Mount layers, lowest first, at a place; without a folder to write to (and a folder for the kernel's work) it is read-only.
pub fn mount_layers(layers: &[PathBuf], write: Option<(&Path, &Path)>, root: &Path) -> rustix::io::Result<()> {
    match by_steps(layers, write, root) {
        Err(Errno::INVAL | Errno::NOSYS) => by_options(layers, write, root),
        other => other,
    }
}

/// Unmount the root, if it is mounted, and remove the container's folder.
pub fn remove(dir: &Path) -> Result<()> {
    super::volumes::release(dir)?;
    unmount_all(&root(dir))?;
    reached(Step::RootUnmounted);
    remove_folder(dir)?;
    reached(Step::ContainerFolderRemoved);
    Ok(())
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_root_without_layers_is_empty_and_writable() {
        let base = std::env::temp_dir().join(format!("cri-rootfs-{}", std::process::id()));
        kit::tree::remove(&base).unwrap();
        fs::create_dir_all(&base).unwrap();
        // A file system that overlayfs takes for writing, wherever the test runs.
        if mount("none", &base, "tmpfs", MountFlags::empty(), None).is_err() {
            // Only root may mount.
            return;
        }
        let dir = base.join("c");
        let root = make(&dir, &[]).unwrap();
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o7777, 0o755);
        fs::write(root.join("f"), "f").unwrap();
        assert_eq!(fs::read_to_string(upper(&dir).join("f")).unwrap(), "f");
        remove(&dir).unwrap();
        assert!(!dir.exists());
        unmount(&base, UnmountFlags::DETACH).unwrap();
        kit::tree::remove(&base).unwrap();
    }
}
