//! A Debian userland for a machine of the tests: podman and containerd as Debian ships them, to call our `oci`. Packages are
//! downloaded and unpacked, never installed, and packed into one read-only file system, which the machine gets as a disk.

use std::fs;
use std::path::PathBuf;

use firmware::apt::Suite;
use firmware::squash;
use kit::{Context, Error, Result};

/// Debian suite of the packages, which is the kernel's.
const SUITE: &str = "trixie";
/// Packages in the tree, with all that these depend on. `base-files` brings the links from /bin to
/// /usr/bin; crun and runc are there to be measured against.
const PACKAGES: &[&str] = &["base-files", "podman", "containerd", "crun", "runc"];
/// Directories that nothing reads there.
const SKIPPED: &[&str] =
    &["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/i18n", "usr/lib/x86_64-linux-gnu/gconv"];

/// For the guest's shell: the userland of the disk at /debian (no container's root can be changed below a shared mount), which can be
/// written to, with our runtime and what its programs need of the system. `/debian/run/holder` names a process in whose mount
/// namespace it is the root itself: who enters a container's namespace from below a `chroot` comes out above that.
pub const SETUP: &str = "mountpoint -q /debian && exit 0
mount --make-rprivate /
modprobe virtio_blk; modprobe squashfs; modprobe overlay
mkdir -p /debian /run/debian
mount -t tmpfs debian /run/debian && mkdir -p /run/debian/disk /run/debian/upper /run/debian/work
mount -t squashfs -o ro /dev/vda /run/debian/disk
mount -t overlay -o lowerdir=/run/debian/disk,upperdir=/run/debian/upper,workdir=/run/debian/work debian /debian
for directory in dev sys; do mkdir -p /debian/$directory && mount --rbind /$directory /debian/$directory; done
mkdir -p /debian/proc && mount -t proc proc /debian/proc
for directory in run tmp var/lib var/log; do mkdir -p /debian/$directory && mount -t tmpfs debian /debian/$directory; done
mkdir -p /debian/var/tmp /debian/usr/local/bin /debian/etc/containerd
: > /debian/usr/local/bin/oci && mount --bind /bin/kutties /debian/usr/local/bin/oci
printf '[engine]\\nevents_logger = \"file\"\\n[containers]\\nlog_driver = \"k8s-file\"\\n' > /debian/etc/containers/containers.conf
echo 127.0.0.1 localhost > /debian/etc/hosts
: > /debian/etc/resolv.conf
setsid unshare -m sh -c 'echo $$ > /debian/run/holder && mount --move /debian / && exec sleep infinity' > /debian/tmp/holder.log 2>&1 < /dev/null &
for i in $(seq 100); do
  nsenter -t \"$(cat /debian/run/holder)\" -m -- /usr/local/bin/oci --version && exit 0
  sleep 0.2
done 2> /dev/null > /dev/null
cat /debian/tmp/holder.log; exit 1";

/// The file system's image, made when it is missing. Needs the internet the first time.
pub fn disk() -> Result<PathBuf> {
    let root = Suite::new(SUITE, "amd64").and_then(|suite| suite.tree(PACKAGES)).map_err(told)?;
    let disk = root.with_extension("squashfs");
    if disk.exists() {
        return Ok(disk);
    }
    // Made by what packages do when they are installed.
    let users = root.join("etc/passwd");
    fs::write(&users, "root:x:0:0:root:/root:/bin/sh\n").on("write", &users)?;
    let groups = root.join("etc/group");
    fs::write(&groups, "root:x:0:\ntty:x:5:\n").on("write", &groups)?;
    squash::tree(&root, SKIPPED, &disk).map_err(told)?;
    Ok(disk)
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}
