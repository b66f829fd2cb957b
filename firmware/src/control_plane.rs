//! The images of a control plane: Kubernetes' own, as links to the one program that the node runs too, and those around them. Their
//! layers are directories of the node's bundle, which several images and the node itself share.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use initramfs::{Archive, Node};

use crate::apt::Package;
use crate::board::Arch;
use crate::oci_image::{Image, Layer};
use crate::{bundle, netfilter, oci_image, pause, place, run};

/// The bundle with the program.
pub const VARIANT: &str = "lab";
/// Names of the images that are nothing but the program under another name, as `kubeadm config images list` prints them.
const KUBERNETES: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];
/// Their version.
pub const VERSION: &str = "v1.37.1";
/// The others that it prints. The tag of etcd has a revision of the image behind it.
const ETCD: &str = "registry.k8s.io/etcd:3.7.0-0";
const COREDNS: &str = "registry.k8s.io/coredns/coredns:v1.14.6";
const PAUSE: &str = "registry.k8s.io/pause:3.10.2";
/// The pod network's, as its manifest names it.
const FLANNEL: &str = "ghcr.io/flannel-io/flannel:v0.28.10";

/// Directory of the program in its layer, and its name.
const PROGRAMS: &str = "usr/local/bin";
const PROGRAM: &str = "kube";
/// Programs of images are named without a path.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin";
/// Nobody, as upstream's pause has it.
const NOBODY: &str = "65535:65535";

/// Files on the medium beside the program.
pub struct ControlPlane {
    /// The tree of the bundle's file system: `layers/NAME/...`, and the program for the node at `kube`.
    pub tree: Archive,
    /// Each image's directory and layout.
    pub images: Vec<(String, Archive)>,
    /// Debian's packages that something was taken from.
    pub packages: Vec<Package>,
    /// Programs in Go beside Kubernetes, for the bill of materials.
    pub programs: Vec<std::path::PathBuf>,
}

/// Builds all of it; `kube` is the program of the variant, `directory` the place of the layers on a node.
pub fn build(arch: Arch, kube: &Path, directory: &str) -> Result<ControlPlane> {
    agree(arch)?;
    let programs = Programs::build(arch)?;
    let (netfilter, packages) = netfilter::layer(arch)?;
    let mut set = Set { arch, directory, tree: Archive::new(), images: Vec::new() };
    let base = set.layer("base", base(arch)?)?;
    let netfilter = set.layer("netfilter", netfilter)?;
    let mut files = Archive::new();
    files.copy(&format!("{PROGRAMS}/{PROGRAM}"), 0o755, kube)?;
    let shared = set.layer("kube", files)?;
    set.tree.link(PROGRAM, &format!("layers/{}/{PROGRAMS}/{PROGRAM}", shared.name))?;
    for name in KUBERNETES {
        let mut link = Archive::new();
        link.link(&format!("{PROGRAMS}/{name}"), PROGRAM)?;
        let link = set.layer(name, link)?;
        let below = if *name == "kube-proxy" { vec![&base, &shared, &netfilter, &link] } else { vec![&base, &shared, &link] };
        set.image(name, &format!("registry.k8s.io/{name}:{VERSION}"), &format!("/{PROGRAMS}/{name}"), &below)?;
    }
    let etcd = set.layer("etcd", programs.etcd()?)?;
    set.image("etcd", ETCD, "/usr/local/bin/etcd", &[&base, &etcd])?;
    let coredns = set.layer("coredns", programs.coredns()?)?;
    set.image("coredns", COREDNS, "/coredns", &[&base, &coredns])?;
    let flannel = set.layer("flannel", programs.flannel()?)?;
    set.image("flannel", FLANNEL, "/opt/bin/flanneld", &[&base, &netfilter, &flannel])?;
    let mut files = Archive::new();
    files.copy("pause", 0o755, &pause::build(arch)?)?;
    let pause = set.layer("pause", files)?;
    set.image("pause", PAUSE, "/pause", &[&pause])?;
    Ok(ControlPlane { tree: set.tree, images: set.images, packages, programs: programs.all() })
}

/// Layers and images as they are gathered.
struct Set<'a> {
    arch: Arch,
    directory: &'a str,
    tree: Archive,
    images: Vec<(String, Archive)>,
}

impl Set<'_> {
    /// Puts a layer into the tree.
    fn layer(&mut self, purpose: &str, files: Archive) -> Result<Layer> {
        let mut layer = Layer::new(purpose, files)?;
        let top = format!("layers/{}", layer.name);
        // The root of an image has this mode, too.
        self.tree.put(&top, Node::Directory(0o755))?;
        for (path, node) in std::mem::take(&mut layer.files).into_nodes() {
            self.tree.put(&format!("{top}/{path}"), node)?;
        }
        Ok(layer)
    }

    fn image(&mut self, directory: &str, name: &str, program: &str, layers: &[&Layer]) -> Result<()> {
        let user = if directory == "pause" { NOBODY } else { "" };
        let image = Image { name, arch: self.arch, entrypoint: &[program], command: &[], environment: &[PATH], user };
        self.images.push((directory.to_owned(), oci_image::layout(&image, layers, self.directory)?));
        Ok(())
    }
}

