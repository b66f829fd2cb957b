//! The kinds of images a board can ask for. A new kind: a file, a variant here and its line in [`write`].

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::bios::Bios;
use crate::board::{Arch, Board};
use crate::image::Outputs;
use crate::segment::{epoch, megabytes, replace};
use crate::{binary, disk, fit, iso, netboot, packed, payload, qcow2, sdcard, uki};

/// What a board's `images` may name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `kutties.efi`
    Uki,
    /// `disk.img`
    Disk,
    /// `disk.qcow2`
    Qcow2,
    /// `kutties.iso`
    Iso,
    /// `netboot/`
    Netboot,
    /// `kutties.itb` and `boot.scr`
    Fit,
    /// `sdcard.img`
    Sdcard,
    /// `payload/`
    Payload,
    /// `disk.img` or `sdcard.img` as `.zst` and `.xz`
    Packed,
}

impl Kind {
    /// All that can be made for a processor.
    pub fn all(arch: Arch) -> Vec<Self> {
        let mut all = vec![Self::Uki, Self::Disk, Self::Qcow2, Self::Iso, Self::Netboot, Self::Payload, Self::Packed];
        if arch == Arch::Aarch64 {
            all.extend([Self::Fit, Self::Sdcard]);
        }
        all
    }
}

/// What images are made from beside the parts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// What `uname -r` will say.
    pub release: &'a str,
    /// The folder of the kernel's device trees; the kernels of x86 have none.
    pub trees: Option<&'a Path>,
    /// A folder with a board's own firmware files, which may not be shipped.
    pub firmware: Option<&'a Path>,
}

/// Our programs that firmware starts.
pub struct Programs {
    /// The UEFI program.
    pub loader: PathBuf,
    /// What a BIOS starts.
    pub bios: Option<Bios>,
}

impl Programs {
    /// Build them.
    pub fn build(arch: Arch) -> Result<Self> {
        let bios = match arch {
            Arch::X86_64 => Some(Bios::read(&binary::bios()?)?),
            Arch::Aarch64 => None,
        };
        Ok(Self { loader: binary::loader(arch)?, bios })
    }
}

/// Build a board's images; their paths.
pub fn build(board: &Board, outputs: &Outputs, given: Given<'_>) -> Result<Vec<PathBuf>> {
    if board.images.is_empty() { Ok(Vec::new()) } else { write(board, outputs, given, &Programs::build(board.arch)?) }
}

/// The same with programs that are built already.
pub fn write(board: &Board, outputs: &Outputs, given: Given<'_>, programs: &Programs) -> Result<Vec<PathBuf>> {
    let cmdline = cmdline(board);
    let efi = uki::build(&programs.loader, outputs, &cmdline, given.release)?;
    let disk = || disk::build(board.arch, &efi, programs.bios.as_ref(), epoch()?);
    let mut paths = Vec::new();
    let put = |name: &str, bytes: &[u8]| {
        println!("writing {name} ({:.1} MB)", megabytes(bytes.len() as u64));
        let path = outputs.dir.join(name);
        replace(&path, bytes).map(|()| vec![path])
    };
    for kind in &board.images {
        paths.extend(match kind {
            Kind::Uki => put("kutties.efi", &efi)?,
            Kind::Disk => put("disk.img", &disk()?)?,
            Kind::Qcow2 => put("disk.qcow2", &qcow2::image(&disk()?)?)?,
            Kind::Iso => put("kutties.iso", &iso::build(board.arch, &efi, programs.bios.as_ref(), epoch()?)?)?,
            Kind::Netboot => netboot::write(board, outputs, &efi, &cmdline)?,
            Kind::Fit => {
                let image = put(fit::NAME, &fit::build(board, outputs, &cmdline)?)?;
                [image, put("boot.scr", &fit::script(&cmdline)?)?].concat()
            }
            Kind::Sdcard => put(sdcard::NAME, &sdcard::build(board, outputs, given, &cmdline)?)?,
            Kind::Payload => payload::write(outputs, &cmdline)?,
            Kind::Packed if board.images.contains(&Kind::Disk) => packed::write(&outputs.dir.join("disk.img"), &disk()?)?,
            Kind::Packed => packed::write(&outputs.dir.join(sdcard::NAME), &sdcard::build(board, outputs, given, &cmdline)?)?,
        });
    }
    Ok(paths)
}

/// The kernel's command line where nobody else gives one. The last console is the one that programs mean by /dev/console.
fn cmdline(board: &Board) -> String {
    let consoles = board.consoles.iter().map(|console| format!("console={console}"));
    consoles.chain([board.cmdline.clone()]).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}
