//! Inputs that are kept in the tree.

use std::fs;
use std::path::PathBuf;

use kit::{Context, Result};

/// A target's directory.
pub fn directory(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// Its inputs, in the order of their names.
pub fn load(target: &str) -> Result<Vec<Vec<u8>>> {
    let directory = directory(target);
    let mut paths: Vec<_> = fs::read_dir(&directory).on("read", &directory)?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).on("read", path)).collect()
}

/// Keep an input that broke a target, and say where.
pub fn keep(target: &str, input: &[u8]) -> Result<PathBuf> {
    // FNV-1a: a name that is the same for the same bytes.
    let hash =
        input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let path = directory(target).join(format!("broken-{hash:016x}"));
    fs::write(&path, input).on("write", &path)?;
    Ok(path)
}
