//! A container as its monitor holds it.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use kit::{Context, Error, Result};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::job::{self, Job, Then};
use super::log::{Log, Stream};
use super::wire::{Create, State};

/// One container.
#[derive(Debug)]
pub struct Container {
    /// Where it is in its life.
    pub state: State,
    /// Its first process; 0 until it was made.
    pub pid: i32,
    /// Its cgroup's path.
    pub cgroup: String,
    /// When it was started, in nanoseconds since 1970; 0 before.
    pub started_at: i64,
    /// Its log file.
    pub log: Log,
    /// Its stdout and stderr.
    pub streams: [Stream; 2],
    /// Its standard input, held open for whoever attaches.
    pub stdin: Option<OwnedFd>,
    /// Where its terminal arrives.
    pub console: Option<(UnixListener, PathBuf)>,
    /// Whether `oci create` still works on it: what comes from its stderr then is the runtime's.
    pub making: bool,
    /// When it is killed.
    pub kill_at: Option<Instant>,
    /// Who waits for its end.
    pub stoppers: Vec<u64>,
}

/// Begin to make a container: its record and the run of `oci create`.
pub fn begin(dir: &Path, create: Create, caller: u64) -> Result<(Container, Job)> {
    let mut container = Container {
        state: State::Created,
        pid: 0,
        cgroup: create.cgroup,
        started_at: 0,
        log: Log::open(create.log)?,
        streams: [Stream::new("stdout", None), Stream::new("stderr", None)],
        stdin: None,
        console: None,
        making: true,
        kill_at: None,
        stoppers: Vec::new(),
    };
    let pid_file = dir.join(format!("{}.pid", create.container));
    let mut command = job::command([OsArg("create"), OsArg("--bundle")]);
    command.arg(&create.bundle).arg("--pid-file").arg(&pid_file);
    let complaint = if create.terminal {
        let path = dir.join(format!("{}.tty", &create.container));
        // A socket that an interrupted create left is in the way.
        let _ = std::fs::remove_file(&path);
        container.console = Some((UnixListener::bind(&path).on("listen at", &path)?, path.clone()));
        command.arg("--console-socket").arg(path);
        let (read, write) = job::quiet_pipe()?;
        command.stdout(Stdio::null()).stderr(Stdio::from(write));
        Some(read)
    } else {
        container.connect(&mut command, create.stdin)?;
        None
    };
    command.arg(&create.container);
    let job = job::spawn(command, Some(caller), &create.container, Then::Created(pid_file), complaint)?;
    Ok((container, job))
}

/// A plain argument, so that one array can start a command.
struct OsArg(&'static str);

impl AsRef<std::ffi::OsStr> for OsArg {
    fn as_ref(&self) -> &std::ffi::OsStr {
        self.0.as_ref()
    }
}

impl Container {
    /// Give the container pipes: `oci create` hands its own streams on.
    fn connect(&mut self, command: &mut std::process::Command, stdin: bool) -> Result<()> {
        let (out_read, out_write) = job::quiet_pipe()?;
        let (err_read, err_write) = job::quiet_pipe()?;
        command.stdout(Stdio::from(out_write)).stderr(Stdio::from(err_write));
        self.streams[0].fd = Some(out_read);
        self.streams[1].fd = Some(err_read);
        if stdin {
            let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).doing("make a pipe")?;
            command.stdin(Stdio::from(read));
            self.stdin = Some(write);
        }
        Ok(())
    }

    /// Take the terminal that `oci create` sent.
    pub fn take_terminal(&mut self) -> Result<()> {
        let Some((listener, path)) = self.console.take() else { return Ok(()) };
        let _ = std::fs::remove_file(&path);
        listener.set_nonblocking(true).doing("receive the terminal")?;
        let (socket, _) = listener.accept().doing("receive the terminal")?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut name = [0; 4096];
        rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(&mut name)], &mut beside, RecvFlags::CMSG_CLOEXEC)
            .doing("receive the terminal")?;
        let fd = beside.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let fd = fd.ok_or_else(|| Error::new("oci sent no terminal"))?;
        rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::RDWR).doing("receive the terminal")?;
        self.streams[0].fd = Some(fd);
        Ok(())
    }

    /// Log what there is.
    pub fn pump(&mut self) {
        for stream in &mut self.streams {
            stream.pump(&mut self.log);
        }
    }

    /// Its first process, as long as it lives.
    pub fn live_pid(&self) -> Option<i32> {
        (self.pid > 0 && self.state != State::Exited).then_some(self.pid)
    }
}
