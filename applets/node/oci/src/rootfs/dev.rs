//! Nodes and links below /dev. Where the host's own /dev, or any directory of the host, is bound there, nothing is made.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use libcontainer::oci_spec::runtime::{LinuxDevice, LinuxDeviceType, Spec};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, makedev};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};

use super::detached::put;
use super::place::{Place, Root};

/// Links that every container has.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    // Last: it is left out where the kernel has no such file.
    ("core", "/proc/kcore"),
];

/// The specification's default devices that are nodes: name, major, minor.
const DEFAULT: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("tty", 5, 0), ("random", 1, 8), ("urandom", 1, 9)];

/// Link that stands for the terminals' multiplexer.
const PTMX: &str = "pts/ptmx";

const NODE_MODE: u32 = 0o666;

/// A node to make.
#[derive(Debug)]
struct Node {
    path: PathBuf,
    kind: FileType,
    number: u64,
    mode: u32,
    owner: (u32, u32),
}

/// Makes what is missing. With a `/dev` that is not the container's own only devices elsewhere.
pub fn fill(root: &Root, spec: &Spec, shared_dev: bool) -> Result<()> {
    if !shared_dev {
        links(&root.directory(Path::new("/dev"))?)?;
    }
    for node in nodes(spec)? {
        make(root, &node, shared_dev)?;
    }
    if !shared_dev {
        ptmx(&root.directory(Path::new("/dev"))?)?;
    }
    Ok(())
}

fn links(dev: &Place) -> Result<()> {
    for (name, target) in LINKS {
        if name == "core" && !Path::new(target).exists() {
            continue;
        }
        match rustix::fs::symlinkat(target, &dev.fd, name) {
            // A root directory that is used again has it; what else an image has there is its own affair.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(e).doing(format!("make link /dev/{name} in the container")),
        }
    }
    Ok(())
}

fn ptmx(dev: &Place) -> Result<()> {
    let name = "/dev/ptmx";
    match rustix::fs::readlinkat(&dev.fd, "ptmx", Vec::new()) {
        Ok(target) if target.as_bytes() == PTMX.as_bytes() => return Ok(()),
        Err(Errno::NOENT) => {}
        _ => rustix::fs::unlinkat(&dev.fd, "ptmx", AtFlags::empty()).doing(format!("replace {name} in the container"))?,
    }
    rustix::fs::symlinkat(PTMX, &dev.fd, "ptmx").doing(format!("make link {name} in the container"))
}

/// The devices of the configuration, then the default ones that it does not name.
fn nodes(spec: &Spec) -> Result<Vec<Node>> {
    let asked = spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
    let mut nodes = asked.into_iter().flatten().map(Node::read).collect::<Result<Vec<_>>>()?;
    // The link that is made later stands for it.
    nodes.retain(|node| node.path != Path::new("/dev/ptmx"));
    for (name, major, minor) in DEFAULT {
        let path = Path::new("/dev").join(name);
        if !nodes.iter().any(|node| node.path == path) {
            let number = makedev(major, minor);
            nodes.push(Node { path, kind: FileType::CharacterDevice, number, mode: NODE_MODE, owner: (0, 0) });
        }
    }
    Ok(nodes)
}

impl Node {
    fn read(device: &LinuxDevice) -> Result<Self> {
        let path = device.path();
        let wrong = |what: &str| Error::new(format!("config.json: linux.devices: {}: {what}", path.display()));
        if !path.is_absolute() || path.file_name().is_none() {
            return Err(wrong("not an absolute path of a file"));
        }
        let number = |part: i64| u32::try_from(part).map_err(|_| wrong("no device number"));
        let kind = match device.typ() {
            LinuxDeviceType::C | LinuxDeviceType::U => FileType::CharacterDevice,
            LinuxDeviceType::B => FileType::BlockDevice,
            LinuxDeviceType::P => FileType::Fifo,
            LinuxDeviceType::A => return Err(wrong("type a is for rules alone")),
        };
        let number = if kind == FileType::Fifo { 0 } else { makedev(number(device.major())?, number(device.minor())?) };
        let owner = (device.uid().unwrap_or(0), device.gid().unwrap_or(0));
        // The type's bits may be in the mode.
        let mode = device.file_mode().unwrap_or(NODE_MODE) & 0o7777;
        Ok(Self { path: path.components().collect(), kind, number, mode, owner })
    }
}

fn make(root: &Root, node: &Node, shared_dev: bool) -> Result<()> {
    let (Some(parent), Some(name)) = (node.path.parent(), node.path.file_name()) else { return Ok(()) };
    let lexical = parent.starts_with("/dev");
    if shared_dev && lexical {
        return Ok(());
    }
    let parent = root.directory(parent)?;
    if shared_dev && parent.path.starts_with("/dev") {
        return Ok(());
    }
    let failed = format!("make device {} in the container", node.path.display());
    match rustix::fs::mknodat(&parent.fd, name, node.kind, Mode::from_raw_mode(node.mode), node.number) {
        Ok(()) => {
            let (uid, gid) = (Uid::from_raw(node.owner.0), Gid::from_raw(node.owner.1));
            rustix::fs::chownat(&parent.fd, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).doing(failed)
        }
        Err(Errno::EXIST) => {
            let there = rustix::fs::statat(&parent.fd, name, AtFlags::SYMLINK_NOFOLLOW).doing(&failed)?;
            let same = FileType::from_raw_mode(there.st_mode) == node.kind
                && (node.kind == FileType::Fifo || there.st_rdev == node.number);
            // The specification's rule: what does not match is an error.
            if same { Ok(()) } else { Err(Error::new(format!("{failed}: something else is there"))) }
        }
        Err(e) => Err(e).doing(failed),
    }
}