/// Programs in Go that are not Kubernetes.
struct Programs {
    etcd: std::path::PathBuf,
    coredns: std::path::PathBuf,
    flannel: std::path::PathBuf,
}

impl Programs {
    fn build(arch: Arch) -> Result<Self> {
        let get = |variant: &str| bundle::build(variant, arch.name(), &place::out(&format!("images/{arch}/{variant}"))?);
        Ok(Self { etcd: get("etcd")?, coredns: get("coredns")?, flannel: get("flannel")? })
    }

    fn etcd(&self) -> Result<Archive> {
        let mut files = Archive::new();
        files.copy("usr/local/bin/etcd", 0o755, &self.etcd)?;
        files.link("usr/local/bin/etcdctl", "etcd")?;
        files.link("usr/local/bin/etcdutl", "etcd")?;
        Ok(files)
    }

    fn coredns(&self) -> Result<Archive> {
        let mut files = Archive::new();
        files.copy("coredns", 0o755, &self.coredns)?;
        Ok(files)
    }

    fn flannel(&self) -> Result<Archive> {
        let mut files = Archive::new();
        for name in ["flanneld", "install-conf"] {
            files.copy(&format!("opt/bin/{name}"), 0o755, &self.flannel.join(name))?;
        }
        Ok(files)
    }

    fn all(&self) -> Vec<std::path::PathBuf> {
        vec![self.etcd.clone(), self.coredns.clone(), self.flannel.join("flanneld")]
    }
}

/// The little that any program expects of a root.
fn base(arch: Arch) -> Result<Archive> {
    let mut files = Archive::new();
    files.file("etc/passwd", 0o644, "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n")?;
    files.file("etc/group", 0o644, "root:x:0:\nnobody:x:65534:\n")?;
    // Without it programs in Go ask the name servers before they look into /etc/hosts.
    files.file("etc/nsswitch.conf", 0o644, "hosts: files dns\n")?;
    for directory in ["dev", "proc", "root", "run", "sys", "usr/bin", "usr/lib", "usr/sbin", "var/tmp"] {
        files.directory(directory)?;
    }
    files.put("tmp", Node::Directory(0o1777))?;
    for name in ["bin", "lib", "sbin"] {
        files.link(name, &format!("usr/{name}"))?;
    }
    if arch == Arch::X86_64 {
        files.link("lib64", "usr/lib64")?;
    }
    Ok(files)
}

/// Checks that the images have the names that kubeadm asks the runtime for, where kubeadm runs.
fn agree(arch: Arch) -> Result<()> {
    if bundle::Arch::native().ok() != Some(arch.name().parse()?) {
        return Ok(());
    }
    let kubeadm = bundle::native(VARIANT)?.join("kubeadm");
    let told = run::answered(Command::new(kubeadm).args(["config", "images", "list", "--kubernetes-version", VERSION]))?;
    let own = names();
    let missing: Vec<&str> = told.lines().filter(|name| !own.iter().any(|own| own == name)).collect();
    ensure!(missing.is_empty(), "pack the images of a control plane: kubeadm also asks for {}", missing.join(", "));
    Ok(())
}

/// Names of the images that kubeadm asks for.
fn names() -> Vec<String> {
    let kubernetes = KUBERNETES.iter().map(|name| format!("registry.k8s.io/{name}:{VERSION}"));
    kubernetes.chain([ETCD, COREDNS, PAUSE].map(str::to_owned)).collect()
}

/// The manifest of the pod network, for `kubectl apply`.
pub fn flannel() -> Result<Vec<u8>> {
    let path = place::repository().join("firmware/bundle/flannel/flannel.yml");
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn tags_are_the_versions_that_are_built() {
        let version = |variant: &str| bundle::table::find(variant).unwrap().modules.version;
        assert_eq!(VERSION, version(VARIANT));
        assert!(ETCD.ends_with(&format!(":{}-0", version("etcd").trim_start_matches('v'))), "{ETCD}");
        assert!(COREDNS.ends_with(&format!(":{}", version("coredns"))), "{COREDNS}");
        assert!(FLANNEL.ends_with(&format!(":{}", version("flannel"))), "{FLANNEL}");
        let manifest = String::from_utf8(flannel().unwrap()).unwrap();
        let images: Vec<&str> = manifest.lines().filter_map(|line| line.trim().strip_prefix("image: ")).collect();
        assert!(!images.is_empty() && images.iter().all(|image| *image == FLANNEL), "{images:?}");
    }

    #[test]
    fn kubernetes_images_share_the_program() {
        let mut set = Set { arch: Arch::X86_64, directory: "/l", tree: Archive::new(), images: Vec::new() };
        let base = set.layer("base", base(Arch::X86_64).unwrap()).unwrap();
        let mut files = Archive::new();
        files.file("usr/local/bin/kube", 0o755, "kube").unwrap();
        let kube = set.layer("kube", files).unwrap();
        for name in KUBERNETES {
            set.image(name, &format!("x/{name}:1"), "/p", &[&base, &kube]).unwrap();
        }
        let programs = set.tree.nodes().filter(|(path, _)| path.ends_with("/kube")).count();
        assert_eq!((programs, set.images.len()), (1, KUBERNETES.len()));
        assert_eq!(set.tree.get(&format!("layers/{}/tmp", base.name)), Some(&Node::Directory(0o1777)));
    }
}
