//! The mounts of a container, each made apart and then put on a descriptor of its target.

use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use libcontainer::oci_spec::runtime::{Mount, Spec};
use rustix::fs::{CWD, FileType, PROC_SUPER_MAGIC};
use rustix::mount::{MountPropagationFlags, OpenTreeFlags, mount_bind_recursive, mount_change, open_tree};
use sys::mount_attr::{self, Attributes, READ_ONLY};

use super::detached::{fresh, put};
use super::dev;
use super::options::Options;
use super::place::{Place, Root, Unmasked};
use crate::check::OVER_PROC;

/// Mount point of the host's cgroups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The cgroup namespace that the kernel begins with (`PROC_CGROUP_INIT_INO`).
const FIRST_CGROUP_NAMESPACE: &str = "cgroup:[4026531835]";

/// Prepares the root in the container's mount namespace, before pivot_root. Returns the mounts that become read-only once all
/// is made in them.
pub fn prepare(spec: &Spec, rootfs: &Path) -> Result<Vec<OwnedFd>> {
    let _unmasked = Unmasked::begin();
    let propagation = match spec.linux().as_ref().and_then(|linux| linux.rootfs_propagation().as_deref()) {
        Some("shared") => MountPropagationFlags::SHARED,
        Some("private") => MountPropagationFlags::PRIVATE,
        None | Some("" | "slave" | "unbindable") => MountPropagationFlags::DOWNSTREAM,
        Some(other) => return Err(Error::new(format!("linux.rootfsPropagation: there is no {other}"))),
    };
    mount_change("/", MountPropagationFlags::REC | propagation).doing("change the propagation of /")?;
    make_parent_private(rootfs)?;
    mount_bind_recursive(rootfs, rootfs).on("bind root directory", rootfs)?;
    let mut made = Made { root: Root::open(rootfs)?, late: Vec::new(), shared_dev: false };
    for mount in spec.mounts().iter().flatten() {
        let path = made.mount(mount)?;
        if path == Path::new("/") {
            made.root = Root::open(rootfs)?;
        }
    }
    dev::fill(&made.root, spec, made.shared_dev)?;
    Ok(made.late)
}

/// pivot_root refuses a root whose parent mount is shared, and the bind of the root must not spread.
fn make_parent_private(rootfs: &Path) -> Result<()> {
    let text = fs::read("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
    if let Some(parent) = shared_parent(&text, rootfs) {
        mount_change(&parent, MountPropagationFlags::PRIVATE).on("change the propagation of", &parent)?;
    }
    Ok(())
}

/// The mount that a path lies in, if it is shared: fields 5 and 7 on of proc_pid_mountinfo(5).
fn shared_parent(mountinfo: &[u8], path: &Path) -> Option<PathBuf> {
    let mut nearest: Option<(PathBuf, bool)> = None;
    for line in mountinfo.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ').skip(4);
        let Some(point) = fields.next().map(unescape) else { continue };
        let deeper = nearest.as_ref().is_none_or(|(known, _)| point.components().count() >= known.components().count());
        if path.starts_with(&point) && deeper {
            let shared = fields.skip(1).take_while(|field| *field != b"-").any(|field| field.starts_with(b"shared:"));
            nearest = Some((point, shared));
        }
    }
    nearest.filter(|(_, shared)| *shared).map(|(point, _)| point)
}

/// A path of mountinfo: blanks and backslashes are written as octal numbers.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

struct Made {
    root: Root,
    /// Mounts that are to be read-only, but not yet.
    late: Vec<OwnedFd>,
    /// Set if the directory at /dev is not the container's own: nothing is made in it then.
    shared_dev: bool,
}

impl Made {
    /// Makes one mount; the path that it came to lie at.
    fn mount(&mut self, mount: &Mount) -> Result<PathBuf> {
        let mut options = Options::of(mount)?;
        let destination = mount.destination().as_path();
        let kind = mount.typ().as_deref().unwrap_or_default();
        let source = mount.source().as_deref().unwrap_or(Path::new(kind));
        let (tree, place) = match kind {
            _ if options.bind => self.bound(mount, &options)?,
            "cgroup" | "cgroup2" => (cgroup(&options)?, self.root.directory(destination)?),
            "proc" | "sysfs" => (fresh(kind, source, &options.data)?, self.root.plain_directory(destination)?),
            _ => {
                if kind == "tmpfs" {
                    self.keep_mode(destination, &mut options)?;
                }
                (fresh(kind, source, &options.data)?, self.root.directory(destination)?)
            }
        };
        check_proc(&place.path, &tree, destination)?;
        let is_dev = place.path == Path::new("/dev");
        if is_dev {
            self.shared_dev = options.bind || kind != "tmpfs";
        }
        let later = !options.bind && (kind == "tmpfs" || is_dev) && options.own.set & READ_ONLY != 0;
        if later {
            options.own.set &= !READ_ONLY;
        }
        let failed = format!("mount {}", destination.display());
        attach(&tree, &place, &options).doing(failed)?;
        if later {
            self.late.push(tree);
        }
        Ok(place.path)
    }

