//! `disk.img`: a disk or USB stick to write as it is, with one UEFI system partition that holds `kutties.efi`.
//!
//! A person may put `kutties/node.cpio` on that partition: the loader takes it along as the node's segment.

use anyhow::{Context, Result};
use format::{fat, gpt};

use crate::bios::Bios;
use crate::board::Arch;
use crate::kind::{self, Job, Kind};
use crate::segment::epoch;
use crate::sum;
use crate::uki;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "disk",
    files: &["disk.img"],
    others: &[],
    about: "a disk or USB stick, to write as it is; boots by UEFI, on x86_64 by a BIOS too",
    arches: kind::BOTH,
    boots: &["disk-by-uefi", "disk-by-bios", "nvme-by-uefi", "kexec-from-the-disk"],
    packed: false,
    make: |job| job.put("disk.img", bytes(job)?),
};

/// Bytes of `disk.img`, made once.
pub fn bytes<'j>(job: &'j Job<'_>) -> Result<&'j [u8]> {
    let make = || build(job.board.arch, uki::bytes(job)?, job.programs()?.bios.as_ref(), epoch()?);
    job.disk.get(make).map(Vec::as_slice)
}

/// The partition begins at the first MiB, as all partitions do today.
const FIRST: u64 = 2048;
/// Left free for a node's files, and for the next version's `kutties.efi` to be written beside the old one's remains.
const FREE: usize = 16 << 20;

/// The disk's bytes. With programs for a BIOS it starts there, too.
pub fn build(arch: Arch, uki: &[u8], bios: Option<&Bios>, time: u32) -> Result<Vec<u8>> {
    let system = system_partition(arch, uki, time, FIRST as u32, FREE)?;
    let sectors = (system.bytes.len() / gpt::BLOCK) as u64;
    let blocks = (FIRST + sectors + gpt::AFTER).next_multiple_of(FIRST);
    let part = |what, kind, first, blocks, name| gpt::Partition { kind, id: guid(what, uki), first, blocks, name };
    let mut parts = vec![part("system", gpt::SYSTEM, FIRST, sectors, "kutties")];
    parts.extend(bios.map(|bios| part("stage", gpt::BIOS_BOOT, gpt::BEFORE, bios.stage_blocks(), "kutties-bios")));
    let table = gpt::table(&gpt::Disk::image(guid("disk", uki), blocks), &parts);
    let mut image = table.head;
    if let Some(bios) = bios {
        let sector = bios.sector(gpt::BEFORE, u16::try_from(bios.stage_blocks())?);
        image[..sector.len()].copy_from_slice(&sector);
        image.extend(bios.stage(uki, FIRST + (system.places[0] / gpt::BLOCK) as u64)?);
    }
    image.resize(FIRST as usize * gpt::BLOCK, 0);
    image.extend(system.bytes);
    image.resize((blocks - gpt::AFTER) as usize * gpt::BLOCK, 0);
    image.extend(table.tail);
    Ok(image)
}

/// A file system that UEFI boots from by itself.
pub fn system_partition(arch: Arch, uki: &[u8], time: u32, hidden: u32, free: usize) -> Result<fat::Written> {
    let serial = u32::from_le_bytes(first(uki, "serial"));
    let shape = fat::Shape { label: "KUTTIES", serial, hidden, free, time };
    let boot = format!("EFI/BOOT/{}", arch.uefi_file());
    fat::image(shape, &[(&boot, uki)]).context("make a FAT file system")
}

/// A number that differs between images and not between builds: out of what is in the image.
pub fn guid(what: &str, uki: &[u8]) -> gpt::Guid {
    let mut id: [u8; 16] = first(uki, what);
    // Version 8, variant 1: a number of one's own making.
    id[7] = id[7] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    gpt::Guid(id)
}

fn first<const N: usize>(uki: &[u8], what: &str) -> [u8; N] {
    let digits = sum::bytes(&[what.as_bytes(), sum::bytes(uki).as_bytes()].concat());
    std::array::from_fn(|at| {
        digits.get(2 * at..2 * at + 2).and_then(|byte| u8::from_str_radix(byte, 16).ok()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn same_bytes_same_disk() {
        let uki = vec![3; 200_000];
        let disk = build(Arch::X86_64, &uki, None, 0).unwrap();
        assert_eq!(disk.len() % (1 << 20), 0);
        assert_eq!(disk, build(Arch::X86_64, &uki, None, 0).unwrap());
        assert_ne!(disk[512..1024], build(Arch::X86_64, &vec![4; 200_000], None, 0).unwrap()[512..1024]);
        assert_eq!(&disk[(FIRST as usize * 512) + 82..][..5], b"FAT32");
    }
}
