//! Records as files: one JSON each, renamed into place, so that a killed server leaves the old one or the new one.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use kit::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::step::{Step, reached};

/// Write a record. Its folder is made if need be.
pub fn write(path: &Path, record: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec(record).on("encode", path)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| file.write_all(&bytes)).on("write", &new);
    reached(Step::RecordHalf);
    written.and_then(|()| fs::rename(&new, path).on("rename", &new)).inspect_err(|_| {
        // Half a record is of no use, and there may be no room for it.
        let _ = fs::remove_file(&new);
    })
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

/// Remove a folder with all that is in it; it may be gone already. A container may have made it as deep as it liked.
pub fn remove_folder(path: &Path) -> Result<()> {
    kit::tree::remove(path).on("remove", path)
}
