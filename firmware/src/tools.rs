//! The building machine's tools: Debian packages, zig, cargo-zigbuild. What is missing is named and installed; a second call
//! installs nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::board::Board;
use crate::{place, run};

/// The Debian packages that every build needs, and why.
const PACKAGES: &[&str] = &[
    "kmod",         // depmod, for the modules' dependencies and aliases
    "python3-venv", // zig is had from PyPI
    "xz-utils",     // sizes as xz; kernel modules
];
/// zig from PyPI: the linker and C compiler. 0.17 is the one that the toolchain facts were tried with.
const ZIG: &str = "ziglang==0.17.1";
/// The cargo command that makes cargo and the C build scripts use zig.
const ZIGBUILD: &str = "0.24.1";

/// zig and cargo-zigbuild, ready to use.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The `zig` program.
    pub zig: PathBuf,
    /// zig's version.
    pub zig_version: String,
    /// The directory of `cargo-zigbuild`.
    pub cargo_bin: PathBuf,
}

/// Make sure of all that building for this board takes.
pub fn ensure(board: &Board) -> Result<Tools> {
    let mut packages = PACKAGES.to_vec();
    packages.extend(board.qemu.iter().flat_map(|qemu| &qemu.packages).map(String::as_str));
    debian(&packages)?;
    let zig = zig()?;
    Ok(Tools { zig_version: run::answered(Command::new(&zig).arg("version"))?.trim().to_owned(), zig, cargo_bin: zigbuild()? })
}

/// Make sure of these Debian packages. Without root and without sudo the error names what is missing.
pub fn debian(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_on_path("apt-get") {
        bail!("install {}: this is no Debian-like machine, it has no apt-get", missing.join(" "));
    }
    let root = run::answered(Command::new("id").arg("-u"))?.trim() == "0";
    if !root && !is_on_path("sudo") {
        bail!("install {}: it takes root, or sudo", missing.join(" "));
    }
    println!("installing {}", missing.join(" "));
    let apt_get = |args: &[&str]| {
        let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
        if !root {
            command.arg("apt-get");
        }
        // A build for another board may be installing at the same time.
        run::answered(
            command
                .args(["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"])
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    let install = [&["install"], missing.as_slice()].concat();
    // The lists may be missing or old; they are fetched only when the first try fails.
    if apt_get(&install).is_err() {
        apt_get(&["update"])?;
        apt_get(&install)?;
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    run::answered(Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]))
        .is_ok_and(|said| said.ends_with(" installed"))
}

/// Tells if a program is on the path or in root's directories, which a user's path may lack.
pub fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).any(|dir| dir.join(program).is_file())
}

/// The `zig` program.
pub fn zig() -> Result<PathBuf> {
    debian(&["python3-venv"])?;
    let venv = place::cache("tools")?.join(ZIG);
    let program = venv.join("bin/zig");
    if !program.exists() {
        println!("installing {ZIG} (Python package)");
        run::answered(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        run::answered(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--no-input", ZIG]))?;
        let question = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
        let zig = run::answered(Command::new(venv.join("bin/python3")).args(["-c", question]))?;
        std::os::unix::fs::symlink(zig.trim(), &program).with_context(|| format!("make {}", program.display()))?;
    }
    fs::canonicalize(&program).with_context(|| format!("find {}", program.display()))
}

fn zigbuild() -> Result<PathBuf> {
    let root = place::cache("tools")?.join(format!("cargo-zigbuild-{ZIGBUILD}"));
    if !root.join("bin/cargo-zigbuild").exists() {
        println!("installing cargo-zigbuild {ZIGBUILD} (crate)");
        let mut command = Command::new("cargo");
        command.args(["install", "--quiet", "--locked", "--version", ZIGBUILD, "--root"]).arg(&root).arg("cargo-zigbuild");
        run::shown(&mut command)?;
    }
    Ok(root.join("bin"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        debian(&["dpkg"]).unwrap();
        assert!(is_on_path("sh") && !is_on_path("no-such-program"));
    }
}
