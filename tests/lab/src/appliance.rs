//! The appliance as the builders made it, with what the lab adds: the agent's segment and the test image's.

use std::fs;
use std::path::{Path, PathBuf};

use firmware::board::{Board, Qemu};
use firmware::image::{Kube, Options};
use firmware::kind::Given;
use firmware::manifest::Manifest;
use firmware::outputs::Outputs;
use firmware::{binary, image, kinds, tools};
use kit::{Context, Error, Result};

use crate::vm::Spec;
use crate::{qemu, segment, test_image};

/// Path of the binary that can be killed at each step, in a guest of the tests of survival.
pub const KILLABLE: &str = "/usr/lib/kutties-test/kutties";
/// Path of their client.
pub const SURVIVOR: &str = "/usr/lib/kutties-test/survivor";

/// The setting of all nodes of the lab: pods without a network plugin. Where a test wants none, a later word on the kernel's command line
/// has the say.
pub const POD_NETWORK: &str = "kutties.network.pods=bridge";

/// A board's files, ready to boot.
#[derive(Debug, Clone)]
pub struct Appliance {
    /// The board.
    pub board: Board,
    /// QEMU's machine for the board.
    pub qemu: Qemu,
    dir: PathBuf,
}

impl Appliance {
    /// Install what is missing and build all that has changed: outside the lab, where there is an internet.
    pub fn build(name: &str) -> Result<Self> {
        Self::build_with(name, Kube::Node)
    }

    /// The same with another bundle.
    pub fn build_with(name: &str, kube: Kube) -> Result<Self> {
        let appliance = Self::open(name)?;
        let board = &appliance.board;
        let tools = tools::ensure(board).map_err(told)?;
        image::build(board, &Options { kube, ..Options::default() }).map_err(told)?;
        let lab = appliance.dir.join("lab");
        fs::create_dir_all(&lab).on("make", &lab)?;
        let agent = binary::package("agent", board.arch, &tools).map_err(told)?;
        segment::agent(&agent, &appliance.agent())?;
        let archive = lab.join("probe.tar");
        let probe = agent.with_file_name("probe");
        fs::copy(&probe, appliance.probe()).on("copy", &probe)?;
        test_image::build(&probe, board.arch, &archive)?;
        firmware::bundle::build("cri-client", &board.arch.to_string(), &lab).map_err(told)?;
        segment::image(&archive, &appliance.image())?;
        let clients = firmware::bundle::build("streaming-client", &board.arch.to_string(), &lab);
        clients.map_err(told)?;
        segment::image(&firmware::test_image::build(board.arch).map_err(told)?, &appliance.busybox())?;
        Ok(appliance)
    }

    /// Build the images that the board boots from by itself, with what a test needs inside; all parts must be there.
    pub fn build_media(&self) -> Result<()> {
        let dir = self.media();
        fs::create_dir_all(&dir).on("make", &dir)?;
        let manifest = Manifest::read(&self.dir.join("manifest.json")).map_err(told)?;
        let tools = tools::ensure(&self.board).map_err(told)?;
        let agent = binary::package("agent", self.board.arch, &tools).map_err(told)?;
        let asked = segment::asked(&agent, &self.dir.join("lab/probe.tar"), &self.cri_client(), &self.asked())?;
        let outputs = Outputs {
            kutties: self.dir.join("kutties"),
            vmlinuz: self.kernel(),
            core: self.core(),
            modules: self.modules(),
            kube: None,
            images: Some(asked),
            manifest: dir.join("manifest.json"),
            dir,
        };
        let mut board = self.board.clone();
        board.cmdline = format!("{} {POD_NETWORK} {}", board.cmdline, qemu::robust(self.board.arch));
        let given = Given { release: &manifest.kernel_release, ..Given::default() };
        kinds::build(&board, &outputs, given).map(drop).map_err(told)
    }

    /// Build what a node hands out to another one: a directory `netboot/` with the kubelet alone, and the agent.
    pub fn build_netboot(&self) -> Result<()> {
        let dir = self.dir.join("lab/node");
        fs::create_dir_all(&dir).on("make", &dir)?;
        let manifest = Manifest::read(&self.dir.join("manifest.json")).map_err(told)?;
        let outputs = Outputs {
            kutties: self.dir.join("kutties"),
            vmlinuz: self.kernel(),
            core: self.core(),
            modules: self.modules(),
            kube: Some(self.kube_worker()),
            images: Some(self.agent()),
            manifest: dir.join("manifest.json"),
            dir,
        };
        let mut board = self.board.clone();
        board.cmdline = format!("{} {POD_NETWORK} {}", board.cmdline, qemu::robust(self.board.arch));
        board.images = vec!["netboot".to_owned()];
        let given = Given { release: &manifest.kernel_release, ..Given::default() };
        kinds::build(&board, &outputs, given).map(drop).map_err(told)
    }

    /// That directory.
    pub fn netboot(&self) -> PathBuf {
        self.dir.join("lab/node/netboot")
    }

    /// The directory of those images.
    pub fn media(&self) -> PathBuf {
        self.dir.join("media")
    }

    /// The segment of those images with what a test needs inside.
    pub fn asked(&self) -> PathBuf {
        self.media().join("asked.cpio.zst")
    }

