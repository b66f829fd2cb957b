//! `manifest.json`: what was built from what, for people and for whoever checks a download.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use initramfs::{Archive, Node};
use serde::{Deserialize, Serialize};

use crate::apt::Package;
use crate::segment::{Sizes, replace};
use crate::sum;

/// All that is known of one build.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of kutties.
    #[serde(default)]
    pub version: String,
    /// The board.
    pub board: String,
    /// Its processor.
    pub arch: crate::board::Arch,
    /// The profile that the binary was built with.
    pub profile: String,
    /// Seconds since 1970 that stand on every file.
    pub source_date_epoch: u32,
    /// rustc's and zig's versions.
    pub rustc: String,
    /// zig's version.
    pub zig: String,
    /// `uname -r`
    pub kernel_release: String,
    /// Debian packages that something was taken from.
    pub packages: Vec<Package>,
    /// The outputs.
    pub files: Vec<Output>,
    /// Files that a boot loader loads, or a node that updates itself.
    #[serde(default)]
    pub boot: Boot,
}

/// The files to start, by their names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Boot {
    /// The kernel.
    pub kernel: String,
    /// The segments, in order; a node's own comes after them.
    pub segments: Vec<String>,
}

/// One output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// Its path in the directory.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its sum, in hexadecimal.
    pub sha256: String,
    /// The length before compression, for a segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<u64>,
    /// Parts, the largest first: a segment's files before compression, or the outputs that an image
    /// holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Content of the file system in it, before compression: the layers of images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Part>,
}

/// A part of an output.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Part {
    /// A path in the segment, of a file or of a directory with many small ones; or another output's name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// Files below this share of a segment are summed up by directory.
const SMALL: u64 = 64;
/// And directories end after so many names of a path: `usr/lib/modules/RELEASE/kernel/net`.
const DEPTH: usize = 6;

/// A segment's parts.
pub fn parts(archive: &Archive) -> Vec<Part> {
    let files = archive.nodes().filter_map(|(path, node)| match node {
        Node::File(_, bytes) => Some((path, bytes.len() as u64)),
        _ => None,
    });
    let files: Vec<(&str, u64)> = files.collect();
    let total: u64 = files.iter().map(|(_, len)| len).sum();
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (path, len) in files {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let small = directory.split('/').take(DEPTH).collect::<Vec<_>>().join("/") + "/";
        *sums.entry(if len * SMALL >= total { path.to_owned() } else { small }).or_default() += len;
    }
    sorted(sums.into_iter().map(|(name, bytes)| Part { name, bytes }).collect())
}

/// The largest first, those of a length by name.
pub fn sorted(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    parts
}

impl Output {
    /// The file as it is, by its path from the board's directory.
    pub fn of(dir: &Path, path: &Path, sizes: Option<&Sizes>, parts: Vec<Part>) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let name = path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
        Ok(Self {
            name,
            bytes: bytes.len() as u64,
            sha256: sum::bytes(&bytes),
            raw: sizes.map(|sizes| sizes.raw),
            parts,
            content: Vec::new(),
        })
    }

    /// As another output's part.
    pub fn as_part(&self) -> Part {
        Part { name: self.name.clone(), bytes: self.bytes }
    }
}

impl Manifest {
    /// Write it.
    pub fn write(&self, path: &Path) -> Result<()> {
        replace(path, (serde_json::to_string_pretty(self)? + "\n").as_bytes())
    }

    /// Read one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn small_files_are_summed_up() {
        let mut archive = Archive::new();
        archive.file("/bin/big", 0o755, vec![1; 10_000]).unwrap();
        for name in ["a", "b"] {
            archive.file(&format!("/usr/lib/modules/6/kernel/net/deep/{name}"), 0o644, vec![1; 50]).unwrap();
        }
        let part = |name: &str, bytes| Part { name: name.to_owned(), bytes };
        assert_eq!(parts(&archive), [part("bin/big", 10_000), part("usr/lib/modules/6/kernel/net/", 100)]);
    }
}
