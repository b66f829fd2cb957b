//! Images as volumes: each is mounted below the container's directory, read-only by having nowhere to write to.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use image::Image;
use kit::{Context, Error, Result};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use super::overlay;

/// Mount points of the volumes, in the container's directory.
fn directory(dir: &Path) -> PathBuf {
    dir.join("volumes")
}

/// Mount an image as volume number `number`, and return the place in it that `sub_path` names.
pub fn make(dir: &Path, number: usize, image: &Image, sub_path: &str) -> Result<PathBuf> {
    let volume = directory(dir).join(number.to_string());
    let root = volume.join("root");
    // Overlayfs without a place to write to wants two layers: what the image lacks are empty ones below.
    let nothing = [volume.join("nothing"), volume.join("nothing-more")];
    for path in nothing.iter().chain([&root]) {
        fs::create_dir_all(path).on("make", path)?;
    }
    let lacking = nothing.len().saturating_sub(image.layers.len());
    let layers: Vec<PathBuf> = nothing.into_iter().take(lacking).chain(image.layers.iter().cloned()).collect();
    overlay::mount_layers(&layers, None, &root).on("mount", &root)?;
    inside(&root, sub_path).doing(format_args!("find {sub_path:?} in image {}", image.id))
}

/// Unmount all volumes of a container.
pub fn release(dir: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(directory(dir)) else { return Ok(()) };
    entries.flatten().try_for_each(|entry| overlay::unmount_all(&entry.path().join("root")))
}

/// Follow a path in an image: its links never lead out of it, and `..` is refused.
fn inside(root: &Path, sub_path: &str) -> Result<PathBuf> {
    if sub_path.is_empty() {
        return Ok(root.to_owned());
    }
    if Path::new(sub_path).components().any(|part| part == std::path::Component::ParentDir) {
        return Err(Error::new("a path in an image has no .. in it"));
    }
    let dir = rustix::fs::openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).on("open", root)?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = rustix::fs::openat2(&dir, sub_path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve).doing("open it")?;
    // Nothing in there changes, so the path that it has is the path that it will have.
    let number = std::os::fd::AsRawFd::as_raw_fd(&found.as_fd());
    fs::read_link(format!("/proc/self/fd/{number}")).doing("find where it is")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_path_in_an_image_stays_there() {
        let root = std::env::temp_dir().join(format!("cri-volume-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("a/b")).unwrap();
        std::os::unix::fs::symlink("/a", root.join("link")).unwrap();
        std::os::unix::fs::symlink("../../../../etc", root.join("out")).unwrap();
        let root = root.canonicalize().unwrap();
        assert_eq!(inside(&root, "").unwrap(), root);
        assert_eq!(inside(&root, "link/b").unwrap(), root.join("a/b"));
        for wrong in ["missing", "out", "a/../a", "/etc/passwd"] {
            assert!(inside(&root, wrong).is_err(), "{wrong}");
        }
        fs::remove_dir_all(root).unwrap();
    }
}
