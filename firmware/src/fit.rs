//! `kutties.itb`: one file for U-Boot with the kernel, all segments and a script that knows the command line.
//!
//! The device tree is the one that the machine's U-Boot has itself, so the same file does for all boards of a processor.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use format::fit::{self, Part};

use crate::board::{Arch, Board};
use crate::kernel::plain;
use crate::kind::{Job, Kind};
use crate::outputs::Outputs;
use crate::segment::epoch;
use crate::sum;
use crate::uki::together;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "fit",
    files: &["kutties.itb"],
    others: &["boot.scr"],
    about: "for U-Boot: copy both onto a medium that it searches",
    arches: &[Arch::Aarch64],
    boots: &["fit-by-u-boot"],
    packed: false,
    make: write,
};

fn write(job: &Job<'_>) -> Result<Vec<PathBuf>> {
    let image = job.put(NAME, &build(job.board, job.outputs, &job.cmdline)?)?;
    Ok([image, job.put("boot.scr", &script(&job.cmdline)?)?].concat())
}

/// The image's name.
pub const NAME: &str = "kutties.itb";
/// The script's name in the image: `source ${fileaddr}:boot`.
const SCRIPT: &str = "boot";
/// Mark of a kernel that U-Boot's `booti` understands, and its position.
const ARM64_MARK: &[u8] = b"ARM\x64";
const ARM64_MARK_AT: usize = 0x38;

/// The image's bytes.
pub fn build(board: &Board, outputs: &Outputs, cmdline: &str) -> Result<Vec<u8>> {
    ensure!(board.arch == Arch::Aarch64, "make kutties.itb for {}: U-Boot's image is made for aarch64 alone", board.name);
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    let kernel = plain(read(&outputs.vmlinuz)?)?;
    ensure!(
        kernel.get(ARM64_MARK_AT..ARM64_MARK_AT + ARM64_MARK.len()) == Some(ARM64_MARK),
        "make kutties.itb: {} is no plain arm64 kernel",
        outputs.vmlinuz.display()
    );
    let segments = together(outputs.segments().into_iter().map(read).collect::<Result<_>>()?);
    let script = boot(cmdline);
    let part = |name, kind, bytes| Part { name, kind, arch: "arm64", bytes, sha256: sum::raw(bytes) };
    let others = [part(SCRIPT, "script", script.as_bytes())];
    let (kernel, ramdisk) = (part("kernel", "kernel_noload", &kernel), part("ramdisk", "ramdisk", &segments));
    fit::write("kutties", epoch()?, kernel, ramdisk, &others).context("make kutties.itb")
}

/// `boot.scr`, which U-Boot looks for on every medium: it loads the image that lies beside it, where ramdisks go, for U-Boot moves the
/// kernel to the memory's start and refuses to move it over the image.
pub fn script(cmdline: &str) -> Result<Vec<u8>> {
    let load = format!("load ${{devtype}} ${{devnum}}:${{distro_bootpart}} ${{ramdisk_addr_r}} ${{prefix}}{NAME}");
    Ok(fit::script("kutties", epoch()?, &format!("{load}\n{}", boot(cmdline))))
}

/// Boots what was loaded last, with U-Boot's own device tree. The configuration is named, for else U-Boot looks for one that is made for
/// this machine alone. A machine's own words may come in `kutties`.
fn boot(cmdline: &str) -> String {
    let image = format!("${{fileaddr}}#{}", fit::CONFIGURATION);
    format!("setenv bootargs {cmdline} ${{kutties}}\nbootm {image} {image} ${{fdtcontroladdr}}\n")
}
