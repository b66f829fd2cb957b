//! `mkfs.vfat [-C] [-I] [-v] [-F BITS] [-n NAME] [-i ID] [-s SECTORS] [-S BYTES] [-f TABLES] [-R SECTORS] [-r ENTRIES] DEVICE [KIB]`
//! makes a FAT file system.
//!
//! Without `-F` the size chooses: 12 bits up to 8 MiB, 32 from 512 MiB on. `-C` makes the file, of so many KiB. A disk with a
//! partition table is left alone without `-I`, and a device that is in use always. The boot sector is written last.
//!
//! Example: `mkfs.vfat -F 32 -n EFI /dev/sda1`.

mod shape;

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use clap::Parser;
use disk::make::{Device, now, random};
use disk::signature;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use shape::{Shape, Wish};

/// Makes FAT.
pub const MKFS_VFAT: Applet = Applet { name: "mkfs.vfat", about: "make a FAT file system", place: Place::Sbin, run };

/// Zeroes that are written at once.
const PIECE: u64 = 1 << 20;

#[derive(Parser)]
struct Options {
    /// Make the file
    #[arg(short = 'C', requires = "size")]
    create: bool,
    /// Also on a disk that has partitions
    #[arg(short = 'I')]
    whole: bool,
    /// Tell the measures
    #[arg(short)]
    verbose: bool,
    /// Bits of an entry: 12, 16 or 32
    #[arg(short = 'F', value_name = "BITS", value_parser = bits)]
    bits: Option<u8>,
    /// Its name, at most 11 bytes
    #[arg(short = 'n', value_name = "NAME", value_parser = label)]
    name: Option<[u8; 11]>,
    /// Its number, in hexadecimal
    #[arg(short = 'i', value_name = "ID", value_parser = serial)]
    id: Option<u32>,
    /// Sectors of a cluster, a power of two
    #[arg(short = 's', value_name = "SECTORS", value_parser = clap::value_parser!(u64).range(1..=128))]
    cluster: Option<u64>,
    /// Bytes of a sector, a power of two
    #[arg(short = 'S', value_name = "BYTES", value_parser = clap::value_parser!(u64).range(512..=4096))]
    sector: Option<u64>,
    /// Copies of the table
    #[arg(short = 'f', value_name = "TABLES", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=4))]
    tables: u64,
    /// Sectors before the tables
    #[arg(short = 'R', value_name = "SECTORS", value_parser = clap::value_parser!(u64).range(1..=65_535))]
    reserved: Option<u64>,
    /// Entries of the root directory, with 12 and 16 bits
    #[arg(short = 'r', value_name = "ENTRIES", value_parser = clap::value_parser!(u64).range(1..=32_767))]
    root: Option<u64>,
    /// The device or file
    device: PathBuf,
    /// Its size in KiB, when not all of it
    size: Option<u64>,
}

fn bits(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|bits| matches!(bits, 12 | 16 | 32)).ok_or_else(|| "12, 16 or 32".to_owned())
}

fn label(text: &str) -> Result<[u8; 11], String> {
    let is_bad = |byte: u8| byte < b' ' || byte == 0x7f || b"*?.,;:/\\|+=<>[]\"".contains(&byte);
    if text.is_empty() || text.len() > 11 || text.starts_with(' ') || !text.is_ascii() || text.bytes().any(is_bad) {
        return Err("1 to 11 letters, digits and signs other than *?.,;:/\\|+=<>[]\"".to_owned());
    }
    let mut label = [b' '; 11];
    label[..text.len()].copy_from_slice(text.as_bytes());
    Ok(label)
}

fn serial(text: &str) -> Result<u32, String> {
    u32::from_str_radix(&text.replacen('-', "", 1), 16).map_err(|_| "up to 8 hexadecimal digits".to_owned())
}

fn run(args: &[OsString]) -> Result<Exit> {
    // All failures end with 1.
    let failed = |e: Error| if e.is_text() { e } else { e.with_exit(Exit::FAILED) };
    let options: Options = parse(&MKFS_VFAT, args).map_err(failed)?;
    make(&options).map(|()| Exit::OK).map_err(failed)
}

