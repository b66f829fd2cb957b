//! `sdcard.img`: a card for a Raspberry Pi, whose own firmware reads a FAT file system behind an old partition table.
//!
//! The firmware's files may be given away only for use on such a board, so the person brings them; without them the rest of the card is
//! made all the same, for they may be copied onto it later.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use format::fat;

use crate::board::{Arch, Board};
use crate::disk::guid;
use crate::kind::{Given, Kind};
use crate::outputs::Outputs;
use crate::segment::epoch;
use crate::sum;
use crate::uki::together;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "sdcard",
    files: &["sdcard.img"],
    others: &[],
    about: "a card for a Raspberry Pi; the files of its firmware are yours to bring",
    arches: &[Arch::Aarch64],
    boots: &[],
    packed: false,
    make: |job| job.put(NAME, &build(job.board, job.outputs, job.given, &job.cmdline)?),
};

/// The image's name.
pub const NAME: &str = "sdcard.img";
/// The partition begins at the first MiB.
const FIRST: u32 = 2048;
const SECTOR: usize = 512;
/// Left free for the firmware's files and a node's.
const FREE: usize = 32 << 20;
/// The type of a partition with FAT32, in blocks counted from the start.
const FAT32: u8 = 0x0c;
/// The kernel's name on the card, and the initramfs's.
const KERNEL: &str = "kernel8.img";
const INITRAMFS: &str = "initramfs.img";

