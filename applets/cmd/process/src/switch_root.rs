//! `switch_root DIR INIT [ARGUMENT]...` leaves an initramfs for the root mounted at DIR; PID 1 calls it with exec.
//!
//! /dev, /proc, /sys and /run move along; the initramfs's own files are deleted, which gives their memory back.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::mount::mount_move;

use crate::start;

/// Leave the initramfs.
pub const SWITCH_ROOT: Applet =
    Applet { name: "switch_root", about: "leave an initramfs for another root", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Mount point of the new root.
    dir: PathBuf,
    /// Program that becomes PID 1 there, and its arguments.
    #[arg(required = true, trailing_var_arg = true)]
    init: Vec<OsString>,
}

/// Mounts that must be there after the switch as before.
const MOVED: &[&str] = &["dev", "proc", "sys", "run"];
/// File system types of an initramfs, as statfs gives them: nothing else may ever be deleted.
const RAM: &[i64] = &[0x0102_1994, 0x8584_58f6];

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SWITCH_ROOT, args)?;
    if std::process::id() != 1 {
        return Err(Error::new("only PID 1 can switch to another root: call it with exec"));
    }
    let dir = options.dir.as_path();
    let old_device = fs::metadata("/").on("look at", "/")?.dev();
    if fs::metadata(dir).on("look at", dir)?.dev() == old_device {
        return Err(Error::new(format!("switch to {}: nothing is mounted there", dir.display())));
    }
    for name in MOVED {
        let (from, to) = (Path::new("/").join(name), dir.join(name));
        let is_mount = fs::metadata(&from).is_ok_and(|m| m.dev() != old_device);
        if is_mount && to.is_dir() {
            mount_move(&from, &to).on("move", &from)?;
        }
    }
    rustix::process::chdir(dir).on("enter", dir)?;
    let kind = rustix::fs::statfs("/").on("look at", "/")?.f_type;
    if RAM.contains(&kind) {
        delete(Path::new("/"), old_device);
    }
    mount_move(".", "/").doing("move the new root to /")?;
    rustix::process::chroot(".").doing("change the root directory")?;
    rustix::process::chdir("/").doing("enter /")?;
    Err(start::become_it(start::command(&options.init)))
}

/// Delete what is on this device; what can't be deleted only costs memory.
fn delete(dir: &Path, device: u64) {
    for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.dev() != device {
            continue;
        }
        if meta.is_dir() {
            delete(&path, device);
            let _ = fs::remove_dir(&path);
        } else {
            let _ = fs::remove_file(&path);
        }
    }
}
