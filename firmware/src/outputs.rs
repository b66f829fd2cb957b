//! Parts and images of a board, as absolute paths.

use std::path::{Path, PathBuf};

/// Files that were built, as absolute paths.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// `out/BOARD`
    pub dir: PathBuf,
    /// The binary, as it is in the core segment.
    pub kutties: PathBuf,
    /// For QEMU's `-kernel`.
    pub vmlinuz: PathBuf,
    /// The binary and its links, the skeleton.
    pub core: PathBuf,
    /// Kernel modules and the kernel's configuration.
    pub modules: PathBuf,
    /// `kube-worker.cpio.zst`, `kube-node.cpio.zst` or `kube-control-plane.cpio.zst`.
    pub kube: Option<PathBuf>,
    /// `images.cpio.zst`
    pub images: Option<PathBuf>,
    /// `manifest.json`
    pub manifest: PathBuf,
}

impl Outputs {
    /// Segments in the order to boot them; a node segment goes after them.
    pub fn segments(&self) -> Vec<&Path> {
        [Some(&self.core), Some(&self.modules), self.kube.as_ref(), self.images.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect()
    }
}
