//! A run of `oci`: the runtime is never called inside the monitor, because it changes its caller's process.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Context, Error, Result, paths};
use rustix::pipe::{PipeFlags, pipe_with};

/// The cgroup of runs of `oci`, which take more memory than a pod's monitor may: the zygote's, which has no limit.
const CGROUP: &str = "/sys/fs/cgroup/kutties/monitors/cgroup.procs";
/// How long `oci` may take: on a slow machine under load a create takes a second.
const PATIENCE: Duration = Duration::from_mins(2);
/// No complaint is longer.
const COMPLAINT: u64 = 16 * 1024;

/// A run that was begun for a caller.
#[derive(Debug)]
pub struct Job {
    /// The process to be reaped.
    pub pid: i32,
    /// Whom to answer; none for work of the monitor's own.
    pub caller: Option<u64>,
    /// The container.
    pub container: String,
    /// What comes after it.
    pub then: Then,
    /// When it is killed.
    pub deadline: Instant,
    /// Where its complaint can be read, unless that is the container's stderr.
    pub complaint: Option<OwnedFd>,
}

/// What a job's end means.
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
    /// When its time is up; none waits for ever.
    pub deadline: Option<Instant>,
}

/// `oci` with the state folder and the verb's arguments.
pub fn command<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(["oci", "--root", paths::OCI]).args(args).stdin(Stdio::null());
    command
}

/// Begin a run whose complaint comes through a pipe of its own.
pub fn begin(mut command: Command, caller: Option<u64>, container: &str, then: Then) -> Result<Job> {
    let (read, write) = quiet_pipe()?;
    command.stdout(Stdio::null()).stderr(Stdio::from(write));
    spawn(command, caller, container, then, Some(read))
}

/// Begin a run with the streams that the command has.
pub fn spawn(mut command: Command, caller: Option<u64>, container: &str, then: Then, complaint: Option<OwnedFd>) -> Result<Job> {
    // Without the cgroup (a test outside an appliance) it stays where the monitor is.
    let cgroup = File::options().write(true).open(CGROUP).ok().map(OwnedFd::from);
    sys::child::before_exec(&mut command, sys::child::Before { cgroup, ..sys::child::Before::default() });
    // The monitor reaps by pid; the handle is not needed.
    let pid = command.spawn().doing("run oci")?.id();
    let (deadline, container) = (Instant::now() + PATIENCE, container.to_owned());
    Ok(Job { pid: pid.cast_signed(), caller, container, then, deadline, complaint })
}

/// A pipe whose reading end does not block.
pub fn quiet_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
    rustix::fs::fcntl_setfl(&read, rustix::fs::OFlags::NONBLOCK).doing("make a pipe")?;
    Ok((read, write))
}

/// The sentence that `oci` left, without its name in front.
pub fn complaint(from: Option<OwnedFd>) -> Error {
    let Some(fd) = from else { return Error::new("oci failed and did not say why") };
    let mut bytes = Vec::new();
    // What was read before an error is still worth telling.
    let _ = File::from(fd).take(COMPLAINT).read_to_end(&mut bytes);
    Error::new(sentence(&bytes))
}

/// Returns what `oci` said, as a sentence.
pub fn sentence(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    match text.strip_prefix("oci: ").unwrap_or(text) {
        "" => "oci failed and did not say why".into(),
        text => text.to_owned(),
    }
}

/// The pid that `oci` wrote.
pub fn read_pid(file: &Path) -> Result<i32> {
    let text = std::fs::read_to_string(file).on("read", file)?;
    text.trim().parse().on("decode", file)
}
