//! `create`: make a container up to the point where its program would begin.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;
use kit::{Context, Error, Exit, Result};
use libcontainer::container::Container;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use rustix::fs::{CWD, FileType, MemfdFlags, Mode, OFlags, mknodat};

use crate::cgroup::Cgroup;
use crate::config::{self, Config};
use crate::context::Oci;
use crate::directory::{Directory, Record, began_at, write};
use crate::hooks::{Hooks, Time};
use crate::launch::Launch;
use crate::{check, copyup, devices, errors, keyring, resources};

/// Options of `create`.
#[derive(Debug, Args)]
pub struct Options {
    /// Directory with config.json and the root directory
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub bundle: PathBuf,
    /// File to write the process's number to
    #[arg(long, value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// Socket to send the terminal to
    #[arg(long, value_name = "SOCKET")]
    pub console_socket: Option<PathBuf>,
    /// Number of descriptors from 3 on that the container gets
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub preserve_fds: u16,
    /// Move the root instead of pivoting, for a host whose own root is the initramfs
    #[arg(long)]
    pub no_pivot: bool,
    /// Leave it the caller's session keyring
    #[arg(long)]
    pub no_new_keyring: bool,
    /// The container's name
    pub id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    create(oci, options, options.console_socket.as_deref()).map(|_| Exit::OK)
}

/// Make the container; what was made of it goes when that fails. Returns the number of its first process.
pub fn create(oci: &Oci, options: &Options, console_socket: Option<&Path>) -> Result<i32> {
    let directory = Directory::of(&oci.root, &options.id)?;
    let bundle = options.bundle.canonicalize().on("find bundle", &options.bundle)?;
    let config = Config::adapt(config::read(&bundle)?, &options.id, &bundle)?;
    check::rootfs(&config.rootfs)?;
    check_terminal(config.terminal, console_socket)?;
    let hooks = Rc::new(Hooks::of(config.spec.to_string().as_bytes(), &options.id, &bundle)?);
    oci.log.unknown_capabilities(&config.left_out);
    directory.make()?;
    let cgroup = Cgroup::at(&config.cgroup);
    let made = cgroup.make().and_then(|()| {
        let made =
            make(oci, options, &Parts { directory: &directory, config: &config, bundle: &bundle, console_socket, hooks: &hooks });
        if made.is_err() {
            // Only what we made: a cgroup that was in use is somebody's. The first failure is the one to tell.
            let _ = cgroup.remove();
            for warning in hooks.run_all(Time::Poststop, None) {
                oci.log.warn(&warning.to_string());
            }
        }
        made
    });
    if made.is_err() {
        let _ = directory.remove();
    }
    made
}

/// runc's rule, with its words.
fn check_terminal(terminal: bool, socket: Option<&Path>) -> Result<()> {
    match (terminal, socket) {
        (true, None) => Err(Error::new("cannot allocate tty if runc will detach without setting console socket")),
        (false, Some(_)) => Err(Error::new("cannot use console socket if runc will not detach or allocate tty")),
        _ => Ok(()),
    }
}

/// Arguments of a container's creation.
struct Parts<'a> {
    directory: &'a Directory,
    config: &'a Config,
    bundle: &'a Path,
    console_socket: Option<&'a Path>,
    hooks: &'a Rc<Hooks>,
}

fn make(oci: &Oci, options: &Options, parts: &Parts<'_>) -> Result<i32> {
    let Parts { directory, config, bundle, console_socket, hooks } = *parts;
    let mut spec = config.spec.clone();
    // To the end of this function: then the container has mounts of its own.
    let _filled = copyup::fill(&mut spec, &config.rootfs, directory)?;
    let spec = serde_json::to_vec(&spec).doing("encode the configuration")?;
    write(&directory.config(), &spec)?;
    directory.keep_filter(config.filter.as_ref())?;
    let mut record = Record {
        bundle: bundle.into(),
        rootfs: config.rootfs.clone(),
        cgroup: config.cgroup.clone(),
        keyring: !options.no_new_keyring,
        began: None,
    };
    directory.keep(&record)?;
    // Before libcontainer, so that not even its own steps in the container can open what is forbidden.
    let cgroup = Cgroup::at(&config.cgroup);
    devices::enforce(&config.devices, cgroup.directory())?;
    resources::apply(&config.resources, cgroup.directory()).doing(format!("create {}", options.id))?;
    if !options.no_new_keyring {
        keyring::join(&options.id)?;
    }
    let refusal = Rc::new(memory()?);
    let launch = Launch::first(
        config.filter.clone(),
        Rc::clone(&refusal),
        Rc::new(pipe(directory)?),
        options.preserve_fds.into(),
        Rc::clone(hooks),
    );
    let container = build(directory, options, console_socket, launch)
        .map_err(|e| errors::not_made(&format!("create {}", options.id), &e, &refusal, &oci.heard))?;
    let pid = container.pid().ok_or_else(|| Error::new("libcontainer told no process"))?.as_raw();
    resources::limit_processes(&config.resources, cgroup.directory()).doing(format!("create {}", options.id))?;
    record.began = began_at(pid);
    directory.keep(&record)?;
    if let Some(path) = &options.pid_file {
        write(path, pid.to_string().as_bytes())?;
    }
    Ok(pid)
}

fn build(
    directory: &Directory,
    options: &Options,
    console_socket: Option<&Path>,
    launch: Launch,
) -> std::result::Result<Container, libcontainer::error::LibcontainerError> {
    ContainerBuilder::new(directory.id().into(), SyscallType::default())
        .with_root_path(directory.path())?
        .with_console_socket(console_socket.map(absolute))
        .with_preserved_fds(options.preserve_fds.into())
        .with_executor(launch)
        .as_init(directory.path())
        .with_systemd(false)
        .with_detach(true)
        .with_no_pivot(options.no_pivot)
        .build()
}

/// libcontainer leads a link to it from elsewhere.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// A file that the container's first steps can write to after they have left our root.
pub fn memory() -> Result<File> {
    rustix::fs::memfd_create(c"oci-refusal", MemfdFlags::CLOEXEC).map(File::from).doing("make a file in memory")
}

/// The pipe on which `start` learns how exec went: held open for both ways, so that opening it waits for nobody.
fn pipe(directory: &Directory) -> Result<File> {
    let path = directory.pipe();
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).on("make", &path)?;
    let fd: OwnedFd = rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).on("open", &path)?;
    Ok(File::from(fd))
}
