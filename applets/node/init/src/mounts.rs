//! The mounts that every Linux program expects, as a table, and /var on a file system of its own.

use std::ffi::CString;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;

use config::key;
use kit::{Context, Error, Result, paths};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::{Machine, mountinfo, move_tree};

/// A row of a table.
struct Mount {
    at: &'static str,
    kind: &'static str,
    flags: MountFlags,
    options: &'static str,
}

const PROC: &str = "/proc";
const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
const FILES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
const PROGRAMS: MountFlags = MountFlags::NOSUID;
const TERMINALS: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC);

/// Mounts without which nothing works, in order. /run has sockets, logs of services and pods'
/// records, /tmp is for programs that nobody can foresee: a quarter of the RAM each is the most
/// that they may hold. With favordynmods a process that moves into a cgroup does not wait for the
/// kernel's slow path, some 10 ms each time.
const NEEDED: &[Mount] = &[
    row(PROC, "proc", PLAIN, ""),
    row("/sys", "sysfs", PLAIN, ""),
    row("/dev", "devtmpfs", PROGRAMS, "mode=755"),
    row("/dev/pts", "devpts", TERMINALS, "gid=5,mode=620,ptmxmode=666"),
    row("/run", "tmpfs", FILES, "mode=755,size=25%"),
    row("/tmp", "tmpfs", FILES, "mode=1777,size=25%"),
    row("/sys/fs/cgroup", "cgroup2", PLAIN, "nsdelegate,memory_recursiveprot,favordynmods"),
];

/// Mounts that some programs use and a kernel may lack. Not on the way to the first service: the
/// first mount of bpf alone takes a fifth of a second, because the kernel asks for a module then.
const WELCOME: &[Mount] = &[
    row("/dev/shm", "tmpfs", FILES, "mode=1777,size=25%"),
    row("/dev/mqueue", "mqueue", PLAIN, ""),
    row("/sys/fs/bpf", "bpf", PLAIN, "mode=700"),
    row("/sys/kernel/tracing", "tracefs", PLAIN, "mode=700"),
    row("/sys/firmware/efi/efivars", "efivarfs", PLAIN, ""),
];

/// Mount for policies of Linux security modules: before the first service, which loads one.
const SECURITY: Mount = row("/sys/kernel/security", "securityfs", PLAIN, "");

const fn row(at: &'static str, kind: &'static str, flags: MountFlags, options: &'static str) -> Mount {
    Mount { at, kind, flags, options }
}

/// The row for /proc, unless it is there: the first step looks at the table of mounts. The kernel would mount it twice.
pub fn proc() -> Result<()> {
    if mountinfo::read().is_ok_and(|table| mountinfo::is_mounted(&table, PROC)) {
        return Ok(());
    }
    NEEDED.iter().filter(|row| row.at == PROC).try_for_each(Mount::mount)
}

/// The needed rows; the first that fails is the error, after the rest was tried.
pub fn needed(machine: &mut Machine) -> Result<String> {
    let mut outcome = Ok(());
    for row in NEEDED {
        outcome = outcome.and(if row.at == PROC { proc() } else { row.mount() });
        if row.at == "/dev" {
            machine.report.open_console();
        }
    }
    for dir in [paths::RUN, paths::LOGS, "/run/lock", "/run/containerd"] {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    link(paths::CRI, paths::CRI_WELL_KNOWN)?;
    machine.report.open_log();
    device_links();
    // From here on commands reach us, also in a rescue shell.
    machine.control.open()?;
    outcome.map(|()| String::new())
}

/// The row for security policies, where the kernel has any such module.
#[expect(clippy::unnecessary_wraps, reason = "the form of a boot step")]
pub fn security(_: &mut Machine) -> Result<String> {
    Ok(if SECURITY.mount().is_ok() { String::new() } else { format!("without {}", SECURITY.at) })
}

/// The welcome rows; those that can't be had are named.
#[expect(clippy::unnecessary_wraps, reason = "the form of a boot step")]
pub fn welcome(_: &mut Machine) -> Result<String> {
    let missing: Vec<&str> = WELCOME.iter().filter(|row| row.mount().is_err()).map(|row| row.at).collect();
    Ok(if missing.is_empty() { String::new() } else { format!("without {}", missing.join(" ")) })
}

impl Mount {
    fn mount(&self) -> Result<()> {
        // Directories of sysfs can't be made: their absence is the absence of the feature.
        if !Path::new(self.at).is_dir() {
            DirBuilder::new().recursive(true).mode(0o755).create(self.at).on("make", self.at)?;
        }
        let options = CString::new(self.options).doing("read mount options")?;
        match mount(self.kind, self.at, self.kind, self.flags, Some(options.as_c_str())) {
            // The kernel mounted it by itself (CONFIG_DEVTMPFS_MOUNT), or somebody started us in a container.
            Err(rustix::io::Errno::BUSY) => Ok(()),
            other => other.on("mount", self.at),
        }
    }
}

/// The links in /dev that programs expect and devtmpfs does not make.
fn device_links() {
    for (to, at) in [("/proc/self/fd", "/dev/fd"), ("fd/0", "/dev/stdin"), ("fd/1", "/dev/stdout"), ("fd/2", "/dev/stderr")] {
        // They may be there already.
        let _ = symlink(to, at);
    }
}

/// A sized tmpfs on /var, unless something else is mounted there; what the initramfs brought in /var moves into it.
///
/// It must be a mount of its own: the kubelet finds no statistics of a file system of type rootfs and exits.
pub fn var(machine: &mut Machine) -> Result<String> {
    fs::create_dir_all("/var").on("make", "/var")?;
    let size = machine.config.text(&key::VAR_SIZE).to_owned();
    let mut note = String::from("already mounted");
    if !mountinfo::is_mounted(&mountinfo::read()?, "/var") {
        mount_var(&size)?;
        note = format!("tmpfs of {size}");
    }
    for (dir, mode) in [
        ("/var/lib", 0o755),
        ("/var/log", 0o755),
        ("/var/log/pods", 0o755),
        ("/var/log/containers", 0o755),
        ("/var/cache", 0o755),
        ("/var/tmp", 0o1777),
        ("/var/lib/kubelet", 0o750),
    ] {
        fs::create_dir_all(dir).on("make", dir)?;
        fs::set_permissions(dir, Permissions::from_mode(mode)).on("set the mode of", dir)?;
    }
    link("/run", "/var/run")?;
    link("/run/lock", "/var/lock")?;
    Ok(note)
}

fn mount_var(size: &str) -> Result<()> {
    // Held open, so that it can still be reached below the new mount.
    let below = fs::File::open("/var").on("open", "/var")?;
    let options = CString::new(format!("mode=755,size={size}")).doing("read var.size")?;
    mount("tmpfs", "/var", "tmpfs", FILES, Some(options.as_c_str()))
        .map_err(|e| Error::new(format!("mount /var with var.size={size}: {}", std::io::Error::from(e).kind())))?;
    move_tree::into(&below, Path::new("/var")).inspect_err(|_| {
        // The initramfs's /var is below, complete, and in sight again for a repair.
        let _ = unmount("/var", UnmountFlags::DETACH);
    })
}

/// A link, replacing a link but nothing else.
fn link(to: &str, at: &str) -> Result<()> {
    let _ = fs::remove_file(at);
    match symlink(to, at) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.on("link", at),
    }
}
