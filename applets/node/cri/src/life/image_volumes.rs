//! The VOLUMEs of a container's own image: each is a writable directory of the container's, also under a read-only root. It begins
//! with what the image has at the place and goes with the container.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::rootfs;

/// Directories of the runtime's own file systems, which no image replaces.
const SYSTEM: &[&str] = &["/proc", "/sys", "/dev"];

/// A VOLUME that a container gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageVolume {
    /// Absolute path in the container, free of links.
    pub place: PathBuf,
    /// Directory on the node.
    pub source: PathBuf,
}

/// Place of the directories: beside what the container writes elsewhere, so that one limit holds for both.
pub fn directory(dir: &Path) -> PathBuf {
    rootfs::upper(dir).with_file_name("image-volumes")
}

/// Make the directories for the VOLUMEs `paths` of the image whose root is mounted at `root`. Those that the pod's own mounts
/// (`mounts`, paths in the container) cover are left out: the pod brings the content.
///
/// # Errors
/// A VOLUME where the image has a file; a failed copy.
pub fn make(dir: &Path, root: &Path, paths: &[String], mounts: &[&str]) -> Result<Vec<ImageVolume>> {
    let image =
        rustix::fs::openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).on("open", root)?;
    let find = |path: &Path| resolve(&image, path).doing(format_args!("find {} in the image", path.display()));
    let covered = mounts.iter().map(|mount| find(Path::new(mount))).collect::<Result<Vec<_>>>()?;
    // A map's order says nothing.
    let mut paths: Vec<&String> = paths.iter().collect();
    paths.sort();
    let mut volumes: Vec<ImageVolume> = Vec::new();
    for path in paths {
        let place = find(Path::new(path))?;
        let system = SYSTEM.iter().any(|system| place.starts_with(system));
        let taken = covered.iter().any(|mount| mount != Path::new("/") && place.starts_with(mount));
        let twice = volumes.iter().any(|volume| volume.place == place);
        if system || taken || twice || place == Path::new("/") {
            continue;
        }
        let source = directory(dir).join(volumes.len().to_string());
        fill(&image, &place, &source).doing(format_args!("make the image's volume {path:?}"))?;
        volumes.push(ImageVolume { place, source });
    }
    // One that lies in another is mounted after it.
    volumes.sort_by_key(|volume| volume.place.components().count());
    Ok(volumes)
}

/// Make the directory, with what the image has at the place.
fn fill(image: &OwnedFd, place: &Path, source: &Path) -> Result<()> {
    fs::create_dir_all(source).on("make", source)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let has = match inside(image, place, OFlags::PATH | OFlags::CLOEXEC) {
        Err(Errno::NOENT) => return Ok(()),
        has => has.on("open in the image", place)?,
    };
    let kind = rustix::fs::fstat(&has).map(|stat| FileType::from_raw_mode(stat.st_mode)).on("look at", place)?;
    if kind != FileType::Directory {
        return Err(Error::new("the image has a file there"));
    }
    let from = inside(image, place, flags | OFlags::DIRECTORY).on("open in the image", place)?;
    let to = rustix::fs::open(source, flags | OFlags::DIRECTORY, Mode::empty()).on("open", source)?;
    kit::tree::copy(from.as_fd(), to.as_fd()).doing("copy what the image has there")
}

