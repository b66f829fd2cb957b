//! `netboot/`: what a TFTP and HTTP server hands out, with a script for iPXE, a configuration for GRUB, and `kutties.efi` for UEFI's own
//! HTTP boot.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::board::Board;
use crate::kind::{self, Job, Kind};
use crate::segment::replace;
use crate::{sum, uki};

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "netboot",
    files: &["netboot/kutties.efi"],
    others: &["netboot/"],
    about: "files for a TFTP and HTTP server: kernel, segments, iPXE's and GRUB's configurations",
    arches: kind::BOTH,
    boots: &["pxe-by-bios", "pxe-by-uefi", "http-by-uefi"],
    packed: false,
    make: write,
};

/// The directory.
const DIR: &str = "netboot";
/// Sums of all files, for `sha256sum -c`.
const SUMS: &str = "SHA256SUMS";

/// Writes the directory; the paths of its files.
fn write(job: &Job<'_>) -> Result<Vec<PathBuf>> {
    let (board, outputs, efi, cmdline) = (job.board, job.outputs, uki::bytes(job)?, job.cmdline.as_str());
    let dir = outputs.dir.join(DIR);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    let parts: Vec<&Path> = [outputs.vmlinuz.as_path()].into_iter().chain(outputs.segments()).collect();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for part in &parts {
        files.push((name(part), fs::read(part).with_context(|| format!("read {}", part.display()))?));
    }
    let segments: Vec<String> = parts.iter().skip(1).map(|part| name(part)).collect();
    files.push(("kutties.efi".into(), efi.to_vec()));
    files.push(("boot.ipxe".into(), ipxe(&segments, cmdline).into_bytes()));
    files.push(("grub.cfg".into(), grub(board, &segments, cmdline).into_bytes()));
    let sums: Vec<String> = files.iter().map(|(name, bytes)| format!("{}  {name}\n", sum::bytes(bytes))).collect();
    files.push((SUMS.into(), sums.concat().into_bytes()));
    let written = files.into_iter().map(|(name, bytes)| {
        let path = dir.join(name);
        replace(&path, &bytes).map(|()| path)
    });
    written.collect()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Under UEFI `kutties.efi` does it all. Paths are relative to where the script came from; a machine's own words may come in
/// `${kutties}`.
fn ipxe(segments: &[String], cmdline: &str) -> String {
    let mut script = String::from("#!ipxe\niseq ${platform} efi && goto efi ||\n");
    let _ = writeln!(script, "kernel vmlinuz {cmdline} ${{kutties}}");
    for segment in segments {
        let _ = writeln!(script, "initrd {segment}");
    }
    script.push_str("boot\n:efi\nkernel kutties.efi ${kutties}\nboot\n");
    script
}

fn grub(board: &Board, segments: &[String], cmdline: &str) -> String {
    let all: Vec<String> = segments.iter().map(|segment| format!("$prefix/{segment}")).collect();
    format!(
        "set timeout=3\nmenuentry 'kutties ({})' {{\n    linux $prefix/vmlinuz {cmdline}\n    initrd {}\n}}\n",
        board.arch,
        all.join(" ")
    )
}
