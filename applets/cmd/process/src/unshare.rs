//! `unshare [-m] [-u] [-i] [-n] [-p] [-U] [-C] [-T] [-f] [-r] [--mount-proc] [PROGRAM]...` runs a program in new namespaces.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use kit::{Applet, Context, Exit, Place, Result, parse};
use nix::sched::CloneFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use crate::start;

/// New namespaces.
pub const UNSHARE: Applet = Applet { name: "unshare", about: "run a program in new namespaces", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Mounts.
    #[arg(short, long)]
    mount: bool,
    /// Host name.
    #[arg(short, long)]
    uts: bool,
    /// System V's and POSIX's messages.
    #[arg(short, long)]
    ipc: bool,
    /// Network.
    #[arg(short, long)]
    net: bool,
    /// Process numbers, for children.
    #[arg(short, long)]
    pid: bool,
    /// Users.
    #[arg(short = 'U', long)]
    user: bool,
    /// Cgroups.
    #[arg(short = 'C', long)]
    cgroup: bool,
    /// Clocks, for children.
    #[arg(short = 'T', long)]
    time: bool,
    /// As a child.
    #[arg(short, long)]
    fork: bool,
    /// Be root there; needs -U, which it implies.
    #[arg(short = 'r', long)]
    map_root_user: bool,
    /// Mount a fresh /proc; implies -m.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "/proc")]
    mount_proc: Option<PathBuf>,
    /// Propagation of mounts from and to the new namespace.
    #[arg(long, value_enum, default_value = "private")]
    propagation: Propagation,
    /// The program; a shell without one.
    #[arg(trailing_var_arg = true)]
    program: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Propagation {
    Private,
    Shared,
    Slave,
    Unchanged,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&UNSHARE, args)?;
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let flags = flags(&options);
    nix::sched::unshare(flags).doing("make namespaces")?;
    if options.map_root_user {
        std::fs::write("/proc/self/setgroups", "deny").doing("give up changing groups")?;
        std::fs::write("/proc/self/uid_map", format!("0 {} 1", uid.as_raw())).doing("map the user")?;
        std::fs::write("/proc/self/gid_map", format!("0 {} 1", gid.as_raw())).doing("map the group")?;
    }
    if flags.contains(CloneFlags::CLONE_NEWNS) {
        let change = match options.propagation {
            Propagation::Private => Some(MountPropagationFlags::PRIVATE),
            Propagation::Shared => Some(MountPropagationFlags::SHARED),
            Propagation::Slave => Some(MountPropagationFlags::DOWNSTREAM),
            Propagation::Unchanged => None,
        };
        if let Some(change) = change {
            mount_change("/", change | MountPropagationFlags::REC).on("change the propagation of", "/")?;
        }
    }
    let mut words = options.program.clone();
    if let (Some(proc), true) = (&options.mount_proc, options.fork || options.pid) {
        // A new /proc shows the numbers of whoever mounts it: the child must.
        words = through_child(proc, &words);
    } else if let Some(proc) = &options.mount_proc {
        mount_proc(proc)?;
    }
    let command = start::command(&words);
    if options.fork { start::run_and_wait(command) } else { Err(start::become_it(command)) }
}

/// `mount -t proc proc DIR`, then the program, in one child.
fn through_child(proc: &std::path::Path, words: &[OsString]) -> Vec<OsString> {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let program = if words.is_empty() { vec![shell] } else { words.to_vec() };
    let script = r#"mount -t proc -o nosuid,nodev,noexec proc "$0" && exec "$@""#;
    let mut all: Vec<OsString> = ["sh", "-c", script].iter().map(Into::into).collect();
    all.push(proc.into());
    all.extend(program);
    all
}

fn mount_proc(dir: &std::path::Path) -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", dir, "proc", flags, None).on("mount", dir)
}

fn flags(options: &Options) -> CloneFlags {
    let wanted = [
        (options.mount || options.mount_proc.is_some(), CloneFlags::CLONE_NEWNS),
        (options.uts, CloneFlags::CLONE_NEWUTS),
        (options.ipc, CloneFlags::CLONE_NEWIPC),
        (options.net, CloneFlags::CLONE_NEWNET),
        (options.pid, CloneFlags::CLONE_NEWPID),
        (options.user || options.map_root_user, CloneFlags::CLONE_NEWUSER),
        (options.cgroup, CloneFlags::CLONE_NEWCGROUP),
        (options.time, CloneFlags::from_bits_retain(0x80)),
    ];
    wanted.into_iter().filter(|(given, _)| *given).fold(CloneFlags::empty(), |all, (_, flag)| all | flag)
}
