//! `disk.qcow2`: the disk as hypervisors like it, without its empty parts and with the others packed.
//! After QEMU's docs/interop/qcow2.txt, version 3.

use crate::disk;
use crate::kind::{self, Kind};
use anyhow::{Context, Result};
use flate2::{Compress, Compression, FlushCompress, Status};

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "qcow2",
    files: &["disk.qcow2"],
    others: &[],
    about: "the same disk for a hypervisor",
    arches: kind::BOTH,
    boots: &["qcow2-by-uefi"],
    packed: true,
    make: |job| job.put("disk.qcow2", &image(disk::bytes(job)?)?),
};

/// QEMU's own choice.
const CLUSTER_BITS: u32 = 16;
const CLUSTER: usize = 1 << CLUSTER_BITS;
const HEADER: u32 = 104;
/// Counters have 16 bits.
const REFCOUNT_ORDER: u32 = 4;
const COUNTERS: usize = CLUSTER / 2;
/// Entries of a table in one cluster.
const ENTRIES: usize = CLUSTER / 8;
/// An entry whose cluster nobody else uses.
const OWN: u64 = 1 << 63;
const PACKED: u64 = 1 << 62;
/// In the entry of a packed cluster: where the number of further sectors stands.
const SECTORS_AT: u32 = 62 - (CLUSTER_BITS - 8);
const SECTOR: usize = 512;
/// QEMU unpacks with a window of 4 KiB.
const WINDOW_BITS: u8 = 12;

/// The image of a disk with these bytes.
pub fn image(disk: &[u8]) -> Result<Vec<u8>> {
    let count = disk.len().div_ceil(CLUSTER);
    let (maps, map_tables) = (count.div_ceil(ENTRIES), count.div_ceil(ENTRIES * ENTRIES).max(1));
    // As if nothing could be packed: a few counters more than there will be clusters.
    let blocks = (count + maps + map_tables).div_ceil(COUNTERS - 3) + 1;
    anyhow::ensure!(blocks <= ENTRIES && map_tables == 1, "make a qcow2 image: the disk is too large");
    let (counters_at, map_at) = (CLUSTER, (2 + blocks) * CLUSTER);
    let mut out = vec![0; map_at + (1 + maps) * CLUSTER];
    let entries = clusters(disk, &mut out)?;
    let mut counters = vec![0_u16; blocks * COUNTERS];
    for (index, entry) in entries.iter().enumerate() {
        // An entry's place: the tables lie behind one another.
        put(&mut out, map_at + CLUSTER + index * 8, *entry);
        for cluster in touched(*entry) {
            counters[cluster] += 1;
        }
    }
    out.resize(out.len().next_multiple_of(CLUSTER), 0);
    counters[..map_at / CLUSTER + 1 + maps].fill(1);
    for (index, counter) in counters.iter().enumerate() {
        let at = counters_at + CLUSTER + index * 2;
        out[at..at + 2].copy_from_slice(&counter.to_be_bytes());
    }
    (0..blocks).for_each(|index| put(&mut out, counters_at + index * 8, ((2 + index) * CLUSTER) as u64));
    (0..maps).for_each(|index| put(&mut out, map_at + index * 8, ((map_at + (1 + index) * CLUSTER) as u64) | OWN));
    header(&mut out, disk.len() as u64, maps as u32, map_at as u64);
    Ok(out)
}

/// Put the disk's clusters behind what is there, whole ones first; their entries.
fn clusters(disk: &[u8], out: &mut Vec<u8>) -> Result<Vec<u64>> {
    let mut entries = Vec::new();
    let mut packed = Vec::new();
    for (index, part) in disk.chunks(CLUSTER).enumerate() {
        let mut whole = part.to_vec();
        whole.resize(CLUSTER, 0);
        let empty = whole.iter().all(|byte| *byte == 0);
        entries.push(match (empty, if empty { None } else { deflated(&whole)? }) {
            (true, _) => 0,
            (false, Some(bytes)) => {
                packed.push((index, bytes));
                0
            }
            (false, None) => {
                out.extend(&whole);
                (out.len() - CLUSTER) as u64 | OWN
            }
        });
    }
    for (index, bytes) in packed {
        let (first, last) = (out.len() / SECTOR, (out.len() + bytes.len() - 1) / SECTOR);
        entries[index] = out.len() as u64 | ((last - first) as u64) << SECTORS_AT | PACKED;
        out.extend(bytes);
    }
    Ok(entries)
}

