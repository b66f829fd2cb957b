//! The same sources give the same bytes wherever they lie.

use std::fs;
use std::path::Path;
use std::process::Command;

use firmware::manifest::Manifest;
use kit::{Context, Error, Result};

use crate::case::{Case, Outcome, X86, ensure};
use crate::world::World;

/// A build from nothing takes many minutes.
pub const LONG_CASES: &[Case] = &[Case { name: "same-bytes-in-two-directories", boards: X86, run: two_directories }];

/// Build the binary, the segments and all images here and in a copy of the sources; the manifests tell of each file's sum.
fn two_directories(_: &mut World, board: &str) -> Outcome {
    let here = firmware::place::repository();
    let there = std::env::temp_dir().join(format!("kutties-copy-{}", std::process::id()));
    // One that a test left behind when it was stopped.
    let _ = fs::remove_dir_all(&there);
    copy_sources(&here, &there)?;
    let (one, other) = (built(&here, board)?, built(&there, board)?);
    fs::remove_dir_all(&there).on("remove", &there)?;
    ensure(one.files.len() == other.files.len(), || format!("{} files, and {}", one.files.len(), other.files.len()))?;
    let pairs = one.files.iter().zip(&other.files);
    let different: Vec<&str> =
        pairs.filter(|(a, b)| a.sha256 != b.sha256 || a.name != b.name).map(|(a, _)| a.name.as_str()).collect();
    ensure(different.is_empty(), || format!("not the same: {}", different.join(", ")))
}

/// Copies the files that git would give another person.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git").args(["ls-files", "-z", "--cached"]).current_dir(from).output().doing("start git")?;
    let names = String::from_utf8(listed.stdout).doing("read what git lists")?;
    if !listed.status.success() || names.is_empty() {
        return Err(Error::new(format!("list the sources: {}", String::from_utf8_lossy(&listed.stderr))));
    }
    for name in names.split_terminator('\0') {
        let (source, copy) = (from.join(name), to.join(name));
        let directory = copy.parent().unwrap_or(to);
        fs::create_dir_all(directory).on("make", directory)?;
        fs::copy(&source, &copy).on("copy", &source)?;
    }
    Ok(())
}

fn built(directory: &Path, board: &str) -> Result<Manifest> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "-q", "-p", "firmware", "--", "image", "--kube", "none", "--board", board]).current_dir(directory);
    // Variables that cargo sets for its children are about this run's directory.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST")) {
        cargo.env_remove(name);
    }
    let output = cargo.output().doing("start cargo")?;
    if !output.status.success() {
        return Err(Error::new(format!("build in {}: {}", directory.display(), String::from_utf8_lossy(&output.stderr))));
    }
    let manifest = directory.join("out").join(board).join("manifest.json");
    Manifest::read(&manifest).map_err(|e| Error::new(format!("{e:#}")))
}
