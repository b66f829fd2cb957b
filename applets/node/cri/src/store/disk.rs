//! Records as files: one JSON each, renamed into place, so that a killed server leaves the old one or the new one.

use std::fs;
use std::path::Path;

use kit::fs::{Beside, Form};
use kit::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::step::{Step, reached};

/// Write a record. Its directory is made if need be.
pub fn write(path: &Path, record: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec(record).on("encode", path)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    let new = Beside::write(path, bytes, Form::PLAIN);
    reached(Step::RecordHalf);
    new?.put()
}

/// Read a record.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).on("read", path)?;
    serde_json::from_slice(&bytes).on("decode", path)
}

/// Remove a record; it may be gone already.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).on("remove", path),
        _ => Ok(()),
    }
}

/// Remove a directory with all that is in it; it may be gone already. A container may have made it as deep as it liked.
pub fn remove_directory(path: &Path) -> Result<()> {
    kit::tree::remove(path).on("remove", path)
}
