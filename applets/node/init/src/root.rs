//! A root directory of its own, so that `pivot_root` works in containers, with our own file out of
//! their reach.
//!
//! The kernel refuses to pivot away from the mount at the top of the tree. Before Linux 7.0 that is
//! the initramfs itself, and what is mounted over it leaves it below, where a process with
//! CAP_SYS_ADMIN and CAP_SYS_CHROOT gets to: it unmounts "/" in its mount namespace and enters that
//! namespace again. So the content moves into a tmpfs that is mounted over it, and the initramfs is
//! left empty, immutable and read-only. Should come before any other process: one that was started
//! earlier stays behind, with its programs.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::fd::OwnedFd;

use kit::{Context, Error, Result, paths};
use rustix::fs::{CWD, FileType, IFlags, Mode, OFlags, chmod, fstat, ioctl_setflags, major, minor, openat, stat, statfs};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount, mount_bind, mount_change, mount_remount, move_mount, open_tree,
    unmount,
};
use rustix::process::{chdir, chroot, fchdir};

use crate::move_tree::{self, Exceptions, Found};
use crate::{Machine, mountinfo, mounts};

/// linux/magic.h: what an initramfs may lie on. ramfs is the kernel's choice when the command line
/// has `root=`.
pub const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// Files that stay in the initramfs's memory, without a name there, and are mounted read-only in
/// the new root. A running program can't be cut into pieces, and the bundle's image is by far the
/// largest file; neither is ever written to.
const KEPT: &[&str] = &["/proc/self/exe", paths::BINARY, paths::KUBE_IMAGE];

/// Give the system a root directory of its own when it lies in RAM, and share it with later
/// namespaces. After an error it stands on the initramfs as a bind mount, complete.
pub fn leave(_: &mut Machine) -> Result<String> {
    let kind = statfs("/").on("look at", "/")?.f_type as i64;
    let outcome = match kind {
        TMPFS | RAMFS => {
            let left = leave_ram(kind);
            // The kernel makes the root of an initramfs writable to all, with the sticky bit.
            let closed = chmod("/", Mode::from_raw_mode(0o755)).on("set the mode of", "/");
            left.and_then(|note| closed.map(|()| note))
        }
        _ => Ok("already off the initramfs".into()),
    };
    mount_change("/", MountPropagationFlags::SHARED | MountPropagationFlags::REC).on("share", "/")?;
    outcome
}

fn leave_ram(kind: i64) -> Result<String> {
    let lies_on_something = mounts::proc().and_then(|()| mountinfo::read()).map(|table| mountinfo::root_has_parent(&table));
    let switched = match lies_on_something {
        // Linux 7.0 and newer: what lies below is empty.
        Ok(true) if kind == TMPFS => return protect().map(|()| String::new()),
        Ok(_) => switch(),
        Err(e) => Err(e),
    };
    match switched {
        Ok((old, count)) => {
            let removed = move_tree::remove(&old);
            seal(&old).and(removed).map(|()| format!("{count} files moved"))
        }
        Err(e) => Err(Error::new(match stay() {
            Ok(()) => format!("{e}; the system stays on the initramfs"),
            Err(also) => format!("{e}; {also}"),
        })),
    }
}

/// Step into a bind mount of "/": it has a parent, and copies nothing.
fn stay() -> Result<()> {
    // rustix's type for propagation flags holds MS_REC too, but as another type than the bind flag.
    let recursive = MountFlags::from_bits_retain(MountPropagationFlags::REC.bits());
    mount("/", "/", c"", MountFlags::BIND | recursive, None).on("bind", "/")?;
    chdir("/..").on("go to", "/..")?;
    chroot(".").on("make the new root of", "/..")?;
    chdir("/").on("go to", "/")?;
    protect()
}

/// Have all later processes run our file by way of a mount that nobody can write through: those
/// that go into containers, where their file is within reach (CVE-2019-5736), would otherwise each
/// start again from such a mount (`kit::own`). Where the system lies on a disk that is left to
/// them, since there the file may be replaced.
fn protect() -> Result<()> {
    mount_bind(paths::BINARY, paths::BINARY).on("bind", paths::BINARY)?;
    mount_remount(paths::BINARY, MountFlags::BIND | MountFlags::RDONLY, c"").on("make read-only", paths::BINARY)
}

/// Move to a root in a tmpfs of its own. Returns the old root, where all names are still there, and
/// the number of its entries. After an error everything is as it was.
fn switch() -> Result<(OwnedFd, usize)> {
    let old = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).on("open", "/")?;
    let new = file_system().doing("make a tmpfs for the root")?;
    let exceptions = exceptions(&old)?;
    let found = move_tree::mirror(&old, &new, &exceptions)?;
    let moved = move_tree::contents(&old, &new, &exceptions).and_then(|()| attach(&old, &new, &found));
    match moved {
        Ok(()) => Ok((old, found.count)),
        Err(e) => Err(move_tree::taken_back(e, move_tree::contents(&new, &old, &Exceptions::default()))),
    }
}

