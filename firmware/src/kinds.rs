//! Table of the image kinds. A new kind: a file with its record, and a row here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::board::Board;
use crate::kind::{Given, Job, Kind};
use crate::manifest::Part;
use crate::outputs::Outputs;
use crate::{disk, fit, iso, netboot, packed, payload, qcow2, rom, sdcard, uki};

/// Every kind, in the order in which they are made: packed files come after those that they pack.
pub const KINDS: &[&Kind] = &[
    &uki::KIND,
    &disk::KIND,
    &qcow2::KIND,
    &iso::KIND,
    &netboot::KIND,
    &fit::KIND,
    &sdcard::KIND,
    &payload::KIND,
    &rom::KIND,
    &packed::KIND,
];

/// File of an image.
pub struct Image {
    /// Absolute path.
    pub path: PathBuf,
    /// Its kind.
    pub kind: &'static Kind,
}

impl Image {
    /// True when the file has all parts in it, so that the manifest lists them: a flash may be too
    /// small for some.
    pub fn holds_all(&self, dir: &Path, parts: &[Part]) -> bool {
        let Ok(name) = self.path.strip_prefix(dir) else { return false };
        if !self.kind.files.iter().any(|file| Path::new(file) == name) {
            return false;
        }
        let largest = parts.iter().map(|part| part.bytes).max().unwrap_or(0);
        self.kind.packed || fs::metadata(&self.path).is_ok_and(|meta| meta.len() > largest)
    }
}

/// Kinds that a board names, in the table's order.
///
/// # Errors
/// A name that is not in the table, or a kind that is not made for the board's processor.
pub fn of(board: &Board) -> Result<Vec<&'static Kind>> {
    for name in &board.images {
        let kind = KINDS.iter().find(|kind| kind.name == name).with_context(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            format!("board {}: no image kind {name}; there are {}", board.name, names.join(", "))
        })?;
        ensure!(kind.arches.contains(&board.arch), "board {}: {name} is not made for {}", board.name, board.arch);
    }
    Ok(KINDS.iter().copied().filter(|kind| board.images.iter().any(|name| name == kind.name)).collect())
}

/// Builds a board's images.
///
/// # Errors
/// The first that an image kind has.
pub fn build(board: &Board, outputs: &Outputs, given: Given<'_>) -> Result<Vec<Image>> {
    write(&Job::new(board, outputs, given))
}

fn write(job: &Job<'_>) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    for kind in of(job.board)? {
        images.extend((kind.make)(job)?.into_iter().map(|path| Image { path, kind }));
    }
    Ok(images)
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::bios::Bios;
    use crate::board::Arch;
    use crate::kind::Programs;
    use crate::{place, sum};

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

    /// A directory with small parts, a Raspberry Pi's files among them.
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

    /// Names of all kinds for a processor whose parts `parts` has: a rom is made from Debian's firmware.
    fn all(arch: Arch) -> Vec<String> {
        let made = KINDS.iter().filter(|kind| kind.arches.contains(&arch) && kind.name != rom::KIND.name);
        made.filter(|kind| arch == Arch::Aarch64 || kind.name != sdcard::KIND.name).map(|kind| kind.name.to_owned()).collect()
    }

    /// All kinds of images, by their names, with their sums.
    fn sums(directory: &str, arch: Arch) -> BTreeMap<PathBuf, String> {
        let outputs = parts(directory);
        let mut board = Board::load(if arch == Arch::X86_64 { "x86_64-pc" } else { "rpi4" }).unwrap();
        board.images = all(arch);
        let (trees, bios) = (outputs.dir.join("trees"), (arch == Arch::X86_64).then(Bios::blank));
        let programs = Programs { loader: outputs.dir.join("loader.efi"), bios };
        let given = Given { release: "6.12", trees: Some(&trees), firmware: Some(&outputs.dir) };
        let paths = write(&Job::new(&board, &outputs, given).with(programs)).unwrap();
        let of = |image: &Image| (image.path.strip_prefix(&outputs.dir).unwrap().to_owned(), sum::file(&image.path).unwrap());
        let sums = paths.iter().map(of).collect();
        fs::remove_dir_all(&outputs.dir).unwrap();
        sums
    }

    #[test]
    fn every_kind_has_the_same_bytes_in_every_directory() {
        for arch in Arch::ALL {
            let one = sums(&format!("one-{arch}"), arch);
            assert!(one.len() > all(arch).len(), "{one:?}");
            assert_eq!(one, sums(&format!("another-directory-{arch}"), arch));
        }
    }

    #[test]
    fn each_board_names_kinds_that_are_made_for_it() {
        for name in Board::names().unwrap() {
            of(&Board::load(&name).unwrap()).unwrap();
        }
        let mut board = Board::load("x86_64-pc").unwrap();
        board.images = vec!["floppy".into()];
        assert!(of(&board).err().unwrap().to_string().contains("no image kind floppy; there are uki, disk"));
        board.images = vec!["fit".into()];
        assert!(of(&board).err().unwrap().to_string().contains("fit is not made for x86_64"));
    }

    /// Rows of the table in the firmware's README.
    fn table() -> String {
        let row = |kind: &&Kind| {
            let inside = |file: &&&str| !kind.others.iter().any(|other| other.ends_with('/') && file.starts_with(other));
            let files = kind.files.iter().filter(inside).chain(kind.others).map(|file| format!("`{file}`"));
            format!("| `{}` | {} | {} |\n", kind.name, files.collect::<Vec<_>>().join(", "), kind.about)
        };
        KINDS.iter().map(row).collect()
    }

    #[test]
    fn the_readme_has_the_table() {
        let readme = fs::read_to_string(place::repository().join("firmware/README.md")).unwrap();
        assert!(readme.contains(&table()), "put this into firmware/README.md:\n{}", table());
    }
}
