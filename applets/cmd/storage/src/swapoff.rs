//! `swapoff [-a] [-v] [DEVICE]...` uses swap areas no more: what they hold goes back to memory.
//!
//! DEVICE is a path, `LABEL=…` or `UUID=…`; `-a` takes all that are in use. Exit status: 2 without memory for what the areas hold, 4 if
//! the system call is refused, 8 for another failure, 64 if some of several succeeded.
//!
//! Example: `swapoff -a`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use disk::signature;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use sys::swap;

use crate::swapon;

/// Uses swap areas no more.
pub const SWAPOFF: Applet = Applet { name: "swapoff", about: "use swap areas no more", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// All that are in use
    #[arg(short, long)]
    all: bool,
    /// Say what is done
    #[arg(short, long)]
    verbose: bool,
    /// The areas
    devices: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SWAPOFF, args)?;
    if !options.all && options.devices.is_empty() {
        return Err(Error::usage("bad usage").with_exit(Exit(16)));
    }
    let mut wanted = options.devices.clone();
    if options.all {
        wanted.extend(swapon::areas()?.into_iter().map(|area| area.path));
    }
    let (mut worst, mut done) = (Exit::OK, 0);
    for source in &wanted {
        match off(&options, source) {
            Ok(()) => done += 1,
            Err(e) => {
                kit::warn("swapoff", &e);
                worst = match e.errno() {
                    Some(12) => Exit(2),
                    Some(_) => Exit(4),
                    None => Exit(8),
                };
            }
        }
    }
    Ok(if done > 0 && worst != Exit::OK { Exit(64) } else { worst })
}

fn off(options: &Options, source: &Path) -> Result<()> {
    let path = signature::resolve(source)?;
    let path = path.canonicalize().unwrap_or(path);
    if options.verbose {
        kit::print(&format!("swapoff {}\n", path.display()))?;
    }
    swap::off(&swapon::c_path(&path)?).on("give back the swap area", &path)
}
