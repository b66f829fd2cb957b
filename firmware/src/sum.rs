//! sha256 in hexadecimal.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Of these bytes.
pub fn bytes(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The sum itself.
pub fn raw(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Of a file.
pub fn file(path: &Path) -> Result<String> {
    Ok(bytes(&std::fs::read(path).with_context(|| format!("read {}", path.display()))?))
}
