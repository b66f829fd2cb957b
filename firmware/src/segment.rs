//! Segments: archives, compressed, in a file; what did not change is left as it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use initramfs::Archive;
use serde::{Deserialize, Serialize};

use crate::{binary, sum};

/// zstd's level for what is shipped: the last one whose window (8 MiB) a machine of 384 MB does not feel at boot.
const LEVEL: i32 = 19;
/// The level of the quick profile.
const QUICK_LEVEL: i32 = 3;
/// Beside the outputs: what each was made from.
const STAMPS: &str = ".stamps.json";

/// A segment's sizes in bytes.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Sizes {
    /// As a newc archive.
    pub raw: u64,
    /// As zstd, in the file.
    pub zstd: u64,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Stamp {
    /// The archive's sha256.
    from: String,
    level: i32,
    sizes: Sizes,
}

/// Seconds since 1970 for all that carries a time: `SOURCE_DATE_EPOCH`, else 0.
pub fn epoch() -> Result<u32> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().with_context(|| format!("SOURCE_DATE_EPOCH is {text}, not a number of seconds")),
        Err(_) => Ok(0),
    }
}

/// Write the segment to a file and answer its sizes. The file's directory keeps a stamp, by which an unchanged segment is known.
pub fn write(archive: &Archive, path: &Path) -> Result<Sizes> {
    let newc = archive.to_newc(epoch()?)?;
    let level = level();
    let stamps_path = path.with_file_name(STAMPS);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut stamps: BTreeMap<String, Stamp> =
        fs::read_to_string(&stamps_path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let from = sum::bytes(&newc);
    if let Some(stamp) = stamps.get(&name)
        // One that was packed better will do.
        && (stamp.from == from && stamp.level >= level)
        && fs::metadata(path).is_ok_and(|meta| meta.len() == stamp.sizes.zstd)
    {
        return Ok(stamp.sizes.clone());
    }
    println!("packing {name} ({:.1} MB)", megabytes(newc.len() as u64));
    let packed = pack_at(&newc, level).with_context(|| format!("compress {name}"))?;
    replace(path, &packed)?;
    let sizes = Sizes { raw: newc.len() as u64, zstd: packed.len() as u64 };
    stamps.insert(name, Stamp { from, level, sizes: sizes.clone() });
    replace(&stamps_path, serde_json::to_string_pretty(&stamps)?.as_bytes())?;
    Ok(sizes)
}

/// A node segment: a machine's own files, as they lie in a directory.
pub fn node(files: &Path, path: &Path) -> Result<Sizes> {
    let mut archive = Archive::new();
    archive.tree("/", files)?;
    write(&archive, path)
}

/// Put a file in place at once, so that nobody reads half of it.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = PathBuf::from(format!("{}.partial", path.display()));
    fs::write(&partial, bytes).with_context(|| format!("write {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("put {} in place", path.display()))
}

/// For people: 10⁶ bytes.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn level() -> i32 {
    if binary::profile() == "release" { LEVEL } else { QUICK_LEVEL }
}

/// Bytes packed as the profile says.
pub fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    pack_at(bytes, level()).context("compress")
}

fn pack_at(newc: &[u8], level: i32) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level)?;
    encoder.set_pledged_src_size(Some(newc.len() as u64))?;
    encoder.include_contentsize(true)?;
    // The bytes don't depend on the number of workers, only on there being any.
    encoder.multithread(2)?;
    encoder.write_all(newc)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn packs_once_and_the_same_each_time() {
        let dir = std::env::temp_dir().join(format!("kutties-segment-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut archive = Archive::new();
        archive.file("/etc/x", 0o600, vec![7; 100_000]).unwrap();
        let path = dir.join("x.cpio.zst");
        let sizes = write(&archive, &path).unwrap();
        let (first, made) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
        assert_eq!(write(&archive, &path).unwrap(), sizes);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made);
        assert_eq!(zstd::decode_all(first.as_slice()).unwrap(), archive.to_newc(epoch().unwrap()).unwrap());
        fs::remove_file(dir.join(STAMPS)).unwrap();
        write(&archive, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::remove_dir_all(&dir).unwrap();
    }
}
