//! `start`: let a created container's process become its program.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::Args;
use kit::{Context, Error, Exit, Result};
use libcontainer::container::{Container, ContainerStatus};
use libcontainer::workload::Pid;
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};

use crate::context::Oci;
use crate::directory::Known;
use crate::errors::failed;
use crate::hooks::Time;

/// Options of `start`.
#[derive(Debug, Args)]
pub struct Options {
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    start(oci, &options.id).map(|()| Exit::OK)
}

/// Start it and hear whether exec went well.
pub fn start(oci: &Oci, id: &str) -> Result<()> {
    let mut known = Known::load(&oci.root, id)?;
    match known.status() {
        ContainerStatus::Created => {}
        ContainerStatus::Stopped => return Err(Error::new("cannot start a container that has stopped")),
        _ => return Err(Error::new("cannot start an already running container")),
    }
    // The process holds the other end, so opening before it is told means that there is an end to wait for.
    let mut outcome = open(&known.directory.pipe())?;
    let started = known.inner()?.start().map_err(|e| failed("start", id, &e));
    started?;
    let mut refusal = String::new();
    outcome.read_to_string(&mut refusal).doing("hear how exec went")?;
    if refusal.is_empty() {
        return greet(&known).map_err(|e| e.below(format_args!("start {id}")));
    }
    Err(Error::new(format!("start {id}: unable to start container process: {refusal}")))
}

/// Runs the hooks for after the start; a container whose hook fails is stopped.
fn greet(known: &Known) -> Result<()> {
    let pid = known.inner.as_ref().and_then(Container::pid).map(Pid::as_raw);
    let done = known.hooks().and_then(|hooks| hooks.run(Time::Poststart, pid));
    if done.is_err() {
        // The first failure is the one to tell; delete kills what is left.
        let _ = known.cgroup().kill_and_wait();
    }
    done
}

/// Open without waiting for a writer, then read with waiting.
fn open(path: &Path) -> Result<File> {
    let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).on("open", path)?;
    let flags = fcntl_getfl(&fd).on("open", path)?;
    fcntl_setfl(&fd, flags - OFlags::NONBLOCK).on("open", path)?;
    Ok(File::from(fd))
}
