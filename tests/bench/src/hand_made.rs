//! Build the hand-made appliance's own segment. `hand-made/` has its files; kernel, modules and kubelet are the same as ours.

use std::fs;
use std::path::{Path, PathBuf};

use firmware::apt::Suite;
use firmware::{bundle, place};
use initramfs::{Archive, Node};
use kit::{Context, Result};
use lab::appliance::Appliance;

use crate::told;

/// Debian suite of busybox.
const SUITE: &str = "trixie";
/// The files in `hand-made/`: path on the appliance, mode, content.
const FILES: &[(&str, u32, &str)] = &[
    ("/init", 0o755, include_str!("../hand-made/init")),
    ("/etc/udhcpc.script", 0o755, include_str!("../hand-made/udhcpc.script")),
    ("/etc/containerd/config.toml", 0o644, include_str!("../hand-made/containerd.toml")),
    ("/etc/cni/net.d/10-bridge.conflist", 0o644, include_str!("../hand-made/10-bridge.conflist")),
    ("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("/etc/group", 0o644, "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("/etc/hosts", 0o644, "127.0.0.1 localhost\n"),
    ("/etc/os-release", 0o644, "NAME=\"hand-made\"\nID=hand-made\nVERSION_ID=1\nPRETTY_NAME=\"hand-made\"\n"),
    ("/etc/machine-id", 0o644, "0123456789abcdef0123456789abcdef\n"),
];
const DIRECTORIES: &[&str] = &[
    "/dev",
    "/etc/kubernetes/kubelet.conf.d",
    "/etc/kubernetes/manifests",
    "/mnt",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/tmp",
    "/usr/sbin",
    "/var/lib",
    "/var/log",
];
/// The container runtime's programs: bundle, program.
const PROGRAMS: &[(&str, &str)] = &[("containerd", "containerd"), ("containerd", "containerd-shim-runc-v2"), ("runc", "runc")];
/// The network plugins that its conflist and containerd ask for; not one more.
const PLUGINS: &[&str] = &["bridge", "host-local", "loopback"];

/// Returns the path that [`build`] writes.
pub fn segment(appliance: &Appliance) -> PathBuf {
    appliance.dir().join("bench/hand-made.cpio.zst")
}

/// The Kubernetes bundle `worker` or `node` as plain files of an initramfs; [`build`] puts it there.
pub fn kube(appliance: &Appliance, variant: &str) -> PathBuf {
    appliance.dir().join(format!("bench/plain-kube-{variant}.cpio.zst"))
}

/// The program that starts first on both sides.
pub fn prober(appliance: &Appliance) -> PathBuf {
    appliance.dir().join("bench/cri-probe")
}

/// containerd's importer of images: no part of the appliance, a node fetches it for the test image when it is Ready.
pub fn importer() -> Result<PathBuf> {
    Ok(bundle::native("containerd").map_err(told)?.join("ctr"))
}

/// Build what changed; compressed as ours is. With `no_build`, a prober that is there stays.
pub fn build(appliance: &Appliance, no_build: bool) -> Result<()> {
    let dir = appliance.dir().join("bench");
    fs::create_dir_all(&dir).on("make", &dir)?;
    let to = prober(appliance);
    if !(no_build && to.exists()) {
        let tools = firmware::tools::ensure(&appliance.board).map_err(told)?;
        let agent = firmware::binary::package("agent", appliance.board.arch, &tools).map_err(told)?;
        let from = agent.with_file_name("cri-probe");
        fs::copy(&from, &to).on("copy", &from)?;
    }
    let archive = archive(appliance).doing("fill the hand-made appliance")?;
    firmware::segment::write(&archive, &segment(appliance)).map_err(told)?;
    ["worker", "node"].into_iter().try_for_each(|variant| {
        let archive = plain_kube(appliance, variant)?;
        firmware::segment::write(&archive, &kube(appliance, variant)).map(drop).map_err(told)
    })
}

/// The same program as in our bundle, under the same names.
fn plain_kube(appliance: &Appliance, variant: &str) -> Result<Archive> {
    const PROGRAM: &str = "/usr/lib/kube";
    let out = place::out(&format!("{}/bundle/{variant}", appliance.board.name)).map_err(told)?;
    let file = bundle::build(variant, appliance.board.arch.name(), &out).map_err(told)?;
    let mut archive = Archive::new();
    archive.copy(PROGRAM, 0o755, &file).doing("put the bundle")?;
    for program in bundle::programs(variant).map_err(told)? {
        archive.link(&format!("/usr/bin/{program}"), PROGRAM).doing("link the bundle")?;
    }
    Ok(archive)
}

fn archive(appliance: &Appliance) -> Result<Archive> {
    let arch = appliance.board.arch;
    let mut archive = Archive::new();
    skeleton(&mut archive).doing("make the skeleton")?;
    let suite = Suite::new(SUITE, arch.debian()).map_err(told)?;
    let package = suite.fetch("busybox-static", "", false).and_then(|package| suite.unpack(&package)).map_err(told)?;
    busybox(&mut archive, &package.join("usr/bin/busybox"))?;
    for (variant, program) in PROGRAMS {
        let from = bundled(variant, arch.name(), appliance)?.join(program);
        archive.copy(&format!("/usr/bin/{program}"), 0o755, &from).doing("put the runtime")?;
    }
    for plugin in PLUGINS {
        let from = bundled("cni", arch.name(), appliance)?.join(plugin);
        archive.copy(&format!("/opt/cni/bin/{plugin}"), 0o755, &from).doing("put the plugins")?;
    }
    Ok(archive)
}

fn skeleton(archive: &mut Archive) -> Result<(), initramfs::Error> {
    DIRECTORIES.iter().try_for_each(|directory| archive.directory(directory))?;
    FILES.iter().try_for_each(|(path, mode, content)| archive.file(path, *mode, *content))?;
    archive.link("/lib", "usr/lib")?;
    // The kernel opens the console before devtmpfs is mounted.
    archive.put("/dev/console", Node::Device(0o600, 5, 1))?;
    archive.put("/dev/null", Node::Device(0o666, 1, 3))
}

/// The program and a link for each name that it answers to here; it is the host's architecture, so it can be asked.
fn busybox(archive: &mut Archive, program: &Path) -> Result<()> {
    archive.copy("/bin/busybox", 0o755, program).doing("put busybox")?;
    let names = lab::tool::run(&program.to_string_lossy(), &["--list"])?;
    for name in names.lines().filter(|name| *name != "busybox") {
        let directory = if matches!(name, "init" | "modprobe") { "/sbin" } else { "/bin" };
        archive.link(&format!("{directory}/{name}"), "/bin/busybox").doing("link busybox")?;
    }
    Ok(())
}

/// A bundle's directory, whether it holds one file or several.
fn bundled(variant: &str, arch: &str, appliance: &Appliance) -> Result<PathBuf> {
    let out = place::out(&format!("{}/bundle/{variant}", appliance.board.name)).map_err(told)?;
    bundle::build(variant, arch, &out).map_err(told)?;
    Ok(out)
}
