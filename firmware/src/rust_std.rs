//! The source of Rust's standard library, of exactly rustc's version: the appliance's is built along with it. It comes from the
//! toolchain itself, from rustup, or from Debian's package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::Suite;
use crate::{place, run, tools};

/// Debian's suites that may have a new Rust.
const SUITES: &[&str] = &["trixie-backports", "sid"];

/// The directory `library`, for cargo's `__CARGO_TESTS_ONLY_SRC_ROOT`.
pub fn library() -> Result<PathBuf> {
    let of_toolchain = sysroot()?.join("lib/rustlib/src/rust/library");
    if of_toolchain.join("Cargo.lock").exists() {
        return Ok(of_toolchain);
    }
    let version = rustc_version()?;
    let kept = place::cache("rust-std")?.join(&version);
    if kept.join("library/Cargo.lock").exists() {
        return Ok(kept.join("library"));
    }
    println!("installing rust-src {version} (source of the standard library)");
    if tools::is_on_path("rustup") && run::answered(Command::new("rustup").args(["component", "add", "rust-src"])).is_ok() {
        return Ok(of_toolchain);
    }
    match from_debian(&version, &kept) {
        Ok(()) => Ok(kept.join("library")),
        Err(e) => bail!(
            "install rust-src {version}: neither rustup nor Debian has it ({e:#}); put the tree `library` into {}",
            kept.display()
        ),
    }
}

/// rustc's release, as `1.95.0`.
pub fn rustc_version() -> Result<String> {
    let said = run::answered(Command::new("rustc").args(["--version", "--verbose"]))?;
    said.lines().find_map(|line| line.strip_prefix("release: ")).map(str::to_owned).context("rustc tells no release")
}

fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(run::answered(Command::new("rustc").args(["--print", "sysroot"]))?.trim()))
}

fn from_debian(version: &str, kept: &Path) -> Result<()> {
    let mut why = String::new();
    for name in SUITES {
        let suite = Suite::new(name, crate::board::Arch::X86_64.debian())?;
        let unpacked = suite.fetch("rust-src", &format!("{version}+"), false).and_then(|package| suite.unpack(&package));
        match unpacked {
            Ok(dir) => {
                let _ = fs::remove_dir_all(kept);
                fs::create_dir_all(kept).with_context(|| format!("make {}", kept.display()))?;
                let library = dir.join(format!("usr/src/rustc-{version}/library"));
                fs::rename(&library, kept.join("library")).with_context(|| format!("find {}", library.display()))?;
                // The compiler's own source came along: 400 MB.
                return fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()));
            }
            Err(e) => why = format!("{e:#}"),
        }
    }
    bail!("{why}")
}
