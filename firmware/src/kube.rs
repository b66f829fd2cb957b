//! The segment of a Kubernetes bundle: a file system in a file, which the node mounts, links to its programs, and for a control plane
//! the descriptions of the images whose layers are in that file system.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use initramfs::{Archive, Node};

use crate::apt::Package;
use crate::board::Board;
use crate::image::IMAGES;
use crate::manifest::{self, Part};
use crate::{bundle, control_plane, place, squash};

/// The Kubernetes bundle that goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kube {
    /// None.
    None,
    /// The kubelet alone.
    Worker,
    /// kubelet, kubeadm, kubectl and kube-proxy.
    #[default]
    Node,
    /// The same, and the images of a control plane.
    ControlPlane,
}

impl Kube {
    /// The bundle's name; none for none.
    pub const fn variant(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Worker => Some("worker"),
            Self::Node => Some("node"),
            Self::ControlPlane => Some(control_plane::VARIANT),
        }
    }
}

impl fmt::Display for Kube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Worker => "worker",
            Self::Node => "node",
            Self::ControlPlane => "control-plane",
        })
    }
}

impl std::str::FromStr for Kube {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::Worker, Self::Node, Self::ControlPlane, Self::None];
        match all.into_iter().find(|kube| kube.to_string() == text) {
            Some(kube) => Ok(kube),
            None => bail!("no bundle {text}; there are worker, node, control-plane and none"),
        }
    }
}

/// Path of the bundle's file system on a node, and its mount point; `kit::paths` says the same.
const FILE_SYSTEM: &str = "/usr/lib/kutties/kube.squashfs";
const MOUNT: &str = "/usr/lib/kutties/kube";
/// The bundle's program in there.
const PROGRAM: &str = "kube";
/// The manifest of the pod network on a node, and the link for people. A disk that keeps /etc/kubernetes keeps the link, and so the
/// manifest is always the one that fits the images.
const FLANNEL: &str = "/usr/share/kutties/flannel.yml";
const FLANNEL_LINK: &str = "/etc/kubernetes/flannel.yml";

/// A segment in the making.
pub struct Bundle {
    /// Its content.
    pub archive: Archive,
    /// Content of its file system, before compression.
    pub content: Vec<Part>,
    /// The programs in Go.
    pub programs: Vec<PathBuf>,
    /// Debian's packages that something was taken from.
    pub packages: Vec<Package>,
}

/// Builds the bundle; none for none.
pub fn build(kube: Kube, board: &Board) -> Result<Option<Bundle>> {
    match (kube, kube.variant()) {
        (_, None) => Ok(None),
        (Kube::ControlPlane, Some(variant)) => control_plane(&program(variant, board)?, board).map(Some),
        (_, Some(variant)) => bundle(variant, board).map(Some),
    }
}

/// Builds the bundle of a variant that is one program.
pub fn bundle(variant: &str, board: &Board) -> Result<Bundle> {
    let file = program(variant, board)?;
    let mut archive = around(&squash::image(&file, PROGRAM)?)?;
    link(&mut archive, variant)?;
    Ok(Bundle { archive, content: Vec::new(), programs: vec![file], packages: Vec::new() })
}

fn control_plane(program: &Path, board: &Board) -> Result<Bundle> {
    let all = control_plane::build(board.arch, program, &format!("{MOUNT}/layers"))?;
    let path = program.with_file_name("control-plane.squashfs");
    squash::archive(&all.tree, &path)?;
    let mut archive = around(&path)?;
    // The node runs what the others do; the control plane itself comes out of its images.
    link(&mut archive, "node")?;
    for (name, layout) in all.images {
        for (path, node) in layout.into_nodes() {
            archive.put(&format!("{IMAGES}/{name}/{path}"), node)?;
        }
    }
    archive.file(FLANNEL, 0o644, control_plane::flannel()?)?;
    archive.link(FLANNEL_LINK, FLANNEL)?;
    let programs = std::iter::once(program.to_owned()).chain(all.programs).collect();
    Ok(Bundle { archive, content: content(&all.tree), programs, packages: all.packages })
}

/// The bundle's program.
fn program(variant: &str, board: &Board) -> Result<PathBuf> {
    // A directory of its own: variants may give their file the same name.
    bundle::build(variant, board.arch.name(), &place::out(&format!("{}/bundle/{variant}", board.name))?)
}

/// The segment with that file system.
fn around(file_system: &Path) -> Result<Archive> {
    let mut archive = Archive::new();
    archive.copy(FILE_SYSTEM, 0o644, file_system)?;
    archive.directory(MOUNT)?;
    Ok(archive)
}

fn link(archive: &mut Archive, variant: &str) -> Result<()> {
    for program in bundle::programs(variant)? {
        archive.link(&format!("/usr/bin/{program}"), &format!("{MOUNT}/{PROGRAM}")).context("link the bundle's programs")?;
    }
    Ok(())
}

/// Bytes of each layer's files.
fn content(tree: &Archive) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (path, node) in tree.nodes() {
        let Node::File(_, bytes) = node else { continue };
        let name = path.split('/').take(2).collect::<Vec<_>>().join("/");
        match parts.last_mut().filter(|part| part.name == name) {
            Some(part) => part.bytes += bytes.len() as u64,
            None => parts.push(Part { name, bytes: bytes.len() as u64 }),
        }
    }
    manifest::sorted(parts)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_lead_back() {
        for kube in [Kube::None, Kube::Worker, Kube::Node, Kube::ControlPlane] {
            assert_eq!(kube.to_string().parse::<Kube>().unwrap(), kube);
        }
        assert!("lab".parse::<Kube>().is_err());
    }

    #[test]
    fn layers_are_summed_up() {
        let mut tree = Archive::new();
        tree.file("layers/a-1/x/y", 0o644, vec![1; 5]).unwrap();
        tree.file("layers/a-1/z", 0o644, vec![1; 2]).unwrap();
        tree.file("layers/b-1/z", 0o644, vec![1; 9]).unwrap();
        let part = |name: &str, bytes| Part { name: name.to_owned(), bytes };
        assert_eq!(content(&tree), [part("layers/b-1", 9), part("layers/a-1", 7)]);
    }
}
