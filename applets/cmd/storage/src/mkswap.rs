//! `mkswap [-f] [-L LABEL] [-U UUID] [-p BYTES] [-q] [-v1] DEVICE [KIB]` makes a swap area.
//!
//! A whole disk with a partition table is left alone without `-f`, and a device that is in use always.
//!
//! Example: `fallocate -l 1G /var/swap && chmod 600 /var/swap && mkswap /var/swap && swapon /var/swap`.

use std::ffi::OsString;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use clap::Parser;
use disk::make::{Device, random};
use disk::signature::{self, uuid_text};
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::size;

/// Makes swap areas.
pub const MKSWAP: Applet = Applet { name: "mkswap", about: "make a swap area", place: Place::Sbin, run };

/// Fewest pages of an area that the kernel takes.
const LEAST_PAGES: u64 = 10;

#[derive(Parser)]
struct Options {
    /// Also where something else is
    #[arg(short, long)]
    force: bool,
    /// Its name, at most 16 bytes
    #[arg(short = 'L', long, value_name = "LABEL", default_value = "")]
    label: String,
    /// Its number, or clear, random, time
    #[arg(short = 'U', long, value_name = "UUID", default_value = "random", value_parser = number)]
    uuid: [u8; 16],
    /// Bytes of a page
    #[arg(short, long, value_name = "BYTES")]
    pagesize: Option<usize>,
    /// Version of the area: 1 is the only one
    #[arg(short = 'v', long, value_name = "VERSION", value_parser = ["1"])]
    swapversion: Option<String>,
    /// Say nothing
    #[arg(short, long)]
    quiet: bool,
    /// The device or file
    device: PathBuf,
    /// Its size in KiB, when not all of it
    size: Option<String>,
}

fn number(text: &str) -> Result<[u8; 16], String> {
    match text {
        "random" | "time" => random().map_err(|e| e.to_string()),
        "clear" => Ok([0; 16]),
        text => {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            let value = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32);
            value.map(u128::to_be_bytes).ok_or_else(|| "no UUID".to_owned())
        }
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&MKSWAP, args).map_err(failed)?;
    make(&options).map_err(failed)
}

/// All failures end with 1.
fn failed(e: Error) -> Error {
    if e.is_text() { e } else { e.with_exit(Exit::FAILED) }
}

fn make(options: &Options) -> Result<Exit> {
    let path = options.device.as_path();
    let page = options.pagesize.unwrap_or_else(rustix::param::page_size);
    if !page.is_power_of_two() || !(4096..=65_536).contains(&page) {
        return Err(Error::usage(format!("Bad user-specified page size {page}")));
    }
    if options.label.len() > 16 {
        return Err(Error::usage("a label has at most 16 bytes"));
    }
    let device = Device::open(path)?;
    let wanted = match &options.size {
        None => device.bytes,
        Some(text) => {
            let kib: u64 = text.parse().map_err(|_| Error::usage(format!("invalid block count argument: {text}")))?;
            kib.checked_mul(1024).filter(|bytes| *bytes <= device.bytes || options.force).ok_or_else(|| {
                Error::new(format!("error: size {kib} KiB is larger than device size {} KiB", device.bytes / 1024))
            })?
        }
    };
    let pages = (wanted / page as u64).min(u64::from(u32::MAX));
    if pages < LEAST_PAGES {
        let least = LEAST_PAGES * page as u64 / 1024;
        return Err(Error::new(format!("error: swap area needs to be at least {least} KiB")));
    }
    let found = signature::probe(path)?;
    if let Some(what) = found.table.filter(|_| !options.force) {
        return Err(Error::new(format!("{} contains a {what} partition table; use -f to force", path.display())));
    }
    let about = device.file.metadata().on("look at", path)?;
    if !options.quiet && about.is_file() && about.permissions().mode() & 0o077 != 0 {
        let advice = format!(
            "{}: insecure permissions {:04o}, fix with: chmod 0600 {0}",
            path.display(),
            about.permissions().mode() & 0o7777
        );
        kit::warn("mkswap", &Error::new(advice));
    }
    device.file.write_all_at(&area(page, pages, options.uuid, &options.label), 0).on("write", path)?;
    device.file.sync_all().on("write", path)?;
    if !options.quiet {
        let bytes = (pages - 1) * page as u64;
        let name = if options.label.is_empty() { "no label,".to_owned() } else { format!("LABEL={},", options.label) };
        let size = size::spelled(bytes);
        kit::print(&format!(
            "Setting up swapspace version 1, size = {size} ({bytes} bytes)\n{name} UUID={}\n",
            uuid_text(&options.uuid)
        ))?;
    }
    Ok(Exit::OK)
}

/// The first page, as linux/swap.h has it: what a boot loader wrote before stays out of it.
fn area(page: usize, pages: u64, uuid: [u8; 16], label: &str) -> Vec<u8> {
    let mut bytes = vec![0; page];
    bytes[1024..1028].copy_from_slice(&1_u32.to_le_bytes());
    bytes[1028..1032].copy_from_slice(&u32::try_from(pages - 1).unwrap_or(u32::MAX).to_le_bytes());
    bytes[1036..1052].copy_from_slice(&uuid);
    bytes[1052..1052 + label.len()].copy_from_slice(label.as_bytes());
    bytes[page - 10..].copy_from_slice(b"SWAPSPACE2");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_an_area_by_its_end() {
        let page = area(4096, 256, [7; 16], "extra");
        assert_eq!(&page[4086..], b"SWAPSPACE2");
        assert_eq!(page[1028..1032], 255_u32.to_le_bytes());
        assert_eq!(&page[1052..1058], b"extra\0");
        assert!(number("x").is_err() && number("00000000-0000-0000-0000-00000000000a").is_ok());
    }
}
