//! The kinds of images a board can ask for. A new kind: a file, a variant here and its line in [`build`].

use std::path::PathBuf;

use anyhow::Result;
use serde::Deserialize;

use crate::board::Board;
use crate::image::Outputs;
use crate::segment::{epoch, megabytes, replace};
use crate::{binary, disk, uki};

/// What a board's `images` may name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `kutties.efi`
    Uki,
    /// `disk.img`
    Disk,
}

/// Build a board's images; their paths.
pub fn build(board: &Board, outputs: &Outputs, release: &str) -> Result<Vec<PathBuf>> {
    if board.images.is_empty() {
        return Ok(Vec::new());
    }
    let loader = binary::loader(board.arch)?;
    let efi = uki::build(&loader, outputs, &cmdline(board), release)?;
    let mut paths = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| {
        println!("writing {name} ({:.1} MB)", megabytes(bytes.len() as u64));
        let path = outputs.dir.join(name);
        replace(&path, bytes)?;
        paths.push(path);
        anyhow::Ok(())
    };
    for kind in &board.images {
        match kind {
            Kind::Uki => put("kutties.efi", &efi)?,
            Kind::Disk => put("disk.img", &disk::build(board.arch, &efi, epoch()?)?)?,
        }
    }
    Ok(paths)
}

/// The kernel's command line where nobody else gives one. The last console is the one that programs mean by /dev/console.
fn cmdline(board: &Board) -> String {
    let consoles = board.consoles.iter().map(|console| format!("console={console}"));
    consoles.chain([board.cmdline.clone()]).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}
