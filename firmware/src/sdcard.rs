//! `sdcard.img`: a card for a Raspberry Pi, whose own firmware reads a FAT file system behind an old partition table.
//!
//! The firmware's files may be given away only for use on such a board, so the person brings them; without them the rest of the card is
//! made all the same, for they may be copied onto it later.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use format::fat;
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::disk::guid;
use crate::image::Outputs;
use crate::kind::Given;
use crate::segment::epoch;
use crate::sum;
use crate::uki::together;

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

/// What `board/NAME.toml` says of the card.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sdcard {
    /// Device trees, by their paths below the kernel package's folder of them.
    pub trees: Vec<String>,
    /// The firmware's files that a board of this kind does not start without.
    #[serde(default)]
    pub firmware: Vec<String>,
}

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
        Some(folder) => {
            for name in &card.firmware {
                let told = || format!("take {name} from the folder of --firmware");
                files.push((name.clone(), read(&folder.join(name)).with_context(told)?));
            }
        }
        None if card.firmware.is_empty() => {}
        None => println!(
            "{NAME} lacks {}: the board does not start without them, and they may not be shipped here; \
             give a folder that has them with --firmware, or copy them onto the card",
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
