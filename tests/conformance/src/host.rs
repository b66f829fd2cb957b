//! Programs that critest calls on the machine that it runs on: ipcmk, and AppArmor's compiler by
//! way of sudo. They are Debian's, unpacked and with the C library that they were made for.

use std::path::{Path, PathBuf};

use firmware::apt::Suite;
use firmware::board::Arch;
use initramfs::Archive;
use kit::Result;

use crate::told;

/// Debian suite and packages of the programs.
const SUITE: &str = "trixie";
const PACKAGES: &[&str] = &["apparmor", "util-linux"];
/// Directory of the programs in the guest.
const DIR: &str = "/usr/lib/critest/debian";
/// The programs, and options that they get there: no settings of Debian's are read.
const PROGRAMS: &[(&str, &str, &str)] =
    &[("ipcmk", "usr/bin/ipcmk", ""), ("apparmor_parser", "usr/sbin/apparmor_parser", "--config-file /dev/null")];
/// Libraries that they are linked with.
const LIBRARIES: &[&str] = &["libc.so.6"];
/// Everything is root's there.
const SUDO: &str = "#!/bin/sh\nexec \"$@\"\n";

/// Debian's packages, unpacked. Needs the internet the first time.
pub fn tree(arch: Arch) -> Result<PathBuf> {
    Suite::new(SUITE, arch.debian()).and_then(|suite| suite.tree(PACKAGES)).map_err(told)
}

/// A segment with all of it.
pub fn files(arch: Arch, tree: &Path) -> Result<Archive> {
    let (loader, libraries) = match arch {
        Arch::X86_64 => ("usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu"),
        Arch::Aarch64 => ("usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu"),
    };
    let mut files = Archive::new();
    files.copy(&format!("{DIR}/loader"), 0o755, &tree.join(loader)).map_err(told)?;
    for library in LIBRARIES {
        files.copy(&format!("{DIR}/{library}"), 0o644, &tree.join(libraries).join(library)).map_err(told)?;
    }
    for (name, path, options) in PROGRAMS {
        files.copy(&format!("{DIR}/{name}"), 0o755, &tree.join(path)).map_err(told)?;
        let script = format!("#!/bin/sh\nexec {DIR}/loader --library-path {DIR} {DIR}/{name} {options} \"$@\"\n");
        files.file(&format!("/usr/bin/{name}"), 0o755, script).map_err(told)?;
    }
    files.file("/usr/bin/sudo", 0o755, SUDO).map_err(told)?;
    files.tree("/etc/apparmor.d", &tree.join("etc/apparmor.d")).map_err(told)?;
    files.directory("/var/cache/apparmor").map_err(told)?;
    Ok(files)
}