fn make(options: &Options) -> Result<()> {
    let path = options.device.as_path();
    let wanted = options.size.map(|kib| kib.checked_mul(1024).ok_or_else(|| Error::new("such a size is too much")));
    let wanted = wanted.transpose()?;
    let sector = options.sector.unwrap_or(512);
    if !sector.is_power_of_two() || !options.cluster.is_none_or(u64::is_power_of_two) {
        return Err(Error::usage("-s and -S want a power of two"));
    }
    let mut wish = Wish {
        bytes: wanted.unwrap_or_default(),
        sector,
        bits: options.bits,
        cluster: options.cluster,
        copies: options.tables,
        reserved: options.reserved,
        root: options.root,
    };
    if options.create {
        // Nothing is left behind when no file system fits.
        Shape::of(&wish)?;
        let file = File::create_new(path).on("make", path)?;
        file.set_len(wish.bytes).on("make", path)?;
    }
    let device = Device::open(path)?;
    wish.sector = sector.max(device.block as u64);
    wish.bytes = wanted.unwrap_or(device.bytes);
    if wish.bytes > device.bytes {
        return Err(Error::new(format!("{} has {} KiB only", path.display(), device.bytes >> 10)));
    }
    if let Some(table) = signature::probe(path)?.table.filter(|_| !options.whole) {
        return Err(Error::new(format!("{} has a partition table ({table}); -I makes a file system there", path.display())));
    }
    let shape = Shape::of(&wish)?;
    let least = if shape.bits == 32 { 9 } else { 1 };
    if shape.reserved < least {
        return Err(Error::usage(format!("-R wants at least {least} sectors with {} bits", shape.bits)));
    }
    if shape.bits == 32 && shape.clusters < 65_525 {
        let text = format!("{} clusters are few for 32 bits: others may take it for 16", shape.clusters);
        kit::warn("mkfs.vfat", &Error::new(text));
    }
    write(&device, &shape, options).on("write", path)?;
    if options.verbose {
        let Shape { bits, clusters, cluster, table, reserved, .. } = shape;
        kit::print(&format!(
            "{}: FAT{bits}, {clusters} clusters of {cluster} sectors, {} tables of {table}, {reserved} reserved\n",
            path.display(),
            shape.copies
        ))?;
    }
    Ok(())
}

/// Tables and root directory first, the boot sector last: before it nobody takes the device for a file system.
fn write(device: &Device, shape: &Shape, options: &Options) -> std::io::Result<()> {
    let id = options.id.map_or_else(|| random().map(|id| u32::from_le_bytes([id[0], id[1], id[2], id[3]])), Ok);
    let id = id.map_err(std::io::Error::other)?;
    let zeroes = vec![0; PIECE as usize];
    let end = shape.head() * shape.sector;
    for at in (0..end).step_by(PIECE as usize) {
        device.file.write_all_at(&zeroes[..PIECE.min(end - at) as usize], at)?;
    }
    for copy in 0..shape.copies {
        device.file.write_all_at(&shape.entries(), (shape.reserved + copy * shape.table) * shape.sector)?;
    }
    if let Some(name) = &options.name {
        let mut entry = [0; 32];
        entry[..11].copy_from_slice(name);
        entry[11] = 8;
        let (time, date) = stamp(now());
        entry[22..24].copy_from_slice(&time.to_le_bytes());
        entry[24..26].copy_from_slice(&date.to_le_bytes());
        device.file.write_all_at(&entry, shape.root_at() * shape.sector)?;
    }
    let boot = shape.boot(id, options.name.as_ref().unwrap_or(b"NO NAME    "));
    if shape.bits == 32 {
        for (at, bytes) in [(1, &shape.counts()), (7, &shape.counts()), (6, &boot)] {
            device.file.write_all_at(bytes, at * shape.sector)?;
        }
    }
    device.file.sync_all()?;
    device.file.write_all_at(&boot, 0)?;
    device.file.sync_all()
}

/// Time and date of a directory entry, in UTC; before 1980 there is none.
fn stamp(seconds: u32) -> (u16, u16) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days from 1 March 0000 of the proleptic calendar, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = (era * 400 + year + u32::from(month <= 2)).saturating_sub(1980).min(127);
    let time = ((rest / 3600) << 11) | ((rest / 60 % 60) << 5) | (rest % 60 / 2);
    (time as u16, ((year << 9) | (month << 5) | day) as u16)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn shape(bytes: u64, bits: Option<u8>) -> Shape {
        Shape::of(&Wish { bytes, sector: 512, bits, cluster: None, copies: 2, reserved: None, root: None }).unwrap()
    }

    #[test]
    fn the_size_chooses_the_bits() {
        assert_eq!(shape(1440 << 10, None).bits, 12);
        assert_eq!((shape(64 << 20, None).bits, shape(64 << 20, None).cluster), (16, 4));
        assert_eq!((shape(1 << 30, None).bits, shape(1 << 30, None).cluster), (32, 8));
        for shape in [shape(1 << 20, None), shape(100 << 20, Some(32)), shape(16 << 20, Some(16))] {
            assert!(shape.table * 512 * 8 / u64::from(shape.bits) >= shape.clusters + 2, "{shape:?}");
        }
    }

    #[test]
    fn a_date_of_a_directory() {
        // 2024-02-29 12:34:56 UTC.
        assert_eq!(stamp(1_709_210_096), (0x645c, 0x585d));
        assert!(label("a.b").is_err() && label("").is_err() && label("EFI").is_ok() && serial("12ab-34cd") == Ok(0x12ab_34cd));
    }
}
