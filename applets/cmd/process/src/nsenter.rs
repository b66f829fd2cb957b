//! `nsenter -t PID [-a] [-m] [-u] [-i] [-n] [-p] [-U] [-C] [-T] [-r] [-w] [PROGRAM]...` runs a program in another process's namespaces.
//!
//! A namespace may also be named by a file: `nsenter --net=/run/netns/a PROGRAM`.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use nix::sched::{CloneFlags, setns};

use crate::start;

/// Into namespaces.
pub const NSENTER: Applet =
    Applet { name: "nsenter", about: "run a program in another process's namespaces", place: Place::Bin, run };

/// A namespace that is not named by a file.
const OF_TARGET: &str = "@target";

#[derive(Parser)]
struct Options {
    /// The process whose namespaces they are.
    #[arg(short, long, value_name = "PID")]
    target: Option<u32>,
    /// All of its namespaces that are not ours already.
    #[arg(short, long)]
    all: bool,
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Mounts.
    mount: Option<PathBuf>,
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Host name.
    uts: Option<PathBuf>,
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// System V's and POSIX's messages.
    ipc: Option<PathBuf>,
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Network.
    net: Option<PathBuf>,
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Process numbers.
    pid: Option<PathBuf>,
    #[arg(short = 'U', long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Users.
    user: Option<PathBuf>,
    #[arg(short = 'C', long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Cgroups.
    cgroup: Option<PathBuf>,
    #[arg(short = 'T', long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    /// Clocks.
    time: Option<PathBuf>,
    /// Its root directory, or DIR.
    #[arg(short, long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    root: Option<PathBuf>,
    /// Its working directory, or DIR.
    #[arg(short, long = "wd", value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = OF_TARGET)]
    wd: Option<PathBuf>,
    /// Become the program, though a new process alone would have the new process numbers.
    #[arg(short = 'F', long)]
    no_fork: bool,
    /// The program; a shell without one.
    #[arg(trailing_var_arg = true)]
    program: Vec<OsString>,
}

impl Options {
    /// In the order of entering: users first, for the rights that the others need; mounts last, because they hide /proc.
    fn wanted(&self) -> [(&Option<PathBuf>, &'static str, CloneFlags); 8] {
        [
            (&self.user, "user", CloneFlags::CLONE_NEWUSER),
            (&self.cgroup, "cgroup", CloneFlags::CLONE_NEWCGROUP),
            (&self.ipc, "ipc", CloneFlags::CLONE_NEWIPC),
            (&self.uts, "uts", CloneFlags::CLONE_NEWUTS),
            (&self.net, "net", CloneFlags::CLONE_NEWNET),
            (&self.pid, "pid", CloneFlags::CLONE_NEWPID),
            (&self.time, "time", CloneFlags::from_bits_retain(0x80)),
            (&self.mount, "mnt", CloneFlags::CLONE_NEWNS),
        ]
    }

    fn of_target(&self, what: &str) -> Result<PathBuf> {
        let pid = self.target.ok_or_else(|| Error::usage("give the process with -t"))?;
        Ok(format!("/proc/{pid}/{what}").into())
    }

    fn path(&self, given: &Path, what: &str) -> Result<PathBuf> {
        if given.as_os_str() == OF_TARGET { self.of_target(what) } else { Ok(given.to_owned()) }
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&NSENTER, args)?;
    let mut spaces = Vec::new();
    for (given, name, flag) in options.wanted() {
        let path = match given {
            Some(given) => options.path(given, &format!("ns/{name}"))?,
            None if options.all => options.of_target(&format!("ns/{name}"))?,
            None => continue,
        };
        if given.is_none() && is_ours(&path, name) {
            continue;
        }
        spaces.push((File::open(&path).on("open", &path)?, path, flag));
    }
    // Opened before the mounts change under our feet.
    let open = |given: &Option<PathBuf>, what| given.as_ref().map(|g| options.path(g, what)).transpose();
    let root = open(&options.root, "root")?.map(|p| File::open(&p).on("open", &p)).transpose()?;
    let directory = open(&options.wd, "cwd")?.map(|p| File::open(&p).on("open", &p)).transpose()?;
    for (file, path, flag) in &spaces {
        setns(file.as_fd(), *flag).on("enter", path)?;
    }
    if let Some(root) = &root {
        rustix::process::fchdir(root).doing("enter the root directory")?;
        rustix::process::chroot(".").doing("change the root directory")?;
    }
    match &directory {
        Some(directory) => rustix::process::fchdir(directory).doing("enter the working directory")?,
        None if root.is_some() || spaces.iter().any(|(.., f)| *f == CloneFlags::CLONE_NEWNS) => {
            rustix::process::chdir("/").doing("enter /")?;
        }
        None => {}
    }
    let command = start::command(&options.program);
    // Only a child is in the new process numbers.
    let needs_child = spaces.iter().any(|(.., flag)| *flag == CloneFlags::CLONE_NEWPID) && !options.no_fork;
    if needs_child { start::run_and_wait(command) } else { Err(start::become_it(command)) }
}

/// Entering one's own user namespace is an error, and the others are no use.
fn is_ours(path: &Path, name: &str) -> bool {
    let ours = std::fs::read_link(format!("/proc/self/ns/{name}"));
    matches!((std::fs::read_link(path), ours), (Ok(a), Ok(b)) if a == b)
}
