//! The supervisor's control socket: one JSON request a connection, one JSON reply, a line each.
//!
//! PID 1 answers at [`crate::paths::CONTROL`]; `systemctl`, `service`, `reboot` and the kubeadm front call it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Context, Error, Result, paths};

/// The longest request or reply, in bytes: a boot log of some hundred lines fits many times.
pub const LIMIT: u64 = 1 << 20;

/// Timeout of PID 1's answer, which comes at once unless it is hung.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests to the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Start a service by name; no error if it runs.
    Start(String),
    /// Stop a service by name; no error if it does not run.
    Stop(String),
    /// Stop and start it; its environment files are read again.
    Restart(String),
    /// One service's state.
    Status(String),
    /// The state of all.
    List,
    /// Read the settings that `kutties config` has gathered, and act on them.
    Reload,
    /// End the system.
    Shutdown(Shutdown),
}

/// Kind of the system's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shutdown {
    /// Start again through the firmware.
    Reboot,
    /// Switch off.
    Poweroff,
    /// Stop, power stays on.
    Halt,
    /// Jump into the kernel that was loaded with kexec.
    Kexec,
}

/// The supervisor's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Done, or begun.
    Done,
    /// The services that were asked for.
    Services(Vec<Service>),
    /// There is no such service.
    Unknown(String),
    /// It could not be done: a sentence.
    Failed(String),
}

/// A service as the supervisor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name, such as `kubelet`.
    pub name: String,
    /// State of the service.
    pub state: State,
    /// Its process, when it runs.
    pub pid: Option<u32>,
    /// Number of restarts since boot.
    pub restarts: u32,
    /// The last line that it wrote before it failed.
    pub last_error: Option<String>,
}

/// A service's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its condition (such as the kubelet's configuration file) is not met yet.
    Waiting,
    /// It runs.
    Running,
    /// It ended and will be started again after a pause.
    Backoff,
    /// Somebody stopped it.
    Stopped,
}

/// Ask the supervisor and wait for its reply.
pub fn ask(request: &Request) -> Result<Reply> {
    let mut socket = UnixStream::connect(paths::CONTROL).on("reach init at", paths::CONTROL)?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT)).doing("set a time limit")?;
    send(&mut socket, request)?;
    receive(socket)
}

/// Write one message as a line.
pub fn send(to: &mut impl Write, message: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(message).doing("encode a message")?;
    line.push(b'\n');
    to.write_all(&line).doing("send to init")
}

/// Read one message: a line of at most [`LIMIT`] bytes.
pub fn receive<T: for<'a> Deserialize<'a>>(from: impl Read) -> Result<T> {
    let mut line = String::new();
    BufReader::new(from.take(LIMIT)).read_line(&mut line).doing("receive from init")?;
    if line.is_empty() {
        return Err(Error::new("init closed the connection without an answer"));
    }
    serde_json::from_str(&line).doing("decode a message")
}
