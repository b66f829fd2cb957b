//! `losetup` shows, sets up and detaches loop devices: block devices over files.
//!
//! ```text
//! losetup                     all devices that show a file
//! losetup LOOP                that one
//! losetup -j FILE             those over a file
//! losetup -f                  name the next free device
//! losetup [-r] -f [--show] FILE    set the next free device up
//! losetup [-r] LOOP FILE      set that device up
//! losetup -d LOOP...          detach
//! losetup -D                  detach all
//! ```
//!
//! A line is `/dev/loop0: [device number]:inode (/the/file)`, as util-linux prints it; the kubelet reads it.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};
use sys::loop_device::{self, PARTITIONS, READ_ONLY, Setting};

use crate::loops::{self, Loop};

/// Loop devices.
pub const LOSETUP: Applet = Applet { name: "losetup", about: "set up and show loop devices", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Show all devices that are in use.
    #[arg(short, long)]
    all: bool,
    /// Show the devices over this file.
    #[arg(short = 'j', long, value_name = "FILE")]
    associated: Option<PathBuf>,
    /// Detach the devices.
    #[arg(short, long)]
    detach: bool,
    /// Detach all devices.
    #[arg(short = 'D', long)]
    detach_all: bool,
    /// Take the next free device; without a file, name it.
    #[arg(short, long)]
    find: bool,
    /// Look at the file's size again.
    #[arg(short = 'c', long)]
    set_capacity: bool,
    /// Begin at this byte of the file.
    #[arg(short, long, default_value_t = 0)]
    offset: u64,
    /// Show no more than so many bytes.
    #[arg(long, default_value_t = 0)]
    sizelimit: u64,
    /// Bytes a sector.
    #[arg(short = 'b', long, default_value_t = 0)]
    sector_size: u32,
    /// Look for partitions.
    #[arg(short = 'P', long)]
    partscan: bool,
    /// Nothing can be written.
    #[arg(short, long)]
    read_only: bool,
    /// Print the device that was set up.
    #[arg(long)]
    show: bool,
    /// Devices and a file.
    operands: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LOSETUP, args)?;
    match options.operands.as_slice() {
        devices if options.detach && !devices.is_empty() => devices.iter().try_for_each(|d| loops::detach(d))?,
        [] if options.detach_all => loops::all()?.iter().try_for_each(|l| loops::detach(&l.device))?,
        [device] if options.set_capacity => {
            loop_device::resize(&fs::File::open(device).on("open", device)?).on("resize", device)?;
        }
        [] if options.find => print(&loops::free()?)?,
        [file] if options.find => {
            let (device, _open) = loops::attach_free(file, setting(&options))?;
            if options.show {
                print(&device)?;
            }
        }
        [device, file] if !options.find => {
            loops::attach(device, file, setting(&options))?.on("set up", device)?;
            if options.show {
                print(device)?;
            }
        }
        [] if !options.detach => show(options.associated.as_deref())?,
        [device] if !options.detach => {
            let name = device.file_name().unwrap_or_default().to_string_lossy();
            let found = loops::of(&name);
            let found = found.ok_or_else(|| Error::new(format!("show {}: no such device or address", device.display())))?;
            print(line(&found))?;
        }
        _ => return Err(Error::usage("that is more, or less, than losetup takes; --help shows its forms")),
    }
    Ok(Exit::OK)
}

fn setting(options: &Options) -> Setting<'static> {
    let flag = |on: bool, bit| if on { bit } else { 0 };
    Setting {
        offset: options.offset,
        size_limit: options.sizelimit,
        block_size: options.sector_size,
        flags: flag(options.read_only, READ_ONLY) | flag(options.partscan, PARTITIONS),
        name: &[],
    }
}

fn show(over: Option<&Path>) -> Result<()> {
    let over = over.map(|file| fs::canonicalize(file).unwrap_or_else(|_| file.into()));
    let mut out = out();
    for found in loops::all()? {
        if over.as_ref().is_none_or(|file| *file == found.file) {
            writeln!(out, "{}", line(&found)).doing("write standard output")?;
        }
    }
    out.flush().doing("write standard output")
}

/// As util-linux: device and inode of the file are 0 when it is out of sight.
fn line(found: &Loop) -> String {
    let (device, inode) = fs::metadata(&found.file).map_or((0, 0), |m| (m.dev(), m.ino()));
    let mut text = format!("{}: [{device:04}]:{inode} ({})", found.device.display(), found.file.display());
    if found.offset != 0 {
        text.extend([", offset ", &found.offset.to_string()]);
    }
    if found.size_limit != 0 {
        text.extend([", sizelimit ", &found.size_limit.to_string()]);
    }
    text
}

fn print(what: impl AsRef<std::ffi::OsStr>) -> Result<()> {
    let mut out = out();
    writeln!(out, "{}", what.as_ref().display()).and_then(|()| out.flush()).doing("write standard output")
}
