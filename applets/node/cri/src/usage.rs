//! The room that a directory takes.

use std::path::Path;

/// Bytes of the blocks in use and number of entries at and below a path. What can't be measured is said and not counted.
pub fn of(path: &Path) -> (u64, u64) {
    match kit::tree::measure(path) {
        Ok(usage) => (usage.bytes, usage.inodes),
        Err(e) => {
            tracing::warn!(path = %path.display(), error = %e, "measure");
            (0, 0)
        }
    }
}
