//! The image that tests and the lab run pods from: Debian's static busybox.

use std::path::PathBuf;

use anyhow::Result;
use initramfs::Archive;

use crate::apt::Suite;
use crate::board::Arch;
use crate::oci_image::{Image, pack};
use crate::{place, segment};

/// Its name.
pub const NAME: &str = "kutties.test/busybox:1";
/// Debian suite of busybox.
const SUITE: &str = "trixie";
/// Names of busybox in the image; these are in Debian's on both architectures.
const LINKS: &[&str] = &[
    "[",
    "ash",
    "awk",
    "basename",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "dmesg",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "free",
    "grep",
    "head",
    "hostname",
    "httpd",
    "id",
    "ip",
    "kill",
    "killall",
    "ln",
    "ls",
    "mkdir",
    "mkfifo",
    "mknod",
    "mktemp",
    "more",
    "mount",
    "mv",
    "nc",
    "nslookup",
    "od",
    "ping",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "tty",
    "umount",
    "uname",
    "uniq",
    "unshare",
    "uptime",
    "vi",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
    "yes",
];

/// Makes all files but users and groups: busybox under its names, and empty directories.
pub fn files(arch: Arch) -> Result<Archive> {
    let suite = Suite::new(SUITE, arch.debian())?;
    let dir = suite.unpack(&suite.fetch("busybox-static", "", false)?)?;
    let mut files = Archive::new();
    files.copy("/bin/busybox", 0o755, &dir.join("usr/bin/busybox"))?;
    for link in LINKS {
        files.link(&format!("/bin/{link}"), "busybox")?;
    }
    for directory in ["/dev", "/etc", "/proc", "/root", "/run", "/sys", "/tmp", "/var"] {
        files.directory(directory)?;
    }
    Ok(files)
}

/// Pack it, and answer `out/images/busybox-ARCH.tar`.
pub fn build(arch: Arch) -> Result<PathBuf> {
    let mut files = files(arch)?;
    files.file("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")?;
    files.file("/etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\n")?;
    let image = Image { name: NAME, arch, entrypoint: &[], command: &["sh"], environment: &["PATH=/bin"], user: "" };
    let path = place::out("images")?.join(format!("busybox-{arch}.tar"));
    let bytes = pack(&image, &files)?;
    if std::fs::read(&path).ok().as_ref() != Some(&bytes) {
        segment::replace(&path, &bytes)?;
    }
    Ok(path)
}