/// Open what a path leads to in the image: links are followed, and none leads out.
fn inside(image: &OwnedFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let path = path.strip_prefix("/").unwrap_or(path);
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    rustix::fs::openat2(image, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// The place that a path leads to in the image, all links followed. What is not there has no links; a link that leads nowhere stays as
/// it is, for whoever mounts there.
fn resolve(image: &OwnedFd, path: &Path) -> Result<PathBuf> {
    let path = clean(path);
    let root = link_of(image)?;
    for existing in path.ancestors() {
        match inside(image, existing, OFlags::PATH | OFlags::CLOEXEC) {
            Ok(found) => {
                let found = link_of(&found)?;
                let found = found.strip_prefix(&root).map_err(|_| Error::new("it leads out of the image"))?;
                let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
                return Ok(if rest.as_os_str().is_empty() {
                    Path::new("/").join(found)
                } else {
                    Path::new("/").join(found).join(rest)
                });
            }
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(e) => return Err(e).on("open in the image", existing),
        }
    }
    Ok(path)
}

/// The path of an open file.
fn link_of(file: &OwnedFd) -> Result<PathBuf> {
    let number = std::os::fd::AsRawFd::as_raw_fd(file);
    fs::read_link(format!("/proc/self/fd/{number}")).doing("find where a file is")
}

/// An absolute path without `.` and `..`, which do not lead above the root.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn fixture(name: &str) -> (PathBuf, PathBuf) {
        let base = std::env::temp_dir().join(format!("cri-image-volumes-{}-{name}", std::process::id()));
        kit::tree::remove(&base).unwrap();
        let root = base.join("rootfs");
        fs::create_dir_all(&root).unwrap();
        (base, root)
    }

    fn made(base: &Path, root: &Path, paths: &[&str], mounts: &[&str]) -> Result<Vec<ImageVolume>> {
        let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        make(base, root, &paths, mounts)
    }

    fn places(volumes: &[ImageVolume]) -> Vec<&str> {
        volumes.iter().map(|volume| volume.place.to_str().unwrap()).collect()
    }

    #[test]
    fn a_volume_begins_with_the_image_s_content() {
        let (base, root) = fixture("content");
        fs::create_dir_all(root.join("data/db")).unwrap();
        fs::write(root.join("data/db/seed"), "seed").unwrap();
        fs::set_permissions(root.join("data/db"), fs::Permissions::from_mode(0o1770)).unwrap();
        let volumes = made(&base, &root, &["/data/db", "/missing/x", "/data/db/"], &[]).unwrap();
        assert_eq!(places(&volumes), ["/data/db", "/missing/x"]);
        let source = &volumes[0].source;
        assert_eq!(fs::read_to_string(source.join("seed")).unwrap(), "seed");
        assert_eq!(fs::metadata(source).unwrap().mode() & 0o7777, 0o1770);
        assert_eq!(fs::read_dir(&volumes[1].source).unwrap().count(), 0);
        kit::tree::remove(&base).unwrap();
    }

    #[test]
    fn no_link_leads_out() {
        let (base, root) = fixture("out");
        let outside = base.join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        symlink(&outside, root.join("absolute")).unwrap();
        symlink("../outside", root.join("relative")).unwrap();
        fs::create_dir(root.join("d")).unwrap();
        symlink("../../../../../outside", root.join("d/link")).unwrap();
        symlink(&outside, root.join("d/inner")).unwrap();
        let paths = ["/absolute", "/relative", "/d/link/x", "/../../outside", "/d/../../outside", "relative", "/d"];
        let volumes = made(&base, &root, &paths, &[]).unwrap();
        for volume in &volumes {
            assert!(!volume.source.join("secret").exists(), "{volume:?}");
            assert!(volume.source.starts_with(directory(&base)));
        }
        let d = volumes.iter().find(|volume| volume.place == Path::new("/d")).unwrap();
        assert!(fs::symlink_metadata(d.source.join("inner")).unwrap().is_symlink());
        kit::tree::remove(&base).unwrap();
    }

    #[test]
    fn links_inside_are_followed() {
        let (base, root) = fixture("inside");
        fs::create_dir_all(root.join("real/d")).unwrap();
        fs::write(root.join("real/d/f"), "f").unwrap();
        symlink("/real", root.join("link")).unwrap();
        let volumes = made(&base, &root, &["/link/d", "/link/new"], &[]).unwrap();
        assert_eq!(places(&volumes), ["/real/d", "/real/new"]);
        assert!(volumes[0].source.join("f").exists());
        // The same place by another way: the pod brings it.
        assert_eq!(places(&made(&base, &root, &["/link/d", "/link/new"], &["/real/d"]).unwrap()), ["/real/new"]);
        kit::tree::remove(&base).unwrap();
    }

    #[test]
    fn the_pod_s_mounts_and_the_system_s_come_first() {
        let (base, root) = fixture("taken");
        let paths = ["/data", "/data/db/", "/var/lib/x", "/proc/x", "/sys/fs/cgroup", "/dev/shm", "/", "/database"];
        let volumes = made(&base, &root, &paths, &["/data/", "/var/lib/x/y", "/"]).unwrap();
        assert_eq!(places(&volumes), ["/database", "/var/lib/x"]);
        kit::tree::remove(&base).unwrap();
    }

    #[test]
    fn a_file_is_no_volume() {
        let (base, root) = fixture("file");
        fs::write(root.join("f"), "").unwrap();
        let said = made(&base, &root, &["/f"], &[]).unwrap_err().to_string();
        assert!(said.contains("\"/f\"") && said.contains("a file"), "{said}");
        kit::tree::remove(&base).unwrap();
    }
}
