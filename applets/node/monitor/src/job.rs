//! A run of `oci`: the runtime is never called inside the monitor, because it changes its caller's process.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use kit::call::Reports;
use kit::calls::CRI_OCI;
use kit::cgroup::{Cgroup, PROCS};
use kit::{Context, Result, paths};
use rustix::pipe::{PipeFlags, pipe_with};

use super::memory::CGROUP;

/// A run that was begun for a caller.
#[derive(Debug)]
pub struct Job {
    /// The process to be reaped.
    pub pid: i32,
    /// Caller to answer; none for work of the monitor's own.
    pub caller: Option<u64>,
    /// The container.
    pub container: String,
    /// Action after it.
    pub then: Then,
    /// Time of its kill.
    pub deadline: Instant,
    /// Pipe with its error, if it comes to one.
    pub reports: Reports,
}

/// Action after a job's end.
#[derive(Debug)]
pub enum Then {
    /// The container exists; its pid is in that file.
    Created(PathBuf),
    /// The container runs since then, in nanoseconds since 1970.
    Started(i64),
    /// The container is gone.
    Deleted,
    /// The process runs in the container; its pid is in that file.
    Exec(Box<ExecJob>),
}

/// An exec that `oci` is beginning.
#[derive(Debug)]
pub struct ExecJob {
    /// The process's pid will be there.
    pub pid_file: PathBuf,
    /// The process's description is there.
    pub process_file: PathBuf,
    /// Deadline of the process, if it has one.
    pub deadline: Option<Instant>,
}

/// A run of `oci` that is to be begun.
pub struct Oci {
    /// Its command line, streams and environment.
    pub command: Command,
    reports: Reports,
}

impl Oci {
    /// With the state directory and the verb's arguments.
    pub fn new<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Result<Self> {
        let (mut command, reports) = CRI_OCI.reporting()?;
        command.args(["--root", paths::OCI]).args(args);
        Ok(Self { command, reports })
    }

    /// Begin it with nothing to write to.
    pub fn begin(mut self, caller: Option<u64>, container: &str, then: Then) -> Result<Job> {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.spawn(caller, container, then)
    }

    /// Begin it with the streams that the command has.
    pub fn spawn(mut self, caller: Option<u64>, container: &str, then: Then) -> Result<Job> {
        // Without the cgroup (a test outside an appliance) it stays where the monitor is.
        let procs = Cgroup::at(CGROUP).dir().join(PROCS);
        let cgroup = File::options().write(true).open(procs).ok().map(OwnedFd::from);
        sys::child::before_exec(&mut self.command, sys::child::Before { cgroup, ..sys::child::Before::default() });
        // The monitor reaps by pid; the handle is not needed.
        let pid = self.command.spawn().doing("run oci")?.id();
        let (deadline, container) = (Instant::now() + CRI_OCI.timeout.unwrap_or_default(), container.to_owned());
        Ok(Job { pid: pid.cast_signed(), caller, container, then, deadline, reports: self.reports })
    }
}

/// A pipe whose reading end does not block.
pub fn quiet_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
    rustix::fs::fcntl_setfl(&read, rustix::fs::OFlags::NONBLOCK).doing("make a pipe")?;
    Ok((read, write))
}

/// The pid that `oci` wrote.
pub fn read_pid(file: &Path) -> Result<i32> {
    let text = std::fs::read_to_string(file).on("read", file)?;
    text.trim().parse().on("decode", file)
}
