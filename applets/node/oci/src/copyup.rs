//! `tmpcopyup` among the options of a tmpfs: it begins with what the image has at that place. podman asks for it with `--read-only`.
//!
//! libcontainer knows no such option, so the tmpfs is made and filled in the state directory, the container gets it as a bind
//! mount, and here it goes again once the container has it.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid};
use rustix::io::Errno;
use serde_json::{Value, json};

use crate::directory::Directory;

/// The option.
const WORD: &str = "tmpcopyup";
/// Deeper directories than this are an attack, not an image's /run or /tmp.
const DEPTH: u32 = 100;
const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// File systems that hang in the state directory until the container is made.
#[derive(Debug, Default)]
pub struct Filled(Vec<PathBuf>);

impl Drop for Filled {
    fn drop(&mut self) {
        for path in &self.0 {
            // The container has a mount of its own; what is left is nobody's.
            let _ = umount2(path, MntFlags::MNT_DETACH);
            let _ = fs::remove_dir(path);
        }
    }
}

/// Make and fill what a configuration asks for, and put bind mounts in its place.
pub fn fill(spec: &mut Value, rootfs: &Path, directory: &Directory) -> Result<Filled> {
    let mut filled = Filled::default();
    let mounts = spec.get_mut("mounts").and_then(Value::as_array_mut).into_iter().flatten();
    for (at, one) in mounts.enumerate() {
        let options: Vec<String> = one.get("options").and_then(|o| serde_json::from_value(o.clone()).ok()).unwrap_or_default();
        if !options.iter().any(|option| option == WORD) {
            continue;
        }
        if one.get("type").and_then(Value::as_str) != Some("tmpfs") {
            return Err(Error::new(format!("config.json: mounts[{at}]: {WORD} is for tmpfs alone")));
        }
        let destination = one.get("destination").and_then(Value::as_str).unwrap_or_default();
        let path = directory.path().join(format!("tmpfs-{at}"));
        let from = open_in(rootfs, destination)?;
        make(&path, from.as_ref(), &options)?;
        filled.0.push(path.clone());
        if let Some(from) = from {
            let to = rustix::fs::open(&path, DIRECTORY, Mode::empty()).on("open", &path)?;
            copy(&from, &to, DEPTH).on("copy to a tmpfs what the image has at", destination)?;
        }
        let kept = options.iter().filter(|option| *option != WORD && !option.contains('='));
        let options: Vec<&str> = kept.map(String::as_str).chain(["bind"]).collect();
        *one = json!({"destination": destination, "type": "bind", "source": path, "options": options});
    }
    Ok(filled)
}

/// The directory of the image at that place, if there is one, whatever links lie on the way.
fn open_in(rootfs: &Path, destination: &str) -> Result<Option<OwnedFd>> {
    let root = rustix::fs::openat(CWD, rootfs, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .on("open root directory", rootfs)?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat2(&root, destination, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e).on("open in the image", destination),
    }
}

/// The tmpfs with its size and mode; without a mode that of the image's directory.
fn make(path: &Path, from: Option<&OwnedFd>, options: &[String]) -> Result<()> {
    fs::create_dir(path).on("make", path)?;
    let mut data: Vec<String> = options.iter().filter(|option| option.contains('=')).cloned().collect();
    if let (Some(from), false) = (from, data.iter().any(|option| option.starts_with("mode="))) {
        let mode = rustix::fs::fstat(from).on("look at", path)?.st_mode & 0o7777;
        data.push(format!("mode={mode:o}"));
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(data.join(",").as_str()))
        .map_err(std::io::Error::from)
        .on("mount", path)
}

fn copy(from: &OwnedFd, to: &OwnedFd, depth: u32) -> std::io::Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Errno::LOOP.into()) };
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                rustix::fs::mkdirat(to, name, mode)?;
                let inner = rustix::fs::openat(to, name, DIRECTORY, Mode::empty())?;
                copy(&rustix::fs::openat(from, name, DIRECTORY, Mode::empty())?, &inner, depth)?;
            }
            FileType::RegularFile => {
                let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let mut source = File::from(rustix::fs::openat(from, name, flags, Mode::empty())?);
                let target = rustix::fs::openat(to, name, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | flags, mode)?;
                std::io::copy(&mut source, &mut File::from(target))?;
            }
            FileType::Symlink => rustix::fs::symlinkat(rustix::fs::readlinkat(from, name, Vec::new())?, to, name)?,
            // Nobody would answer at it.
            FileType::Socket => continue,
            other => rustix::fs::mknodat(to, name, other, mode, stat.st_rdev)?,
        }
        own(to.as_fd(), name, &stat)?;
    }
    Ok(())
}

/// Owner first: that takes the set-user bits away.
fn own(to: std::os::fd::BorrowedFd<'_>, name: &std::ffi::CStr, stat: &Stat) -> std::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        rustix::fs::chmodat(to, name, Mode::from_raw_mode(stat.st_mode & 0o7777), AtFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_tree_is_copied_as_it_is() {
        let base = std::env::temp_dir().join(format!("oci-copyup-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("a/b/file"), "content").unwrap();
        fs::set_permissions(from.join("a/b/file"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("/etc/passwd", from.join("a/link")).unwrap();
        let open = |path: &Path| rustix::fs::open(path, DIRECTORY, Mode::empty()).unwrap();
        copy(&open(&from), &open(&to), DEPTH).unwrap();
        assert_eq!(fs::read(to.join("a/b/file")).unwrap(), b"content");
        assert_eq!(fs::metadata(to.join("a/b/file")).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_link(to.join("a/link")).unwrap(), Path::new("/etc/passwd"));
        assert!(copy(&open(&from), &open(&base.join("to/a")), 2).is_err());
        fs::remove_dir_all(base).unwrap();
    }
}