/// Returns a new tmpfs, attached nowhere. It may take all memory for now: the step `root size`
/// knows the settings.
fn file_system() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [("source", "tmpfs"), ("mode", "755"), ("size", "100%")] {
        fsconfig_set_string(&context, key, value)?;
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}

/// Returns the files to keep, as far as they are there, and what runs: whoever chose another first
/// program (`rdinit=`) may have started processes before it became us.
fn exceptions(old: &OwnedFd) -> Result<Exceptions> {
    let device = fstat(old).on("look at", "/")?.st_dev;
    let of_old = KEPT.iter().filter_map(|path| stat(*path).ok()).filter(|about| about.st_dev == device);
    let files = of_old.filter(|about| FileType::from_raw_mode(about.st_mode) == FileType::RegularFile);
    let kept = files.map(|about| about.st_ino).collect();
    Ok(Exceptions { kept, running: if is_alone() { Vec::new() } else { running(device)? } })
}

/// True when this process surely has no child. The file is there when the kernel has
/// CONFIG_PROC_CHILDREN.
fn is_alone() -> bool {
    fs::read_to_string("/proc/thread-self/children").is_ok_and(|children| children.trim().is_empty())
}

/// Returns the inodes of a device's files that other processes have mapped.
fn running(device: u64) -> Result<Vec<u64>> {
    let device = format!("{:02x}:{:02x}", major(device), minor(device));
    let own = std::process::id().to_string();
    let mut running = Vec::new();
    for entry in fs::read_dir("/proc").on("list", "/proc")?.flatten() {
        // A process may end meanwhile, and a thread of the kernel maps nothing.
        if entry.file_name() != *own
            && let Ok(maps) = fs::read_to_string(entry.path().join("maps"))
        {
            running.extend(mapped(&maps, &device));
        }
    }
    Ok(running)
}

/// Returns the inodes of a device's files in a table of mappings, proc_pid_maps(5): range, rights,
/// offset, device, inode.
fn mapped<'a>(maps: &'a str, device: &'a str) -> impl Iterator<Item = u64> + 'a {
    maps.lines().filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(3);
        if fields.next() == Some(device) { fields.next()?.parse().ok() } else { None }
    })
}

/// Mount the new root over the old one and step into it. After an error the old one is the root
/// again.
fn attach(old: &OwnedFd, new: &OwnedFd, found: &Found) -> Result<()> {
    put(new, c"/").on("mount", "/")?;
    let entered = enter(new).on("make the new root of", "/").and_then(|()| show_kept(old, found));
    if entered.is_err() {
        enter(old).on("go back to the old root of", "/")?;
        // By this name it is what lies over the root.
        unmount("/..", UnmountFlags::DETACH).on("unmount", "/..")?;
        return entered;
    }
    for path in &found.mounts {
        // A mount that can't be moved is mounted again by a later step, or was not ours.
        let _ = open_tree(old, path, OpenTreeFlags::OPEN_TREE_CLOEXEC).and_then(|mount| put(&mount, &absolute(path)));
    }
    Ok(())
}

fn enter(root: &OwnedFd) -> rustix::io::Result<()> {
    fchdir(root)?;
    chroot(".")?;
    chdir("/")
}

/// Mount the kept files where their names are.
fn show_kept(old: &OwnedFd, found: &Found) -> Result<()> {
    for path in &found.kept {
        let at = absolute(path);
        let file = sys::mount::read_only_clone(old, path).on("clone", at.to_string_lossy().as_ref())?;
        put(&file, &at).on("mount", at.to_string_lossy().as_ref())?;
    }
    Ok(())
}

/// Mount what a descriptor stands for.
fn put(mount: &OwnedFd, at: &CStr) -> rustix::io::Result<()> {
    move_mount(mount, c"", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn absolute(path: &CStr) -> CString {
    // Neither part has a byte that is zero.
    CString::new([b"/", path.to_bytes()].concat()).unwrap_or_default()
}

/// Keep everybody from filling the old root, in two ways, of which one may fail. ramfs has no
/// immutable flag. Where the kernel could not unpack the whole archive, the last file is open for
/// writing for ever, and the mount can't be made read-only; but that a process which may change
/// mounts could take back, the flag only one with CAP_LINUX_IMMUTABLE.
fn seal(old: &OwnedFd) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = openat(old, c".", flags, Mode::empty()).doing("open the old root")?;
    let immutable = ioctl_setflags(&dir, IFlags::IMMUTABLE);
    drop(dir);
    match (immutable, sys::mount::make_read_only(old)) {
        (Ok(()), _) | (_, Ok(())) => Ok(()),
        (_, Err(e)) => Err(e).doing("make the old root read-only"),
    }
}

#[cfg(test)]
mod tests;
