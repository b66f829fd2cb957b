//! Results by content: a directory under a hash of everything that went in. It appears whole or not at all, and one process makes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where downloads, toolchains and bundles are kept: `$KUTTIES_CACHE` or `~/.cache/kutties`.
pub fn root() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("KUTTIES_CACHE").filter(|d| !d.is_empty()) {
        return Ok(PathBuf::from(dir));
    }
    let home = std::env::home_dir().filter(|h| !h.as_os_str().is_empty());
    Ok(home.context("find the cache: neither KUTTIES_CACHE nor HOME is set")?.join(".cache/kutties"))
}

/// The directory for `key`, which `make` fills the first time.
pub fn get_or_make(key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let all = root()?.join("bundle");
    let done = all.join(key);
    if done.is_dir() {
        return Ok(done);
    }
    fs::create_dir_all(&all).with_context(|| format!("make {}", all.display()))?;
    // Two at once would compile the same packages twice; the second waits and finds the result.
    let lock = File::create(all.join("lock")).context("open the lock of the bundle cache")?;
    lock.lock().context("lock the bundle cache")?;
    if done.is_dir() {
        return Ok(done);
    }
    let partial = all.join(format!("{key}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove {}", partial.display()))?;
    }
    fs::create_dir(&partial).with_context(|| format!("make {}", partial.display()))?;
    make(&partial)?;
    fs::rename(&partial, &done).with_context(|| format!("put {} in place", done.display()))?;
    Ok(done)
}
