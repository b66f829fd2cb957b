//! Paths on the building machine: the repository, its outputs, the cache of what was downloaded or
//! built once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's root.
pub fn repository() -> PathBuf {
    // Two clones that build in one directory may share this very program, so cargo's word of today goes first.
    let today = std::env::var_os("CARGO_MANIFEST_DIR").and_then(|dir| root_above(Path::new(&dir)));
    today.or_else(|| root_above(Path::new(env!("CARGO_MANIFEST_DIR")))).unwrap_or_else(|| ".".into())
}

/// The directory at or above `dir` that holds the lock file, as only the root does.
fn root_above(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|dir| dir.join("Cargo.lock").is_file()).map(Path::to_path_buf)
}

/// `out/NAME` of the repository, made when missing.
pub fn out(name: &str) -> Result<PathBuf> {
    made(&repository().join("out").join(name))
}

/// A directory below the cache, made when missing: `$KUTTIES_CACHE`, or `~/.cache/kutties`.
pub fn cache(name: &str) -> Result<PathBuf> {
    let root = match std::env::var_os("KUTTIES_CACHE") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(&std::env::var_os("HOME").context("neither KUTTIES_CACHE nor HOME is set")?).join(".cache/kutties"),
    };
    made(&root.join(name))
}

fn made(dir: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    std::path::absolute(dir).with_context(|| format!("find {}", dir.display()))
}
