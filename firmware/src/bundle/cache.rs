//! Results by content: a directory under a hash of everything that went in. It appears whole or not at all, and one process makes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::place;

/// The directory for `key`, which `make` fills the first time.
pub fn get_or_make(key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let all = place::cache("bundle")?;
    let done = all.join(key);
    if done.is_dir() {
        return Ok(done);
    }
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
