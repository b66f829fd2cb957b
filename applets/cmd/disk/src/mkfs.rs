//! `mkfs.ext4 [-Fnq] [-L LABEL] [-U UUID] [-m PERCENT] DEVICE [SIZE]` makes an ext4 file system.
//!
//! SIZE has k, m, g or t behind it, or is in KiB; a file that is not there is made with it. A
//! device that holds something is left alone without `-F`, and one that is in use always. `-n`
//! writes nothing.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use format::ext4;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::empty::is_empty;
use crate::make::{Device, now, random};
use crate::signature;

/// Makes ext4.
pub const MKFS_EXT4: Applet = Applet { name: "mkfs.ext4", about: "make an ext4 file system", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Also where something else is
    #[arg(short = 'F')]
    force: bool,
    /// Write nothing; say what would be made
    #[arg(short = 'n')]
    dry: bool,
    /// Say nothing
    #[arg(short = 'q')]
    quiet: bool,
    /// Its name, at most 16 bytes
    #[arg(short = 'L', value_name = "LABEL", default_value = "")]
    label: String,
    /// Its number; a random one when not given
    #[arg(short = 'U', value_name = "UUID", value_parser = uuid)]
    uuid: Option<[u8; 16]>,
    /// The part that only root may fill, in percent
    #[arg(short = 'm', value_name = "PERCENT", default_value = "0", value_parser = clap::value_parser!(u8).range(0..=50))]
    reserved: u8,
    /// The device or file
    device: PathBuf,
    /// Its size, when not all of the device
    #[arg(value_parser = size)]
    size: Option<u64>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&MKFS_EXT4, args)?;
    let path = options.device.as_path();
    if let Some(size) = options.size.filter(|_| !options.dry && !path.exists()) {
        File::create_new(path).and_then(|file| file.set_len(size)).on("make", path)?;
    }
    let device = Device::open(path)?;
    let bytes = options.size.unwrap_or(device.bytes);
    if bytes > device.bytes && path.metadata().is_ok_and(|about| about.is_file()) && !options.dry {
        device.file.set_len(bytes).on("enlarge", path)?;
    } else if bytes > device.bytes {
        return Err(Error::new(format!("make ext4 on {}: it has {} bytes only", path.display(), device.bytes)));
    }
    if !options.force && !is_empty(&device.file, device.bytes).on("read", path)? {
        return Err(Error::new(format!("{} holds {}; -F makes a new file system there", path.display(), content(path))));
    }
    let uuid = options.uuid.map_or_else(random, Ok)?;
    let shape = ext4::Shape { bytes, label: &options.label, uuid, time: now(), reserved: options.reserved };
    let system = ext4::FileSystem::new(shape).map_err(|e| Error::new(format!("make ext4 on {}: {e}", path.display())))?;
    if !options.dry {
        device.write_ext4(0, &system)?;
    }
    if options.quiet {
        return Ok(Exit::OK);
    }
    let mut out = out();
    let line = format!("ext4, {} MiB, {} inodes, UUID {}", system.bytes() >> 20, system.inodes(), signature::uuid_text(&uuid));
    writeln!(out, "{}: {line}", path.display()).and_then(|()| out.flush()).doing("write standard output").map(|()| Exit::OK)
}

/// The name of what a device holds.
fn content(path: &Path) -> String {
    let content = signature::probe(path).unwrap_or_default();
    match (content.kind, content.table) {
        (Some(kind), _) => format!("{kind} already"),
        (None, Some(table)) => format!("a partition table ({table}) already"),
        (None, None) => "something already".into(),
    }
}

/// Bytes out of a number with a unit; without one it is in KiB, as mke2fs has it.
fn size(text: &str) -> std::result::Result<u64, String> {
    let (number, shift) = match text.char_indices().last() {
        Some((at, unit)) if !unit.is_ascii_digit() => {
            let shift = "kmgt".find(unit.to_ascii_lowercase()).ok_or("the units are k, m, g and t")?;
            (text.get(..at).unwrap_or_default(), 10 * (shift + 1))
        }
        _ => (text, 10),
    };
    let number: u64 = number.parse().map_err(|_| "a whole number is wanted".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is too much".to_owned())
}

/// The bytes of a number in the usual form, or `random`.
fn uuid(text: &str) -> std::result::Result<[u8; 16], String> {
    if text == "random" {
        return random().map_err(|e| e.to_string());
    }
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let whole = text.len() == 36 && digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let number = if whole { u128::from_str_radix(&digits, 16).ok() } else { None };
    number.map(u128::to_be_bytes).ok_or_else(|| "a UUID has 32 hexadecimal digits in five groups".into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn sizes_and_numbers() {
        assert_eq!((size("64"), size("64m"), size("3T")), (Ok(64 << 10), Ok(64 << 20), Ok(3 << 40)));
        for wrong in ["", "m", "1x", "-1", "99999999999t", "1é"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        let id = uuid("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        assert_eq!(signature::uuid_text(&id), "00112233-4455-6677-8899-aabbccddeeff");
        assert!(uuid("00112233445566778899aabbccddeeff").is_err() && uuid("x").is_err() && uuid("random").is_ok());
    }
}