    /// Build what the tests of survival need as well: the binary whose CRI server can be killed at each of its steps, and their client.
    pub fn build_survival(&self) -> Result<()> {
        let tools = tools::ensure(&self.board).map_err(told)?;
        let built = binary::package_with("kutties", &["failpoints"], self.board.arch, &tools).map_err(told)?;
        let (program, lab) = (fs::read(&built).on("read", &built)?, self.dir.join("lab"));
        firmware::bundle::build("survivor", &self.board.arch.to_string(), &lab).map_err(told)?;
        let client = fs::read(lab.join("survivor")).on("read", lab.join("survivor"))?;
        segment::files(&self.survival(), &[(KILLABLE, &program), (SURVIVOR, &client)]).map(drop)
    }

    /// The segment with those.
    pub fn survival(&self) -> PathBuf {
        self.dir.join("lab/survival.cpio")
    }

    /// Build the bundle that is the kubelet alone as well.
    pub fn build_worker(&self) -> Result<()> {
        image::build(&self.board, &Options { kube: Kube::Worker, ..Options::default() }).map(drop).map_err(told)
    }

    /// Build the segment with the images of a control plane as well.
    pub fn build_control_plane(&self) -> Result<()> {
        self.build_kubelet("control-plane")
    }

    /// Build the segment of another bundle, such as an older kubelet's.
    pub fn build_kubelet(&self, variant: &str) -> Result<()> {
        image::kube_segment(&self.board, variant).map(drop).map_err(told)
    }

    /// Opens an appliance that was built before.
    pub fn open(name: &str) -> Result<Self> {
        let board = Board::load(name).map_err(told)?;
        let dir = board.out().map_err(told)?;
        let qemu = board.qemu.clone().ok_or_else(|| Error::usage(format!("board {name}: QEMU can't play it")))?;
        Ok(Self { board, qemu, dir })
    }

    /// A machine of this board with the whole bundle and the test image, without a network.
    pub fn spec(&self, dir: impl Into<PathBuf>) -> Spec {
        let segments = vec![self.core(), self.modules(), self.kube_node(), self.image()];
        let mut spec = Spec::new(self.board.arch, self.qemu.clone(), self.kernel(), segments, dir.into());
        spec.cmdline = format!("{} {POD_NETWORK}", self.board.cmdline);
        spec
    }

    /// A machine that can be a control plane or join one, with the agent and the image of busybox; its pods' network is what the cluster
    /// brings.
    pub fn cluster_spec(&self, dir: impl Into<PathBuf>) -> Spec {
        let segments = vec![self.core(), self.modules(), self.kube_control_plane(), self.agent(), self.busybox()];
        let mut spec = Spec::new(self.board.arch, self.qemu.clone(), self.kernel(), segments, dir.into());
        spec.cmdline.clone_from(&self.board.cmdline);
        spec
    }

    /// The same with the agent and the image of busybox inside.
    pub fn test_spec(&self, dir: impl Into<PathBuf>) -> Spec {
        let mut spec = self.spec(dir);
        spec.segments.extend([self.agent(), self.busybox()]);
        spec
    }

    /// The kernel's image.
    pub fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// The segment with the binary.
    pub fn core(&self) -> PathBuf {
        self.dir.join("core.cpio.zst")
    }

    /// The segment with the kernel's modules.
    pub fn modules(&self) -> PathBuf {
        self.dir.join("modules.cpio.zst")
    }

    /// The client of the runtime's streaming URLs, a program for the guest.
    pub fn streaming_client(&self) -> PathBuf {
        self.dir.join("lab/streaming-client")
    }

    /// The test image's program, for scripts that make a root file system themselves.
    pub fn probe(&self) -> PathBuf {
        self.dir.join("lab/probe")
    }

    /// The segment with all of Kubernetes' programs.
    pub fn kube_node(&self) -> PathBuf {
        self.dir.join("kube-node.cpio.zst")
    }

    /// The segment with all of Kubernetes' programs and the images of a control plane.
    pub fn kube_control_plane(&self) -> PathBuf {
        self.dir.join("kube-control-plane.cpio.zst")
    }

    /// The client of every RPC, a program for the guest.
    pub fn cri_client(&self) -> PathBuf {
        self.dir.join("lab/cri-client")
    }

    /// The directory with the reference network plugins and libcni's client, programs for the guest.
    pub fn cni_lab(&self) -> PathBuf {
        self.dir.join("lab/cni")
    }

    /// The segment with the kubelet alone.
    pub fn kube_worker(&self) -> PathBuf {
        self.dir.join("kube-worker.cpio.zst")
    }

    /// The segment of another bundle.
    pub fn kubelet(&self, variant: &str) -> PathBuf {
        self.dir.join(format!("kube-{variant}.cpio.zst"))
    }

    /// The lab's segment with the test image.
    pub fn image(&self) -> PathBuf {
        self.dir.join("lab/image.cpio")
    }

    /// The lab's segment with the image of busybox.
    pub fn busybox(&self) -> PathBuf {
        self.dir.join("lab/busybox.cpio")
    }

    /// The lab's segment with the agent.
    pub fn agent(&self) -> PathBuf {
        self.dir.join("lab/agent.cpio")
    }

    /// The directory of the board's outputs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The binary's size in bytes.
    pub fn binary_size(&self) -> Result<u64> {
        let path = self.dir.join("kutties");
        Ok(fs::metadata(&path).on("look at", &path)?.len())
    }
}

/// Build a board that boots from a card, without Kubernetes.
pub fn build_card(name: &str) -> Result<()> {
    let board = Board::load(name).map_err(told)?;
    image::build(&board, &Options { kube: Kube::None, whole: true, ..Options::default() }).map(drop).map_err(told)
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}
