//! The program of the pause image: our own, for both processors, by zig.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::board::Arch;
use crate::{place, run, tools};

/// Its source.
const SOURCE: &str = "firmware/bundle/pause/pause.c";

/// Builds it, static and without symbols, and answers `out/images/ARCH/pause`.
pub fn build(arch: Arch) -> Result<PathBuf> {
    let zig = tools::zig()?;
    let path = place::out(&format!("images/{arch}"))?.join("pause");
    let mut command = Command::new(zig);
    command
        .args(["cc", "-target", &format!("{arch}-linux-musl"), "-static", "-Os", "-s", "-Wall", "-Werror", "-o"])
        .arg(&path)
        .arg(SOURCE)
        // A path of this machine would be in the program.
        .current_dir(place::repository())
        .env("ZIG_GLOBAL_CACHE_DIR", place::cache("zig")?)
        .env("ZIG_LOCAL_CACHE_DIR", place::cache("zig")?);
    run::answered(&mut command).with_context(|| format!("build {SOURCE}"))?;
    Ok(path)
}
