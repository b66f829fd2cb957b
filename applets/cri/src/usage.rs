//! The room that a folder takes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of the blocks in use and number of entries at and below a path. What vanishes meanwhile is not counted.
pub fn of(path: &Path) -> (u64, u64) {
    let Ok(data) = fs::symlink_metadata(path) else { return (0, 0) };
    let mut sum = (data.blocks() * 512, 1);
    if data.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let below = of(&entry.path());
            sum = (sum.0 + below.0, sum.1 + below.1);
        }
    }
    sum
}
