//! `kutties.iso`: one file for a CD and for a USB stick, started by a BIOS or by UEFI.
//!
//! A CD is found by its boot catalog. On a stick the same bytes are a disk: the boot sector and a partition table lie in front of the
//! CD's own descriptors. All four ways lead to the one `kutties.efi` in the FAT file system `EFI.IMG`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use format::{gpt, iso};

use crate::bios::{BLOCK, Bios};
use crate::board::Arch;
use crate::disk::{guid, system_partition};
use crate::kind::{self, Job, Kind};
use crate::segment::epoch;
use crate::uki;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "iso",
    files: &["kutties.iso"],
    others: &[],
    about: "the same for a CD; the file is a stick as well",
    arches: kind::BOTH,
    boots: &["cd-by-uefi", "cd-by-bios", "usb-by-uefi", "usb-by-bios"],
    packed: false,
    make,
};

fn make(job: &Job<'_>) -> Result<Vec<PathBuf>> {
    let bytes = build(job.board.arch, uki::bytes(job)?, job.programs()?.bios.as_ref(), epoch()?)?;
    job.put("kutties.iso", &bytes)
}

const CROWDED: &str = "the CD's directory does not hold so many files";

/// The CD's bytes.
pub fn build(arch: Arch, uki: &[u8], bios: Option<&Bios>, time: u32) -> Result<Vec<u8>> {
    let system = system_partition(arch, uki, time, 0, 0)?;
    let file = |name, bytes| iso::File { name, bytes };
    // The stage's place follows from its length, and its content from the place of what follows it.
    let empty = bios.map(|bios| (vec![0; iso::BLOCK], vec![0; bios.stage_blocks() as usize * BLOCK]));
    let files = |sector, stage| match bios {
        Some(_) => vec![file("SECTOR.BIN", sector), file("STAGE.BIN", stage), file("EFI.IMG", &system.bytes)],
        None => vec![file("EFI.IMG", system.bytes.as_slice())],
    };
    let Some((sector, stage)) = empty else {
        let image = iso::image("KUTTIES", iso::Boot { bios: None, uefi: Some(0) }, &files(&[], &[])).context(CROWDED)?;
        return partitions(image, uki, iso::places(&files(&[], &[]))[0], system.bytes.len(), None);
    };
    let bios = bios.context("a BIOS stage was promised")?;
    let places = iso::places(&files(&sector, &stage));
    let efi = u64::from(places[2]) * (iso::BLOCK / BLOCK) as u64 + (system.places[0] / BLOCK) as u64;
    let stage = bios.stage(uki, efi)?;
    let sector = bios.sector(u64::from(places[1]), u16::try_from(stage.len().div_ceil(iso::BLOCK))?);
    let image = iso::image("KUTTIES", iso::Boot { bios: Some(0), uefi: Some(2) }, &files(&sector, &stage)).context(CROWDED)?;
    partitions(image, uki, places[2], system.bytes.len(), Some((bios, stage)))
}

/// Make the CD a disk as well: a partition table, the boot sector for blocks of 512 bytes, and the stage behind the table.
fn partitions(mut image: Vec<u8>, uki: &[u8], place: u32, len: usize, bios: Option<(&Bios, Vec<u8>)>) -> Result<Vec<u8>> {
    image.resize(image.len() + (gpt::AFTER as usize * BLOCK).next_multiple_of(2 * iso::BLOCK), 0);
    let blocks = (image.len() / BLOCK) as u64;
    let first = u64::from(place) * (iso::BLOCK / BLOCK) as u64;
    let system =
        gpt::Partition { kind: gpt::SYSTEM, id: guid("system", uki), first, blocks: (len / BLOCK) as u64, name: "kutties" };
    let table = gpt::table(&gpt::Disk::image(guid("disk", uki), blocks), &[system]);
    let tail = image.len() - table.tail.len();
    image[..table.head.len()].copy_from_slice(&table.head);
    image[tail..].copy_from_slice(&table.tail);
    if let Some((bios, stage)) = bios {
        anyhow::ensure!(
            table.head.len() + stage.len() <= iso::SYSTEM_AREA * iso::BLOCK,
            "the stage is too long for a CD's system area"
        );
        let sector = bios.sector(gpt::BEFORE, u16::try_from(bios.stage_blocks())?);
        image[..sector.len()].copy_from_slice(&sector);
        image[table.head.len()..table.head.len() + stage.len()].copy_from_slice(&stage);
    }
    Ok(image)
}
