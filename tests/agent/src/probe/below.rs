//! The way below a root directory, for a process with CAP_SYS_ADMIN and CAP_SYS_CHROOT: unmount
//! "/", then enter the own mount namespace again. The kernel puts such a process on what lies at
//! the top of the namespace's tree.

use std::fs::{self, File};
use std::io::{self, Write};
use std::process::ExitCode;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::unistd::mkdir;

/// Say what is there and what can be made there, a line each. The exit code is 0 when that is
/// nothing.
pub fn below() -> io::Result<ExitCode> {
    let own = File::open("/proc/self/ns/mnt")?;
    umount2("/", MntFlags::MNT_DETACH)?;
    setns(own, CloneFlags::CLONE_NEWNS)?;
    let mut out = io::stdout();
    let mut names: Vec<String> = fs::read_dir("/")?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    writeln!(out, "entries: {}", names.join(" "))?;
    let mut made = create(&mut out)?;
    let none: Option<&str> = None;
    for (way, flags) in [("mount", MsFlags::MS_BIND), ("file system", MsFlags::empty())] {
        let done = mount(none, "/", none, MsFlags::MS_REMOUNT | flags, none);
        writeln!(out, "{way} writable: {}", done.map_or_else(|e| e.to_string(), |()| "done".into()))?;
        made |= create(&mut out)?;
    }
    Ok(if names.is_empty() && !made { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn create(out: &mut impl Write) -> io::Result<bool> {
    let made = mkdir("/made", Mode::S_IRWXU);
    writeln!(out, "create: {}", made.map_or_else(|e| e.to_string(), |()| "done".into()))?;
    Ok(made.is_ok())
}
