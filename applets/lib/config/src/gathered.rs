//! All settings in one file: what children of PID 1 have read among strangers' words, in a form of our own that PID 1 may read.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use kit::fs::Form;
use kit::{Context, Result, paths};

use crate::Config;

impl Config {
    /// Reads the settings that were gathered last.
    ///
    /// # Errors
    /// Nothing was gathered yet.
    pub fn gathered() -> Result<Self> {
        let path = paths::CONFIG_GATHERED;
        let bytes = fs::read(path).on("read", path)?;
        serde_json::from_slice(&bytes).on("read", path)
    }

    /// Keep this for PID 1.
    pub fn keep(&self) -> Result<()> {
        write(Path::new(paths::CONFIG_GATHERED), &serde_json::to_vec(self).doing("encode the settings")?)
    }
}

/// Write a file for root alone, whole or not at all: there may be a token in it.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).on("make", directory)?;
    }
    kit::fs::replace(path, content, Form::SECRET)
}