    /// A copy of the source's mount, and its target: a directory for a directory, a file for all else.
    fn bound(&self, mount: &Mount, options: &Options) -> Result<(OwnedFd, Place)> {
        let destination = mount.destination();
        let Some(source) = mount.source() else {
            return Err(Error::new(format!("mount {}: no source", destination.display())));
        };
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        flags.set(OpenTreeFlags::AT_RECURSIVE, options.recursive);
        let tree = open_tree(CWD, source, flags).on("bind", source)?;
        let stat = rustix::fs::fstat(&tree).on("look at", source)?;
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let place = if is_directory { self.root.directory(destination)? } else { self.root.file(destination)? };
        Ok((tree, place))
    }

    /// A tmpfs without a mode gets that of the directory that it covers, as runc has it.
    fn keep_mode(&self, destination: &Path, options: &mut Options) -> Result<()> {
        if options.data.iter().any(|option| option.starts_with("mode=")) {
            return Ok(());
        }
        if let Some(place) = self.root.find(destination)? {
            let stat = rustix::fs::fstat(&place.fd).on("look at", destination)?;
            options.data.push(format!("mode={:o}", stat.st_mode & 0o7777));
        }
        Ok(())
    }
}

/// Gives a mount its attributes, puts it on its target and gives it its propagation, which the target's would change.
fn attach(tree: &OwnedFd, place: &Place, options: &Options) -> std::io::Result<()> {
    if options.own != Attributes::default() {
        mount_attr::set(tree.as_fd(), &options.own, false)?;
    }
    if let Some(all) = &options.all {
        mount_attr::set(tree.as_fd(), all, true)?;
    }
    put(tree, place)?;
    for (propagation, recursive) in &options.spread {
        let change = Attributes { propagation: *propagation, ..Attributes::default() };
        mount_attr::set(tree.as_fd(), &change, *recursive)?;
    }
    Ok(())
}

/// The cgroups. A mount from the first cgroup namespace would set the one file system's options anew, for the host too
/// (nsdelegate, memory_recursiveprot, favordynmods): there the host's mount is bound.
fn cgroup(options: &Options) -> Result<OwnedFd> {
    let namespace = fs::read_link("/proc/self/ns/cgroup").on("read", "/proc/self/ns/cgroup")?;
    if namespace != Path::new(FIRST_CGROUP_NAMESPACE) {
        return fresh("cgroup2", Path::new("cgroup"), &options.data);
    }
    let tree = open_tree(CWD, CGROUPS, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC).on("bind", CGROUPS)?;
    // CGROUP2_SUPER_MAGIC of linux/magic.h
    if rustix::fs::fstatfs(&tree).on("look at", CGROUPS)?.f_type != 0x6367_7270 {
        return Err(Error::new(format!("{CGROUPS} is not a version 2 cgroup hierarchy")));
    }
    Ok(tree)
}

/// Checks a mount at /proc, on which writers of labels and settings rely: over it lies only a /proc, inside it only what lxcfs shows. The path is
/// where the target's links led.
fn check_proc(path: &Path, tree: &OwnedFd, destination: &Path) -> Result<()> {
    let Ok(inside) = path.strip_prefix("/proc") else { return Ok(()) };
    let is_proc = rustix::fs::fstatfs(tree).on("look at the mount at", destination)?.f_type == PROC_SUPER_MAGIC;
    let allowed = if inside.as_os_str().is_empty() { is_proc } else { OVER_PROC.iter().any(|name| inside == Path::new(name)) };
    if allowed {
        return Ok(());
    }
    Err(Error::new(format!("mount {} leads into /proc at {}", destination.display(), path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 1 0:21 / / rw shared:1 - tmpfs root rw\n\
        23 22 0:22 / /proc rw shared:2 - proc proc rw\n\
        24 22 0:23 / /var/a\\040b rw - tmpfs x rw\n\
        25 24 0:24 / /var/a\\040b/c rw master:3 shared:4 - tmpfs x rw\n";

    #[test]
    fn the_nearest_mount_decides() {
        assert_eq!(shared_parent(MOUNTS, Path::new("/run/x")), Some("/".into()));
        assert_eq!(shared_parent(MOUNTS, Path::new("/var/a b/x")), None);
        assert_eq!(shared_parent(MOUNTS, Path::new("/var/a b/c/x")), Some("/var/a b/c".into()));
        assert_eq!(shared_parent(MOUNTS, Path::new("/var/a b/cx")), None);
        assert_eq!(shared_parent(b"", Path::new("/")), None);
    }
}
