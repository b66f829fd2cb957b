//! `manifest.json`: what was built from what, for people and for whoever checks a download.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::apt::Package;
use crate::segment::{Sizes, replace};
use crate::sum;

/// All that is known of one build.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
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
    /// What a boot loader loads, or a node that updates itself.
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
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its sum, in hexadecimal.
    pub sha256: String,
    /// The length before compression, for a segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<u64>,
}

impl Output {
    /// The file as it is.
    pub fn of(path: &Path, sizes: Option<&Sizes>) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, bytes: bytes.len() as u64, sha256: sum::bytes(&bytes), raw: sizes.map(|sizes| sizes.raw) })
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
