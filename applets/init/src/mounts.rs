//! The mounts that every Linux program expects, as a table, and /var on a file system of its own.

use std::ffi::CString;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;

use config::key;
use kit::{Context, Error, Result, paths};
use rustix::mount::{MountFlags, mount};

use crate::{Machine, move_tree};

/// A row of the table.
struct Mount {
    at: &'static str,
    kind: &'static str,
    flags: MountFlags,
    options: &'static str,
    /// Whether a machine without it is broken; others are kernel features that may be absent.
    needed: bool,
}

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
const FILES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// In order. Sizes are the most that each may hold in RAM: /run has sockets, logs of services and pods' records; /tmp and
/// /dev/shm are for programs that nobody can foresee.
const MOUNTS: &[Mount] = &[
    Mount { at: "/proc", kind: "proc", flags: PLAIN, options: "", needed: true },
    Mount { at: "/sys", kind: "sysfs", flags: PLAIN, options: "", needed: true },
    Mount { at: "/dev", kind: "devtmpfs", flags: MountFlags::NOSUID, options: "mode=755", needed: true },
    Mount {
        at: "/dev/pts",
        kind: "devpts",
        flags: MountFlags::NOSUID.union(MountFlags::NOEXEC),
        options: "gid=5,mode=620,ptmxmode=666",
        needed: true,
    },
    Mount { at: "/dev/shm", kind: "tmpfs", flags: FILES, options: "mode=1777,size=25%", needed: false },
    Mount { at: "/dev/mqueue", kind: "mqueue", flags: PLAIN, options: "", needed: false },
    Mount { at: "/run", kind: "tmpfs", flags: FILES, options: "mode=755,size=25%", needed: true },
    Mount { at: "/tmp", kind: "tmpfs", flags: FILES, options: "mode=1777,size=25%", needed: true },
    Mount { at: "/sys/fs/cgroup", kind: "cgroup2", flags: PLAIN, options: "nsdelegate,memory_recursiveprot", needed: true },
    Mount { at: "/sys/fs/bpf", kind: "bpf", flags: PLAIN, options: "mode=700", needed: false },
    Mount { at: "/sys/kernel/security", kind: "securityfs", flags: PLAIN, options: "", needed: false },
    Mount { at: "/sys/kernel/tracing", kind: "tracefs", flags: PLAIN, options: "mode=700", needed: false },
    Mount { at: "/sys/firmware/efi/efivars", kind: "efivarfs", flags: PLAIN, options: "", needed: false },
];

/// All rows; the first needed one that fails is the error, after the rest was tried.
pub fn all(machine: &mut Machine) -> Result<String> {
    let mut failed = None;
    let mut missing = Vec::new();
    for row in MOUNTS {
        match row.mount() {
            Ok(()) => {}
            Err(e) if row.needed => failed = failed.or(Some(e)),
            Err(_) => missing.push(row.at),
        }
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
    match failed {
        Some(e) => Err(e),
        None if missing.is_empty() => Ok(String::new()),
        None => Ok(format!("without {}", missing.join(" "))),
    }
}

impl Mount {
    fn mount(&self) -> Result<()> {
        // Folders of sysfs can't be made: their absence is the absence of the feature.
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
    if !is_mounted("/var")? {
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
    move_tree::into(&below, Path::new("/var"))
}

fn is_mounted(at: &str) -> Result<bool> {
    let table = fs::read_to_string("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
    Ok(table.lines().any(|line| line.split(' ').nth(4) == Some(at)))
}

/// A link, replacing a link but nothing else.
fn link(to: &str, at: &str) -> Result<()> {
    let _ = fs::remove_file(at);
    match symlink(to, at) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.on("link", at),
    }
}
