//! `umount [-f] [-l] [-r] [-R] [-d] DIR or SOURCE...` unmounts; `umount -a [-t TYPE]` unmounts all but what the system needs.
//!
//! Exit status, as util-linux's: 0, 1 usage, 32 some failed. The kubelet looks for "not mounted" in the text for a directory where
//! nothing is mounted.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};

use crate::table::{self, Entry};

/// Unmount.
pub const UMOUNT: Applet = Applet { name: "umount", about: "unmount file systems", place: Place::Bin, run };

const FAILED: Exit = Exit(32);
/// File systems that `-a` leaves: without them nothing else works.
const NEEDED: &[&str] = &["proc", "sysfs", "devtmpfs", "devpts", "cgroup2", "rootfs"];

#[derive(Parser)]
struct Options {
    /// All mounts but those that the system needs.
    #[arg(short, long)]
    all: bool,
    /// Take paths as they are.
    #[arg(short = 'c', long)]
    no_canonicalize: bool,
    /// Free the loop device too: one that mount set up goes by itself.
    #[arg(short = 'd', long)]
    detach_loop: bool,
    /// Though a server does not answer.
    #[arg(short, long)]
    force: bool,
    /// Out of sight now, gone when nobody uses it any more.
    #[arg(short, long)]
    lazy: bool,
    /// Write no mtab: there is none.
    #[arg(short = 'n', long)]
    no_mtab: bool,
    /// Do not call a helper: there is none.
    #[arg(short = 'i', long)]
    internal_only: bool,
    /// Make a busy one read-only instead.
    #[arg(short, long)]
    read_only: bool,
    /// With all mounts below.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Nothing mounted there is no error.
    #[arg(short, long)]
    quiet: bool,
    /// With -a: only these types, by commas.
    #[arg(short = 't', long, value_name = "TYPE")]
    types: Option<String>,
    /// Say what was unmounted.
    #[arg(short, long)]
    verbose: bool,
    /// Directories or what is mounted there.
    targets: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&UMOUNT, args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::FAILED) })?;
    let targets = match (options.all, options.targets.is_empty()) {
        (true, true) => all_targets(&table::read(table::MOUNTS)?, options.types.as_deref()),
        (false, false) => places(&options)?,
        _ => return Err(Error::usage("give directories, or -a").with_exit(Exit::FAILED)),
    };
    let mut exit = Exit::OK;
    for target in targets {
        match unmount_one(&target, &options) {
            Ok(()) if options.verbose => say(&target)?,
            Ok(()) => {}
            Err(e) => {
                // A closed standard error loses the message.
                let _ = writeln!(std::io::stderr(), "umount: {e}");
                exit = FAILED;
            }
        }
    }
    Ok(exit)
}

/// Returns the mount points of the arguments, deepest first.
fn places(options: &Options) -> Result<Vec<PathBuf>> {
    let mut places = Vec::new();
    for given in &options.targets {
        let path =
            if options.no_canonicalize { given.clone() } else { std::fs::canonicalize(given).unwrap_or_else(|_| given.clone()) };
        // Asking for the table costs more than the call itself, so only where it is needed.
        let needs_table = options.recursive || !path.is_dir();
        let table = if needs_table { table::read(table::MOUNTS)? } else { Vec::new() };
        let by_source = table.iter().rfind(|e| e.source == path).map(|e| e.target.clone());
        let is_place = table.iter().any(|e| e.target == path);
        let place = by_source.filter(|_| !is_place).unwrap_or(path);
        if options.recursive {
            places.extend(table.iter().rev().map(|e| &e.target).filter(|t| **t != place && t.starts_with(&place)).cloned());
        }
        places.push(place);
    }
    Ok(places)
}

fn all_targets(table: &[Entry], types: Option<&str>) -> Vec<PathBuf> {
    let wanted = |e: &&Entry| match types {
        Some(list) => list.split(',').any(|t| t == e.kind),
        None => !NEEDED.contains(&e.kind.as_str()) && e.target != Path::new("/"),
    };
    table.iter().rev().filter(wanted).map(|e| e.target.clone()).collect()
}

fn unmount_one(target: &Path, options: &Options) -> Result<()> {
    let mut flags = UnmountFlags::empty();
    flags.set(UnmountFlags::FORCE, options.force);
    flags.set(UnmountFlags::DETACH, options.lazy);
    flags.set(UnmountFlags::NOFOLLOW, options.no_canonicalize);
    let named = |cause: &str| Err(Error::new(format!("{}: {cause}", target.display())));
    match unmount(target, flags) {
        Ok(()) => Ok(()),
        Err(Errno::BUSY) if options.read_only => mount_remount(target, MountFlags::RDONLY, c"").on("make read-only", target),
        Err(Errno::INVAL) if options.quiet => Ok(()),
        Err(Errno::INVAL) => named("not mounted"),
        Err(Errno::BUSY) => named("target is busy"),
        Err(Errno::NOENT) => named("no such file or directory, not mounted"),
        Err(Errno::PERM) => named("must be root to unmount"),
        Err(e) => Err(e).on("unmount", target),
    }
}

fn say(target: &Path) -> Result<()> {
    let mut out = out();
    writeln!(out, "umount: {} unmounted", target.display()).and_then(|()| out.flush()).doing("write standard output")
}
