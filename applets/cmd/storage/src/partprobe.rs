//! `partprobe [-d] [-s] [DISK]...` tells the kernel to read partition tables again; without a name, those of all disks.
//!
//! `-d` does nothing, `-s` says what a disk has. A disk whose partitions are in use is refused by the kernel.
//!
//! Example: `partprobe /dev/sda`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse};

/// Reads partition tables again.
pub const PARTPROBE: Applet =
    Applet { name: "partprobe", about: "tell the kernel to read partition tables again", place: Place::Sbin, run };

// `-h` is help and `-d` no dry run of ours.
#[derive(Parser)]
struct Options {
    /// Do not tell the kernel
    #[arg(short, long)]
    dry_run: bool,
    /// Say what there is
    #[arg(short, long)]
    summary: bool,
    /// The disks
    disks: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&PARTPROBE, args)?;
    let is_given = !options.disks.is_empty();
    let disks = if is_given { options.disks.clone() } else { all()? };
    let mut exit = Exit::OK;
    for disk in &disks {
        if let Err(e) = probe(&options, disk) {
            // A drive without a medium is no failure when nobody asked for it.
            if is_given {
                kit::warn("partprobe", &e);
                exit = Exit::FAILED;
            }
        }
    }
    Ok(exit)
}

/// The whole disks that /sys knows, without RAM disks and empty loop devices.
fn all() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir("/sys/block").on("read", "/sys/block")?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with("ram") && !name.starts_with("zram"));
    names.sort();
    Ok(names.into_iter().map(|name| Path::new("/dev").join(name)).collect())
}

fn probe(options: &Options, disk: &Path) -> Result<()> {
    let file = File::open(disk).on("open", disk)?;
    if options.summary {
        let content = disk::signature::probe(disk)?;
        let name = disk.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entries = fs::read_dir(Path::new("/sys/block").join(&name)).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        let parts = entries.into_iter().flatten().filter_map(|entry| fs::read_to_string(entry.path().join("partition")).ok());
        let mut numbers: Vec<u32> = parts.filter_map(|text| text.trim().parse().ok()).collect();
        numbers.sort_unstable();
        if let Some(table) = content.table {
            let table = if table == "dos" { "msdos" } else { table };
            let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
            kit::print(&format!("{}: {table} partitions {}\n", disk.display(), numbers.join(" ")))?;
        }
    }
    if options.dry_run {
        return Ok(());
    }
    sys::block::read_partitions(&file).on("read the partition table of", disk)
}
