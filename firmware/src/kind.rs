//! The kinds of images a board can ask for. A new kind: a file, a variant here and its line in [`write`].

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::bios::Bios;
use crate::board::{Arch, Board};
use crate::image::Outputs;
use crate::segment::{epoch, megabytes, replace};
use crate::{binary, disk, fit, iso, netboot, packed, payload, qcow2, rom, sdcard, uki};

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
    /// `rom.fd`
    Rom,
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
    let mut kinds = board.images.clone();
    // What is packed is there by then.
    kinds.sort();
    for kind in kinds {
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
            Kind::Rom => put("rom.fd", &rom::build(board, outputs, &programs.loader, &cmdline)?)?,
            Kind::Packed => {
                let name = if board.images.contains(&Kind::Disk) { "disk.img" } else { sdcard::NAME };
                packed::write(&outputs.dir.join(name))?
            }
        });
    }
    Ok(paths)
}

/// The kernel's command line where nobody else gives one. The last console is the one that programs mean by /dev/console.
fn cmdline(board: &Board) -> String {
    let consoles = board.consoles.iter().map(|console| format!("console={console}"));
    consoles.chain([board.cmdline.clone()]).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::sum;

    /// A kernel for either processor, as far as builders look at it.
    pub fn kernel() -> Vec<u8> {
        let mut kernel = vec![7; 40 * 512];
        kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
        kernel[0x1f1] = 39;
        kernel
    }

    /// A UEFI program of headers alone.
    fn loader() -> Vec<u8> {
        let mut file = vec![0; 0x400];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x80;
        file[0x80..0x84].copy_from_slice(b"PE\0\0");
        file[0x94] = 240;
        for (at, value) in [(0_usize, 0x20b_u32), (32, 0x1000), (36, 0x200), (56, 0x1000), (60, 0x400)] {
            file[0x98 + at..0x98 + at + 4].copy_from_slice(&value.to_le_bytes());
        }
        file
    }

    /// A folder with small parts, a Raspberry Pi's files among them.
    pub fn parts(name: &str) -> Outputs {
        let dir = std::env::temp_dir().join(format!("kutties-kinds-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("trees/broadcom")).unwrap();
        fs::write(dir.join("vmlinuz"), kernel()).unwrap();
        fs::write(dir.join("loader.efi"), loader()).unwrap();
        for (part, len) in [("core.cpio.zst", 70_001), ("modules.cpio.zst", 3_000)] {
            fs::write(dir.join(part), vec![len as u8; len]).unwrap();
        }
        for board in ["rpi3", "rpi4", "rpi5"] {
            let card = Board::load(board).unwrap().sdcard.unwrap();
            let files = card.trees.iter().map(|tree| format!("trees/{tree}")).chain(card.firmware.clone());
            files.for_each(|file| fs::write(dir.join(&file), &file).unwrap());
        }
        Outputs {
            kutties: dir.join("kutties"),
            vmlinuz: dir.join("vmlinuz"),
            core: dir.join("core.cpio.zst"),
            modules: dir.join("modules.cpio.zst"),
            kube: None,
            images: None,
            manifest: dir.join("manifest.json"),
            dir,
        }
    }

    /// All kinds of images, by their names, with their sums.
    fn sums(folder: &str, arch: Arch) -> BTreeMap<PathBuf, String> {
        let outputs = parts(folder);
        let mut board = Board::load(if arch == Arch::X86_64 { "x86_64-pc" } else { "rpi4" }).unwrap();
        board.images = Kind::all(arch);
        let (trees, bios) = (outputs.dir.join("trees"), (arch == Arch::X86_64).then(Bios::blank));
        let programs = Programs { loader: outputs.dir.join("loader.efi"), bios };
        let given = Given { release: "6.12", trees: Some(&trees), firmware: Some(&outputs.dir) };
        let paths = write(&board, &outputs, given, &programs).unwrap();
        let of = |path: &PathBuf| (path.strip_prefix(&outputs.dir).unwrap().to_owned(), sum::file(path).unwrap());
        let sums = paths.iter().map(of).collect();
        fs::remove_dir_all(&outputs.dir).unwrap();
        sums
    }

    #[test]
    fn every_kind_has_the_same_bytes_in_every_folder() {
        for arch in Arch::ALL {
            let one = sums(&format!("one-{arch}"), arch);
            assert!(one.len() > Kind::all(arch).len(), "{one:?}");
            assert_eq!(one, sums(&format!("another-folder-{arch}"), arch));
        }
    }
}