/// The card's bytes.
pub fn build(board: &Board, outputs: &Outputs, given: Given<'_>, cmdline: &str) -> Result<Vec<u8>> {
    let files = files(board, outputs, given, cmdline)?;
    image(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
}

/// A card with these files; also U-Boot finds its own on one.
pub fn image(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let sums: Vec<String> = files.iter().map(|(_, bytes)| sum::bytes(bytes)).collect();
    let serial = u32::from_le_bytes(guid("card", sums.concat().as_bytes()).0[..4].try_into()?);
    let shape = fat::Shape { label: "KUTTIES", serial, hidden: FIRST, free: FREE, time: epoch()? };
    let system = fat::image(shape, files).context("make a FAT file system")?.bytes;
    let mut image = boot_record(serial, u32::try_from(system.len() / SECTOR)?).to_vec();
    image.resize(FIRST as usize * SECTOR, 0);
    image.extend(system);
    Ok(image)
}

/// Names and contents.
fn files(board: &Board, outputs: &Outputs, given: Given<'_>, cmdline: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let card = board.sdcard.as_ref().with_context(|| format!("make {NAME}: board/{}.toml has no [sdcard]", board.name))?;
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    let segments = together(outputs.segments().into_iter().map(read).collect::<Result<_>>()?);
    let mut files = vec![
        ("config.txt".to_owned(), config().into_bytes()),
        ("cmdline.txt".to_owned(), format!("{cmdline}\n").into_bytes()),
        (KERNEL.to_owned(), read(&outputs.vmlinuz)?),
        (INITRAMFS.to_owned(), segments),
    ];
    let trees = given.trees.with_context(|| format!("make {NAME}: the kernel's package has no device trees"))?;
    for tree in &card.trees {
        files.push((file_name(tree), read(&trees.join(tree))?));
    }
    match given.firmware {
        Some(directory) => {
            for name in &card.firmware {
                let told = || format!("take {name} from the directory of --firmware");
                files.push((name.clone(), read(&directory.join(name)).with_context(told)?));
            }
        }
        None if card.firmware.is_empty() => {}
        None => println!(
            "{NAME} lacks {}: the board does not start without them, and they may not be shipped here; \
             give a directory that has them with --firmware, or copy them onto the card",
            card.firmware.join(", ")
        ),
    }
    Ok(files)
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Read by the board's firmware.
fn config() -> String {
    format!(
        "# 64 bits, and the kernel's and device trees' names as Linux itself has them.
arm_64bit=1
upstream_kernel=1
kernel={KERNEL}
initramfs {INITRAMFS} followkernel
# The serial port at the pins 8 and 10.
enable_uart=1
disable_splash=1
"
    )
}

/// An old partition table with one partition: the firmware of older boards knows no other.
fn boot_record(serial: u32, sectors: u32) -> [u8; SECTOR] {
    let mut record = [0; SECTOR];
    record[440..444].copy_from_slice(&serial.to_le_bytes());
    // Cylinders, heads and sectors say: too far for us.
    record[446..454].copy_from_slice(&[0x80, 0xfe, 0xff, 0xff, FAT32, 0xfe, 0xff, 0xff]);
    record[454..458].copy_from_slice(&FIRST.to_le_bytes());
    record[458..462].copy_from_slice(&sectors.to_le_bytes());
    record[510..].copy_from_slice(&[0x55, 0xaa]);
    record
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::fmt::Write as _;

    use super::*;
    use crate::kinds::tests::{kernel, parts};
    use crate::place;

    struct File {
        name: String,
        /// As firmware sees it that knows no long names.
        short: String,
        bytes: Vec<u8>,
    }

    /// Reads a card as a board's firmware does: names and contents of the files in its one
    /// partition, whose directory has no directories in it.
    fn read(card: &[u8]) -> Vec<File> {
        assert_eq!((card[450], &card[510..512]), (FAT32, [0x55, 0xaa].as_slice()));
        let number = |bytes: &[u8], at: usize, len: usize| (0..len).rev().fold(0, |sum, i| sum << 8 | usize::from(bytes[at + i]));
        let system = &card[number(card, 454, 4) * SECTOR..];
        let (cluster, table) = (number(system, 13, 1) * SECTOR, number(system, 14, 2) * SECTOR);
        let data = table + number(system, 16, 1) * number(system, 36, 4) * SECTOR;
        let next = |at: usize| number(system, table + at * 4, 4) & 0x0fff_ffff;
        let chain = |first: usize| {
            let clusters = std::iter::successors(Some(first), |at| Some(next(*at)).filter(|at| *at < 0x0fff_fff8));
            clusters.flat_map(|at| system[data + (at - 2) * cluster..][..cluster].to_vec()).collect::<Vec<u8>>()
        };
        let (mut files, mut long) = (Vec::new(), String::new());
        for entry in chain(number(system, 44, 4)).chunks(32).take_while(|entry| entry[0] != 0) {
            match entry[11] {
                0x0f => {
                    let units = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].map(|at| number(entry, at, 2) as u16);
                    let part: Vec<u16> = units.into_iter().take_while(|unit| !matches!(unit, 0 | 0xffff)).collect();
                    long = String::from_utf16(&part).unwrap() + &long;
                }
                0x08 => {}
                _ => {
                    let mut bytes = chain(number(entry, 20, 2) << 16 | number(entry, 26, 2));
                    bytes.truncate(number(entry, 28, 4));
                    let short = String::from_utf8_lossy(&entry[..11]).into_owned();
                    files.push(File { name: std::mem::take(&mut long), short, bytes });
                }
            }
        }
        files
    }

    /// As a text, the kernel's and segments' bytes left out.
    fn listing(files: &[File]) -> String {
        let mut text = String::new();
        for File { name, short, bytes } in files {
            let _ = writeln!(text, "{name} ({short}) {}", bytes.len());
            if [KERNEL, INITRAMFS].contains(&name.as_str()) {
                continue;
            }
            for line in String::from_utf8_lossy(bytes).lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    #[test]
    fn cards_are_as_the_golden_listings_say() {
        for name in ["rpi3", "rpi4", "rpi5"] {
            let (board, outputs) = (Board::load(name).unwrap(), parts(name));
            let trees = outputs.dir.join("trees");
            let given = Given { release: "6.12", trees: Some(&trees), firmware: Some(&outputs.dir) };
            let card = build(&board, &outputs, given, "console=tty0 quiet").unwrap();
            let files = read(&card);
            let find = |name: &str| files.iter().find(|file| file.name == name).map(|file| file.bytes.clone()).unwrap();
            assert!(find(KERNEL) == kernel());
            let segments = [fs::read(&outputs.core).unwrap(), fs::read(&outputs.modules).unwrap()];
            assert!(find(INITRAMFS) == together(segments.to_vec()));
            let golden = place::repository().join(format!("tests/golden/sdcard-{name}.txt"));
            assert_eq!(listing(&files), fs::read_to_string(&golden).unwrap(), "{}", golden.display());
            fs::remove_dir_all(&outputs.dir).unwrap();
        }
    }

    #[test]
    fn a_missing_firmware_file_is_named() {
        let (board, outputs) = (Board::load("rpi4").unwrap(), parts("missing"));
        fs::remove_file(outputs.dir.join("start4.elf")).unwrap();
        let trees = outputs.dir.join("trees");
        let given = Given { release: "6.12", trees: Some(&trees), firmware: Some(&outputs.dir) };
        let error = format!("{:#}", build(&board, &outputs, given, "").unwrap_err());
        assert!(error.starts_with("take start4.elf from the directory of --firmware: read "), "{error}");
        assert!(build(&board, &outputs, Given { firmware: None, ..given }, "").is_ok());
        fs::remove_dir_all(&outputs.dir).unwrap();
    }
}
