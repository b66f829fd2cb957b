//! `mountpoint [-q] [-d] PATH` tells whether something is mounted at a directory; `mountpoint -x DEVICE` prints a device's numbers.
//!
//! Exit status, as util-linux's: 0 it is one, 32 it is none, 1 it can't be told.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};
use rustix::fs::{AtFlags, CWD, FileType, StatxAttributes, StatxFlags, major, minor, statx};

/// Is it mounted?
pub const MOUNTPOINT: Applet =
    Applet { name: "mountpoint", about: "tell whether a directory is a mount", place: Place::Bin, run };

const IS_NONE: Exit = Exit(32);

#[derive(Parser)]
struct Options {
    /// Say nothing.
    #[arg(short, long)]
    quiet: bool,
    /// Print the mount's device numbers.
    #[arg(short = 'd', long)]
    fs_devno: bool,
    /// Print the numbers of the block device PATH.
    #[arg(short = 'x', long)]
    devno: bool,
    /// Do not follow a link.
    #[arg(long)]
    nofollow: bool,
    /// The directory.
    path: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&MOUNTPOINT, args)?;
    let path = options.path.as_path();
    if options.devno {
        return device(path);
    }
    let follow = if options.nofollow { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() };
    let stat = match statx(CWD, path, follow, StatxFlags::BASIC_STATS) {
        Ok(stat) => stat,
        Err(_) if options.quiet => return Ok(Exit::FAILED),
        Err(e) => return Err(e).on("look at", path),
    };
    let mounted = stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    let text = match (options.fs_devno, mounted) {
        (true, true) => format!("{}:{}", stat.stx_dev_major, stat.stx_dev_minor),
        (_, true) => format!("{} is a mountpoint", path.display()),
        (_, false) => format!("{} is not a mountpoint", path.display()),
    };
    if !options.quiet {
        print(&text)?;
    }
    Ok(if mounted { Exit::OK } else { IS_NONE })
}

fn device(path: &Path) -> Result<Exit> {
    let stat = rustix::fs::stat(path).on("look at", path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::BlockDevice {
        return Err(Error::new(format!("{}: not a block device", path.display())).with_exit(IS_NONE));
    }
    print(&format!("{}:{}", major(stat.st_rdev), minor(stat.st_rdev)))?;
    Ok(Exit::OK)
}

fn print(text: &str) -> Result<()> {
    let mut out = out();
    writeln!(out, "{text}").and_then(|()| out.flush()).doing("write standard output")
}
