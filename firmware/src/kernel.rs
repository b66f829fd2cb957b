//! A board's kernel: Debian's, as it is, or one that is built from Debian's source.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::apt::{Package, Suite};
use crate::board::Board;
use crate::small;

/// An unpacked kernel package.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Release as `uname -r` prints it.
    pub release: String,
    /// The package that it came in.
    pub package: Package,
    /// The kernel itself.
    pub vmlinuz: PathBuf,
    /// Its build configuration.
    pub config: PathBuf,
    /// The directory that `lib/modules/RELEASE` is below.
    pub root: PathBuf,
}

impl Kernel {
    /// The board's kernel, fetched or built when it is not in the cache.
    pub fn fetch(board: &Board) -> Result<Self> {
        if let Some(config) = &board.kernel.config {
            return small::build(board, config);
        }
        let suite = Suite::new(&board.kernel.suite, board.arch.debian())?;
        let package = suite.fetch(&board.kernel.package, &board.kernel.series, true)?;
        let root = suite.unpack(&package)?;
        // depmod looks below lib, newer packages put them below usr/lib.
        if !root.join("lib").exists() {
            std::os::unix::fs::symlink("usr/lib", root.join("lib")).with_context(|| format!("make {}/lib", root.display()))?;
        }
        let release = only_name(&root.join("lib/modules"))?;
        let boot = |name: &str| root.join("boot").join(format!("{name}-{release}"));
        Ok(Self { vmlinuz: boot("vmlinuz"), config: boot("config"), package, root, release })
    }

    /// The directory of the device trees, where the package has one.
    pub fn trees(&self) -> Option<PathBuf> {
        Some(self.root.join("usr/lib").join(format!("linux-image-{}", self.release))).filter(|dir| dir.is_dir())
    }

    /// The modules and what was shipped with them.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }
}

/// The kernel without the UEFI program around it that unpacks it, as boot loaders of arm64 and kexec take it; others stay as they are.
pub fn plain(vmlinuz: Vec<u8>) -> Result<Vec<u8>> {
    match format::zboot::parse(&vmlinuz) {
        Some(inner) if inner.name == "zstd" => zstd::decode_all(inner.packed).context("unpack the kernel"),
        Some(inner) => bail!("unpack the kernel: it is packed as {}", inner.name),
        None => Ok(vmlinuz),
    }
}

/// The name of the one thing in a directory.
pub fn only_name(dir: &Path) -> Result<String> {
    let mut names = fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))?;
    let first = names.next().with_context(|| format!("read {}: it is empty", dir.display()))??;
    Ok(first.file_name().to_string_lossy().into_owned())
}
