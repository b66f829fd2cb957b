//! The kinds of images a board can ask for. A new kind: a file, a variant here and its line in [`build`].

use std::path::PathBuf;

use anyhow::Result;
use serde::Deserialize;

use crate::bios::Bios;
use crate::board::{Arch, Board};
use crate::image::Outputs;
use crate::segment::{epoch, megabytes, replace};
use crate::{binary, disk, iso, netboot, uki};

/// What a board's `images` may name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `kutties.efi`
    Uki,
    /// `disk.img`
    Disk,
    /// `kutties.iso`
    Iso,
    /// `netboot/`
    Netboot,
}

/// Build a board's images; their paths.
pub fn build(board: &Board, outputs: &Outputs, release: &str) -> Result<Vec<PathBuf>> {
    if board.images.is_empty() {
        return Ok(Vec::new());
    }
    let loader = binary::loader(board.arch)?;
    let bios = match board.arch {
        Arch::X86_64 => Some(Bios::read(&binary::bios()?)?),
        Arch::Aarch64 => None,
    };
    let cmdline = cmdline(board);
    let efi = uki::build(&loader, outputs, &cmdline, release)?;
    let mut paths = Vec::new();
    let put = |name: &str, bytes: &[u8]| {
        println!("writing {name} ({:.1} MB)", megabytes(bytes.len() as u64));
        let path = outputs.dir.join(name);
        replace(&path, bytes).map(|()| vec![path])
    };
    for kind in &board.images {
        paths.extend(match kind {
            Kind::Uki => put("kutties.efi", &efi)?,
            Kind::Disk => put("disk.img", &disk::build(board.arch, &efi, bios.as_ref(), epoch()?)?)?,
            Kind::Iso => put("kutties.iso", &iso::build(board.arch, &efi, bios.as_ref(), epoch()?)?)?,
            Kind::Netboot => netboot::write(board, outputs, &efi, &cmdline)?,
        });
    }
    Ok(paths)
}

/// The kernel's command line where nobody else gives one. The last console is the one that programs mean by /dev/console.
fn cmdline(board: &Board) -> String {
    let consoles = board.consoles.iter().map(|console| format!("console={console}"));
    consoles.chain([board.cmdline.clone()]).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}
