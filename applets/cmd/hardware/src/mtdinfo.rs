//! `mtdinfo` shows flash parts: size, blocks and names as /sys has them.
//!
//! ```text
//! mtdinfo              the parts there are
//! mtdinfo /dev/mtd0    one of them
//! mtdinfo -a           all
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::{entries, name, number, text};
use crate::output::show;

/// Flash parts.
pub const MTDINFO: Applet = Applet { name: "mtdinfo", about: "show flash parts", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Show all parts.
    #[arg(short, long)]
    all: bool,
    /// Flash part, such as /dev/mtd0.
    device: Option<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&MTDINFO, args)?;
    show(&lines(Path::new("/"), &options)?)?;
    Ok(Exit::OK)
}

fn lines(root: &Path, options: &Options) -> Result<Vec<String>> {
    let number = |path: &PathBuf| name(path).strip_prefix("mtd")?.parse::<u32>().ok();
    let mut parts: Vec<_> = entries(root.join("sys/class/mtd")).iter().filter_map(number).collect();
    parts.sort_unstable();
    if parts.is_empty() {
        return Err(Error::new("this kernel shows no flash parts"));
    }
    if let Some(device) = &options.device {
        let wanted = number(device).filter(|wanted| parts.contains(wanted));
        let wanted = wanted.ok_or_else(|| Error::new(format!("{}: no such flash part", device.display())))?;
        return Ok(part(root, wanted));
    }
    let names: Vec<_> = parts.iter().map(|number| format!("mtd{number}")).collect();
    let mut lines = vec![
        format!("Count of MTD devices:           {}", parts.len()),
        format!("Present MTD devices:            {}", names.join(", ")),
        "Sysfs interface supported:      yes".to_owned(),
    ];
    if options.all {
        lines.extend(parts.into_iter().flat_map(|number| [vec![String::new()], part(root, number)].concat()));
    }
    Ok(lines)
}

/// Lines of a part in the form of mtd-utils.
fn part(root: &Path, part: u32) -> Vec<String> {
    // MTD_WRITEABLE and MTD_BIT_WRITEABLE of mtd/mtd-abi.h
    const WRITABLE: u64 = 0x400;
    let path = root.join(format!("sys/class/mtd/mtd{part}"));
    let count = |name: &str| number(path.join(name)).unwrap_or(0);
    let word = |name: &str| text(path.join(name)).unwrap_or_default();
    let (size, block, write) = (count("size"), count("erasesize"), count("writesize"));
    let yes = |on: bool| if on { "true" } else { "false" };
    let device = word("dev");
    vec![
        format!("mtd{part}"),
        line("Name:", &word("name")),
        line("Type:", &word("type")),
        line("Eraseblock size:", &bytes(block)),
        line("Amount of eraseblocks:", &format!("{} ({})", size.checked_div(block).unwrap_or(0), bytes(size))),
        line("Minimum input/output unit size:", &format!("{write} {}", if write == 1 { "byte" } else { "bytes" })),
        line("Sub-page size:", &format!("{} {}", count("subpagesize"), if count("subpagesize") == 1 { "byte" } else { "bytes" })),
        line("Character device major/minor:", &device),
        line("Bad blocks are allowed:", yes(word("type").contains("nand"))),
        line("Device is writable:", yes(count("flags") & WRITABLE != 0)),
    ]
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<31} {value}")
}

/// Bytes, and the same in KiB or MiB.
fn bytes(count: u64) -> String {
    let short =
        |shift: u32, unit| format!("{count} bytes, {}.{} {unit}", count >> shift, ((count & ((1 << shift) - 1)) * 10) >> shift);
    match count {
        0..=1023 => format!("{count} bytes"),
        1024..=1_048_575 => short(10, "KiB"),
        1_048_576..=1_073_741_823 => short(20, "MiB"),
        _ => short(30, "GiB"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn parts_are_read_from_sys() {
        let root = std::env::temp_dir().join(format!("mtd-{}", std::process::id()));
        let path = root.join("sys/class/mtd/mtd0");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::create_dir_all(root.join("sys/class/mtd/mtd0ro")).unwrap();
        let values = [
            ("size", "16777216"),
            ("erasesize", "4096"),
            ("writesize", "1"),
            ("flags", "0xc00"),
            ("type", "nor"),
            ("name", "bios"),
        ];
        for (name, value) in values {
            std::fs::write(path.join(name), format!("{value}\n")).unwrap();
        }
        let options = |args: &[&str]| Options::try_parse_from([&["mtdinfo"], args].concat()).unwrap();
        assert_eq!(lines(&root, &options(&[])).unwrap()[1], "Present MTD devices:            mtd0");
        let one = lines(&root, &options(&["/dev/mtd0"])).unwrap();
        assert_eq!(one[4], "Amount of eraseblocks:          4096 (16777216 bytes, 16.0 MiB)");
        assert_eq!(one[9], "Device is writable:             true");
        assert!(lines(&root, &options(&["/dev/mtd1"])).is_err());
        std::fs::remove_dir_all(&root).unwrap();
        assert!(lines(&root, &options(&[])).is_err());
    }
}
