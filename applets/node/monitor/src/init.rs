//! The first process of a PID namespace that a pod's containers share: it holds the namespace and reaps what nobody else does.
//!
//! It is a fork of the monitor, which is root on the node and knows the node's files; containers see it, and one with CAP_SYS_PTRACE
//! may do with it what it likes. So it keeps nothing: an empty root, no descriptors, no user of the node's, no capabilities, no way to
//! new ones; its other namespaces are the pod's, and its cgroup is in the pod's.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use kit::cgroup::Cgroup;
use kit::{Context, Error, Result};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, wait};
use rustix::time::Timespec;
use sys::fork::{Side, close_all, end, fork};

/// Nobody: the number that pause images take, too.
const NOBODY: u32 = 65535;
/// Timeout of its end: the kernel ends the whole namespace first.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Fork it into the PID namespace that the caller has made for its next child. `directory` is any directory: it gets its root there, which
/// nobody else sees. The descriptor stands for the process.
pub fn start(cgroup: &str, directory: &Path) -> Result<OwnedFd> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
    match fork().doing("fork the pod's first process")? {
        Side::Child => {
            drop(read);
            if let Err(e) = give_up(cgroup, directory) {
                // A reader that has gone is nobody to tell.
                let _ = File::from(write).write_all(e.to_string().as_bytes());
                end(1)
            }
            // The pipe is closed by this, too, which says that all went well.
            let closed = close_all();
            end(closed.map_or(1, |()| reap()))
        }
        Side::Parent(pid) => {
            drop(write);
            let pid = Pid::from_raw(pid).ok_or_else(|| Error::new("fork told no process"))?;
            // Its end is not waited for elsewhere before this returns: the number is its own.
            let process = pidfd_open(pid, PidfdFlags::empty()).doing("watch the pod's first process")?;
            let mut complaint = String::new();
            File::from(read).read_to_string(&mut complaint).doing("hear from the pod's first process")?;
            if complaint.is_empty() { Ok(process) } else { Err(Error::new(complaint)) }
        }
    }
}

/// Kill it, and with it all that is in its namespace, and wait for its end.
pub fn stop(process: &OwnedFd) {
    if let Err(e) = sys::pidfd::send_signal(process.as_fd(), 9) {
        tracing::debug!("kill the pod's first process: {e}");
    }
    let _ = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&PATIENCE));
}

fn give_up(cgroup: &str, directory: &Path) -> Result<()> {
    rustix::thread::set_name(c"kutties-pod").doing("take a name")?;
    let cgroup = Cgroup::at(cgroup);
    cgroup.make()?;
    cgroup.enter()?;
    empty_root(directory)?;
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[]).doing("give up all groups")?;
    setresgid(group, group, group).doing("become nobody")?;
    // Without root's number the kernel takes all capabilities, and lets nobody of that number look into this process.
    setresuid(user, user, user).doing("become nobody")?;
    rustix::thread::set_no_new_privs(true).doing("give up new privileges")?;
    // After the change of users, which clears it: a pod without its monitor has nobody who knows it.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).doing("follow the monitor")
}

/// Have nothing but an empty directory for a root.
fn empty_root(directory: &Path) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).doing("make a mount namespace")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).doing("keep mounts to oneself")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    mount("empty", directory, "tmpfs", flags, c"mode=0555,size=4096").doing("mount an empty root")?;
    std::env::set_current_dir(directory).doing("enter an empty root")?;
    rustix::process::pivot_root(".", ".").doing("change the root")?;
    unmount(".", UnmountFlags::DETACH).doing("leave the old root")
}

/// Reap until the kernel ends this: a namespace's first process hears no signal that it does not ask for.
fn reap() -> u8 {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGCHLD);
    if ends.thread_block().is_err() {
        return 1;
    }
    loop {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if ends.wait().is_err() {
            return 1;
        }
    }
}
