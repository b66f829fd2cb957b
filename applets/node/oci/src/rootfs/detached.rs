//! Mounts that hang nowhere yet: a new file system, and the step that puts one on its target.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::{Context, Result};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount,
    fsopen, move_mount,
};

use super::place::Place;

/// Tries of a mount whose file system is busy for a moment, and the pause between them; runc's.
const BUSY_TRIES: u32 = 3;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Puts a mount that hangs nowhere on its target.
pub fn put(tree: &OwnedFd, place: &Place) -> rustix::io::Result<()> {
    move_mount(tree, "", &place.fd, "", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)
}

/// A new file system of a kind, once it is not busy.
pub fn fresh(kind: &str, source: &Path, data: &[String]) -> Result<OwnedFd> {
    for _ in 1..BUSY_TRIES {
        match fresh_once(kind, source, data) {
            Err(Errno::BUSY) => thread::sleep(BUSY_PAUSE),
            done => return done.doing(format!("make file system {kind}")),
        }
    }
    fresh_once(kind, source, data).doing(format!("make file system {kind}"))
}

fn fresh_once(kind: &str, source: &Path, data: &[String]) -> rustix::io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", source)?;
    for option in data {
        match option.split_once('=') {
            Some((name, value)) => fsconfig_set_string(&context, name, value)?,
            None => fsconfig_set_flag(&context, option)?,
        }
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}