/// The clusters of the file that an entry counts for.
fn touched(entry: u64) -> std::ops::Range<usize> {
    if entry == 0 {
        return 0..0;
    }
    if entry & PACKED == 0 {
        let cluster = ((entry & !OWN) >> CLUSTER_BITS) as usize;
        return cluster..cluster + 1;
    }
    let place = (entry & ((1 << SECTORS_AT) - 1)) as usize;
    let sectors = ((entry & !PACKED) >> SECTORS_AT) as usize + 1;
    let end = place / SECTOR * SECTOR + sectors * SECTOR;
    place / CLUSTER..(end - 1) / CLUSTER + 1
}

/// A cluster packed; none where that saves nothing.
fn deflated(cluster: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut packer = Compress::new_with_window_bits(Compression::new(6), false, WINDOW_BITS);
    let mut out = Vec::with_capacity(CLUSTER - SECTOR);
    let status = packer.compress_vec(cluster, &mut out, FlushCompress::Finish).context("pack a cluster")?;
    Ok((status == Status::StreamEnd).then_some(out))
}

fn header(out: &mut [u8], size: u64, maps: u32, map_at: u64) {
    out[..4].copy_from_slice(b"QFI\xfb");
    let words = [(4, 3), (20, CLUSTER_BITS), (36, maps), (56, 1), (96, REFCOUNT_ORDER), (100, HEADER)];
    for (at, value) in words {
        out[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    for (at, value) in [(24, size), (40, map_at), (48, CLUSTER as u64)] {
        put(out, at, value);
    }
}

fn put(out: &mut [u8], at: usize, value: u64) {
    out[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::process::Command;

    /// Empty clusters, packed ones and such as can't be packed; the last one is not whole.
    fn disk() -> Vec<u8> {
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let mut disk = vec![0; 40 * CLUSTER + 3 * SECTOR];
        disk[CLUSTER..3 * CLUSTER].fill_with(&mut noise);
        for (at, byte) in disk[5 * CLUSTER..30 * CLUSTER].iter_mut().enumerate() {
            *byte = if at % 8 < 5 { noise() } else { (at / 777) as u8 };
        }
        disk[40 * CLUSTER..].fill(9);
        disk
    }

    #[test]
    fn the_same_disk_comes_out() {
        let image = image(&disk()).unwrap();
        assert_eq!(image, super::image(&disk()).unwrap());
        assert!(image.len() < disk().len());
        let word = |at: usize| u64::from_be_bytes(image[at..at + 8].try_into().unwrap());
        let map = (word(word(40) as usize) & !OWN) as usize;
        for (index, part) in disk().chunks(CLUSTER).enumerate() {
            let entry = word(map + index * 8);
            let mut whole = match (entry, touched(entry)) {
                (0, _) => vec![0; CLUSTER],
                (entry, range) if entry & PACKED == 0 => image[range.start * CLUSTER..range.end * CLUSTER].to_vec(),
                (entry, _) => {
                    let place = (entry & ((1 << SECTORS_AT) - 1)) as usize;
                    let mut whole = Vec::with_capacity(CLUSTER);
                    let mut unpacker = flate2::Decompress::new_with_window_bits(false, WINDOW_BITS);
                    unpacker.decompress_vec(&image[place..], &mut whole, flate2::FlushDecompress::Finish).unwrap();
                    whole
                }
            };
            whole.truncate(part.len());
            assert!(whole == part, "cluster {index}");
        }
    }

    #[test]
    fn qemu_finds_no_fault() {
        if !crate::tools::is_on_path("qemu-img") {
            return;
        }
        let dir = std::env::temp_dir().join(format!("kutties-qcow2-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (raw, packed) = (dir.join("disk.img"), dir.join("disk.qcow2"));
        std::fs::write(&raw, disk()).unwrap();
        std::fs::write(&packed, image(&disk()).unwrap()).unwrap();
        crate::run::answered(Command::new("qemu-img").args(["check", "-f", "qcow2"]).arg(&packed)).unwrap();
        crate::run::answered(Command::new("qemu-img").args(["compare", "-f", "raw", "-F", "qcow2"]).args([&raw, &packed]))
            .unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
