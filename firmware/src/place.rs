//! Where things lie on the building machine: the repository, its outputs, the cache of what was downloaded or built once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's root.
pub fn repository() -> PathBuf {
    // The crate's folder is one below it; the builders run where they were built.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// `out/NAME` of the repository, made when missing.
pub fn out(name: &str) -> Result<PathBuf> {
    made(&repository().join("out").join(name))
}

/// A folder below the cache, made when missing: `$KUTTIES_CACHE`, or `~/.cache/kutties`.
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
