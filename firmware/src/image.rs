//! A board's outputs: `out/BOARD/` with the binary, the kernel, the segments and the manifest.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::board::Board;

/// Which Kubernetes bundle goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kube {
    /// None.
    None,
    /// The kubelet alone.
    Worker,
    /// kubelet, kubeadm, kubectl and kube-proxy.
    #[default]
    Node,
}

/// What to build beside the parts that each board has.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The Kubernetes bundle.
    pub kube: Kube,
    /// Image archives (docker or OCI, tar) or OCI layout folders that go along; none makes no segment.
    pub images: Vec<PathBuf>,
}

/// What was built, as absolute paths.
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
    /// `kube-worker.cpio.zst` or `kube-node.cpio.zst`.
    pub kube: Option<PathBuf>,
    /// `images.cpio.zst`
    pub images: Option<PathBuf>,
    /// `manifest.json`
    pub manifest: PathBuf,
}

impl Outputs {
    /// The segments in the order to boot them; a node segment goes after them.
    pub fn segments(&self) -> Vec<&Path> {
        [Some(&self.core), Some(&self.modules), self.kube.as_ref(), self.images.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect()
    }
}

/// Build all that did not stay the same since the last time.
pub fn build(board: &Board, _options: &Options) -> Result<Outputs> {
    anyhow::bail!("building {} is not written yet", board.name)
}