/// Mounts a terminal at /dev/console, after pivot_root. A link there is refused (CVE-2025-52565).
pub fn console(terminal: BorrowedFd<'_>) -> Result<()> {
    let failed = "mount the terminal at /dev/console";
    let dev = Root::open(Path::new("/"))?.directory(Path::new("/dev"))?;
    let new = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&dev.fd, "console", new, Mode::from_raw_mode(NODE_MODE)) {
        Ok(_) | Err(Errno::EXIST) => {}
        Err(e) => return Err(e).doing(failed),
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let target = rustix::fs::openat(&dev.fd, "console", flags, Mode::empty()).doing(failed)?;
    let stat = rustix::fs::fstat(&target).doing(failed)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        return Err(Error::new("/dev/console in the container is a link"));
    }
    let place = Place { fd: target, path: "/dev/console".into() };
    put(&copy_of(terminal).doing(failed)?, &place).doing(failed)
}

/// A mount of just the file that a descriptor leads to.
pub fn copy_of(file: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(file.as_fd(), "", flags)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn base(name: &str) -> PathBuf {
        let base = std::env::temp_dir().join(format!("oci-dev-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(base.join("root")).unwrap();
        base
    }

    #[test]
    fn links_are_made_inside_and_what_is_there_stays() {
        let base = base("links");
        let victim = base.join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("ptmx"), "precious").unwrap();
        symlink(&victim, base.join("root/dev")).unwrap();
        let root = Root::open(&base.join("root")).unwrap();
        for _ in 0..2 {
            let dev = root.directory(Path::new("/dev")).unwrap();
            links(&dev).unwrap();
            ptmx(&dev).unwrap();
        }
        let inside = base.join("root").join(victim.strip_prefix("/").unwrap());
        assert_eq!(fs::read_link(inside.join("ptmx")).unwrap(), Path::new(PTMX));
        assert_eq!(fs::read_link(inside.join("stdout")).unwrap(), Path::new("/proc/self/fd/1"));
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(victim.join("ptmx")).unwrap(), "precious");
        fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_foreign_ptmx_is_replaced_and_not_what_it_leads_to() {
        let base = base("ptmx");
        fs::create_dir(base.join("root/dev")).unwrap();
        fs::write(base.join("target"), "kept").unwrap();
        symlink(base.join("target"), base.join("root/dev/ptmx")).unwrap();
        let dev = Root::open(&base.join("root")).unwrap().directory(Path::new("/dev")).unwrap();
        ptmx(&dev).unwrap();
        assert_eq!(fs::read_link(base.join("root/dev/ptmx")).unwrap(), Path::new(PTMX));
        assert_eq!(fs::read_to_string(base.join("target")).unwrap(), "kept");
        fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn default_devices_are_added_and_ptmx_is_a_link() {
        let spec: Spec = serde_json::from_value(json!({
            "ociVersion": "1.2.0",
            "linux": {"devices": [
                {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600},
                {"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2},
                {"path": "/opt/dev/loop", "type": "b", "major": 7, "minor": 1},
            ]},
        }))
        .unwrap();
        let paths: Vec<String> = nodes(&spec).unwrap().iter().map(|node| node.path.display().to_string()).collect();
        assert_eq!(paths, ["/dev/null", "/opt/dev/loop", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random", "/dev/urandom"]);
    }

    #[test]
    fn what_does_not_match_is_an_error() {
        let base = base("match");
        fs::create_dir_all(base.join("root/dev")).unwrap();
        let root = Root::open(&base.join("root")).unwrap();
        let node = |path: &str| Node { path: path.into(), kind: FileType::Fifo, number: 0, mode: 0o600, owner: (0, 0) };
        make(&root, &node("/dev/pipe"), false).unwrap();
        make(&root, &node("/dev/pipe"), false).unwrap();
        fs::write(base.join("root/dev/file"), "").unwrap();
        symlink("pipe", base.join("root/dev/link")).unwrap();
        assert!(make(&root, &node("/dev/file"), false).is_err());
        assert!(make(&root, &node("/dev/link"), false).is_err());
        make(&root, &node("/other/place"), true).unwrap();
        symlink("dev", base.join("root/d")).unwrap();
        make(&root, &node("/d/not-made"), true).unwrap();
        make(&root, &node("/dev/not-made"), true).unwrap();
        assert!(base.join("root/other/place").exists());
        assert!(!base.join("root/dev/not-made").exists());
        fs::remove_dir_all(base).unwrap();
    }
}
