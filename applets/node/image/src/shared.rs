//! Layers that came with the node as directories of a read-only file system: they serve in place and are never copied.
//!
//! A layout that came with the node names such a directory in an annotation of the layer's descriptor, instead of holding the blob. The
//! directory's name ends with the beginning of the layer's digest, so that the layer of another release lies at another path and an
//! old name leads nowhere. Nobody else may name a directory of the node.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use kit::{Context, Error, Result};
use oci_spec::image::Descriptor;

/// The annotation with the directory's path.
const ANNOTATION: &str = "dev.kutties.layer";
/// Digits of the layer's digest at the end of the directory's name.
const DIGITS: usize = 16;

/// Path that a layer's descriptor names, as it is written there.
pub fn named(layer: &Descriptor) -> Option<&str> {
    layer.annotations().as_ref()?.get(ANNOTATION).map(String::as_str)
}

/// Directory that a layer's descriptor names, if it names one.
///
/// # Errors
/// None may be named here (`below` is none), the path is not a plain one below `below`, or a directory is not there.
pub fn directory(layer: &Descriptor, below: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(path) = named(layer) else { return Ok(None) };
    let bad = |why: String| Error::new(format!("layer {} is at {path}: {why}", layer.digest()));
    let Some(below) = below else {
        return Err(bad("only a layout that came with the node may name a directory of it".to_owned()));
    };
    let path = Path::new(path);
    // Written as text it could climb out again.
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !plain || !path.starts_with(below) {
        return Err(bad(format!("no plain path below {}", below.display())));
    }
    let real = fs::canonicalize(path).map_err(|e| bad(e.to_string()))?;
    if real != path || !path.is_dir() {
        return Err(bad("a symbolic link or no directory".to_owned()));
    }
    Ok(Some(real))
}

/// Check that the directory is the layer `diff_id`, by its name; the bytes of its files.
pub fn check(directory: &Path, diff_id: &str) -> Result<u64> {
    let digits = diff_id.split_once(':').and_then(|(_, digits)| digits.get(..DIGITS));
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if digits.is_none_or(|digits| !name.ends_with(digits)) {
        return Err(Error::new(format!("{} is not the directory of layer {diff_id}", directory.display())));
    }
    length(directory).on("measure", directory)
}

/// Bytes of the files below a directory of the node's own.
fn length(directory: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        sum += match () {
            () if meta.is_dir() => length(&entry.path())?,
            () if meta.is_file() => meta.len(),
            () => 0,
        };
    }
    Ok(sum)
}
