//! The binary `kutties`: static, at fixed addresses, the standard library built along.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::board::Arch;
use crate::tools::Tools;
use crate::{place, run, rust_std};

/// Set to `quick`, it builds a larger binary in a fraction of the time.
pub const PROFILE: &str = "KUTTIES_PROFILE";

/// The profile in force: `release`, if the environment says nothing else.
pub fn profile() -> String {
    std::env::var(PROFILE).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "release".to_owned())
}

/// Build what changed and answer the binary's path. cargo shows the progress.
pub fn build(arch: Arch, tools: &Tools) -> Result<PathBuf> {
    package("kutties", arch, tools)
}

/// Build a package's program of the same name, as the appliance's binary is built.
pub fn package(name: &str, arch: Arch, tools: &Tools) -> Result<PathBuf> {
    package_with(name, &[], arch, tools)
}

/// The same with features that are for tests. The next build without them takes the same place.
pub fn package_with(name: &str, features: &[&str], arch: Arch, tools: &Tools) -> Result<PathBuf> {
    built(name, &["--features", &features.join(",")], arch, tools)
}

/// The binary as it is shipped, but with its symbols, for a look at what takes the room. The next build without them takes the same place.
pub fn with_symbols(arch: Arch, tools: &Tools) -> Result<PathBuf> {
    built("kutties", &["--config", &format!("profile.{}.package.kutties.strip=false", profile())], arch, tools)
}

/// Settings that leave the places of panics away where they cost most and serve least, a twentieth of the file: in crates of others, in
/// libraries, and in commands, which can be tried again with another profile. Process 1 and the servers tell theirs.
fn without_places() -> Result<Vec<String>> {
    let mut names = vec!["*".to_owned()];
    for floor in ["applets/cmd", "applets/lib"] {
        let dir = place::repository().join(floor);
        for entry in std::fs::read_dir(&dir).with_context(|| format!("read {}", dir.display()))? {
            names.extend(entry?.file_name().into_string().ok());
        }
    }
    names.sort();
    let flags = "['-Cforce-unwind-tables=no','-Zlocation-detail=none']";
    let settings = names.iter().map(|name| format!("profile.release.package.'{name}'.rustflags={flags}"));
    Ok(settings.flat_map(|setting| ["--config".to_owned(), setting]).collect())
}

fn built(name: &str, more: &[&str], arch: Arch, tools: &Tools) -> Result<PathBuf> {
    let path = std::env::join_paths(
        std::iter::once(tools.cargo_bin.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )?;
    let profile = profile();
    println!("building {name} for {arch} (profile {profile})");
    let mut cargo = cargo("zigbuild", name, arch.target(), &profile)?;
    cargo
        .arg("-Zbuild-std=std,panic_abort")
        .args(more)
        // A panic aborts: the tables for unwinding, a seventh of the file, are for nobody.
        .args(["-Zprofile-rustflags", "--config", "profile.release.rustflags=['-Cforce-unwind-tables=no']"])
        .args(without_places()?)
        .env("PATH", path)
        // The program says which profile it was built with, unless it is what is shipped.
        .env("KUTTIES_BUILT_WITH", if profile == "release" { "" } else { &profile })
        .env("CARGO_ZIGBUILD_ZIG_PATH", &tools.zig)
        .env("CARGO_ZIGBUILD_CACHE_DIR", place::cache("zigbuild")?)
        .env("ZIG_GLOBAL_CACHE_DIR", place::cache("zig")?)
        .env("ZIG_LOCAL_CACHE_DIR", place::cache("zig")?);
    run::shown(&mut cargo)?;
    let built = target().join(arch.target()).join(&profile).join(name);
    check(&built)?;
    Ok(built)
}

/// Build the UEFI program of `firmware/loader`. It is small and always the release's.
pub fn loader(arch: Arch) -> Result<PathBuf> {
    println!("building loader for {arch}");
    let target_name = arch.uefi_target();
    // A PE file tells when it was linked, and where its symbols are: neither belongs into bytes that are always the same.
    let flags = format!("target.{target_name}.rustflags=['-Clink-arg=/DEBUG:NONE', '-Clink-arg=/timestamp:0']");
    let mut cargo = cargo("build", "loader", target_name, "release")?;
    cargo.args(["-Zbuild-std=core,alloc,compiler_builtins", "-Zbuild-std-features=compiler-builtins-mem", "--config", &flags]);
    run::shown(&mut cargo)?;
    Ok(target().join(target_name).join("release/loader.efi"))
}

/// Build what a BIOS starts, of `firmware/bios`: an ELF file with a section each for the boot sector and the stage.
pub fn bios() -> Result<PathBuf> {
    const TARGET: &str = "x86_64-unknown-none";
    println!("building bios");
    let layout = place::repository().join("firmware/bios/layout.ld");
    let flags = format!("target.{TARGET}.rustflags=['-Crelocation-model=static', '-Clink-arg=-T{}']", layout.display());
    let mut cargo = cargo("build", "bios", TARGET, "release")?;
    cargo.args(["-Zbuild-std=core", "--config", &flags]);
    run::shown(&mut cargo)?;
    Ok(target().join(TARGET).join("release/bios"))
}

/// A directory of its own: cargo, which runs us, holds the usual one, and others may build there meanwhile.
fn target() -> PathBuf {
    let usual = std::env::var_os("CARGO_TARGET_DIR").and_then(|dir| std::path::absolute(dir).ok());
    usual.unwrap_or_else(|| place::repository().join("target")).join("appliance")
}

/// cargo with what all programs for the appliance have in common.
fn cargo(verb: &str, name: &str, target_name: &str, profile: &str) -> Result<Command> {
    let mut cargo = Command::new("cargo");
    cargo
        .args([verb, "--target", target_name, "--package", name, "--profile", profile])
        // No directory of this machine may stand in what is shipped.
        .args(["-Ztrim-paths", "--config", "profile.release.trim-paths='all'"])
        .current_dir(place::repository())
        // build-std is not stable; the stable compiler does it when told so. cargo has no other switch for the source's place.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", rust_std::library()?)
        .env("CARGO_TARGET_DIR", target());
    // Variables that cargo sets for its children are about the host's build.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR") {
        cargo.env_remove(name);
    }
    Ok(cargo)
}

/// An ELF file's type for a program at fixed addresses; a static-PIE would be 3.
const ET_EXEC: u8 = 2;

fn check(path: &Path) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    anyhow::ensure!(bytes.get(16) == Some(&ET_EXEC), "build {}: it is not at fixed addresses", path.display());
    anyhow::ensure!(format::elf::section(&bytes, ".interp").is_none(), "build {}: it is not static", path.display());
    Ok(())
}
