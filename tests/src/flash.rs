//! A machine that boots from its flash, with no other medium; and the kernel that is small enough for that, in a cluster.

use kit::{Context, Error, Result};
use lab::flash::Flash;
use lab::segment::CLIENT;
use lab::vm::Medium;

use crate::case::Outcome;
use crate::media;
use crate::world::{JOIN, World};

/// The cases' names: both need a kernel that takes a quarter of an hour to build.
pub const NAMES: [&str; 2] = ["media/rom-", "media/small-kernel-"];

/// The board with a flash that a board of virtual machines plays.
pub fn board(of: &str) -> &'static str {
    if of.starts_with("x86_64") { "x86_64-linuxboot" } else { "aarch64-uefi" }
}

/// Firmware, kernel and system out of one image in the place of the machine's own flash.
pub fn boots(world: &mut World, of: &str) -> Outcome {
    let mut files = None;
    let node = world.boot(of, |appliance, spec| {
        let flash = Flash::open(board(of))?;
        let args = format!("-drive if=pflash,unit=0,format=raw,snapshot=on,file={}", flash.rom().display());
        spec.qemu = flash.board.qemu.ok_or_else(|| Error::new("QEMU can't play it"))?;
        spec.medium = Some(Medium { uefi: None, args: args.split(' ').map(str::to_owned).collect() });
        files = Some((appliance.cri_client(), appliance.dir().join("lab/probe.tar")));
        Ok(())
    })?;
    let guest = &node.vm.guest;
    let put = |path: &std::path::Path, to: &str| -> Result<()> { guest.write(to, &std::fs::read(path).on("read", path)?, 0o755) };
    if let Some((client, image)) = files {
        guest.sh(&format!("mkdir -p $(dirname {CLIENT})"))?;
        put(&client, CLIENT)?;
        put(&image, "/tmp/probe.tar")?;
    }
    guest.sh("kutties image import /tmp/probe.tar")?;
    media::says(guest)
}

/// The small kernel does what the kubelet, its checks and its pods' networks ask of one: the node gets Ready.
pub fn joins(world: &mut World, of: &str) -> Outcome {
    let mut node = world.boot(of, |appliance, spec| {
        let flash = Flash::open(board(of))?;
        spec.kernel = flash.kernel();
        spec.segments = flash.segments();
        spec.segments.extend([appliance.asked(), appliance.agent()]);
        Ok(())
    })?;
    // First, for the kubelet ends what it did not start.
    media::says(&node.vm.guest)?;
    node.join(&world.plane)?;
    node.wait_ready(&world.plane, JOIN)?;
    Ok(())
}
