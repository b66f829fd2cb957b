//! Protocol between the CRI server and the monitors: JSON, a line each, no line longer than
//! [`LIMIT`].
//!
//! **Spawn.** The server writes [`Pod`] to `DIR/pod.json`, makes a stream socket pair and sends the zygote one [`Spawn`] (a packet on a
//! SEQPACKET pair, the socket pair's other end beside it as SCM_RIGHTS). The zygote forks a monitor, which makes the namespaces, binds
//! them at `DIR/ns/{net,ipc,uts,pid}`, listens at `DIR/monitor.sock` and answers on that socket as on a [`Request::Watch`]: the first line is
//! [`Reply::Info`] or [`Reply::Failed`], then one [`Reply::Exited`] for each container that ends. End of file means that the monitor is dead.
//!
//! **Requests.** One connection to `DIR/monitor.sock` a request: one [`Request`] line, one [`Reply`] line, then the monitor closes. Several
//! connections are served at once: a stop with a long grace does not hold up an exec. When the caller goes away first, a stop goes on and an
//! exec is killed.
//!
//! **Descriptors** travel as SCM_RIGHTS, at most [`MOST_FDS`] with a request's line, at most one with a reply's. An exec brings its process's
//! output, so that a flood of it is not the monitor's to read; a streaming one brings its process's streams, or the path of a socket for its terminal, whose holder the server then is: when it dies, the process is hung up. An
//! attached client brings sockets for the output and gets the input; its connection lasts as long as it does.
//!
//! **Journal.** `DIR/exits/CONTAINER.json` holds an [`Exit`], written and renamed by the monitor before it tells anybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kit::Report;
use serde::{Deserialize, Serialize};

/// The longest line, in bytes: an exec's process with its environment is the biggest, and the kernel takes about 2 MiB of those.
pub const LIMIT: usize = 4 << 20;
/// The most descriptors beside a request.
pub const MOST_FDS: usize = 3;

/// The server's request to the zygote: a monitor for the pod in that directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// `/run/kutties/pods/ID`, with `pod.json` in it.
    pub dir: PathBuf,
}

/// Settings of a pod for its monitor: `pod.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// The sandbox's id.
    pub id: String,
    /// A network namespace of its own, with `lo` up; else the host's.
    pub new_net: bool,
    /// An IPC namespace of its own; else the host's.
    pub new_ipc: bool,
    /// A UTS namespace of its own; else the host's.
    pub new_uts: bool,
    /// The host name in the new UTS namespace; empty leaves the host's.
    pub hostname: String,
    /// Names with dots or slashes, and values; set inside the new namespaces. A failure fails the pod.
    pub sysctls: BTreeMap<String, String>,
    /// The pod's cgroup as an absolute path below the hierarchy's root (`/kubepods/burstable/podUID`), or empty.
    pub cgroup_parent: String,
    /// Names for the monitor's own cgroup, absolute paths below the hierarchy's root: the first one that nobody has is taken. Its memory
    /// holds the monitor and the containers' logs. Empty leaves the monitor where the zygote is.
    #[serde(default)]
    pub monitor_cgroups: Vec<String>,
    /// The cgroup of the process that holds a PID namespace for all containers; empty makes neither.
    pub init_cgroup: String,
}

/// Requests to a monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Ask for the monitor's state, and that of its containers: [`Reply::Info`].
    Info,
    /// [`Reply::Info`] at once, then [`Reply::Running`] for each container that is started and [`Reply::Exited`] for each that ends, until
    /// either side closes.
    Watch,
    /// `oci create`: [`Reply::Created`]. A container of that id that is there already is an error.
    Create(Create),
    /// `oci start`: [`Reply::Started`], also when it runs already or is just being started.
    Start {
        /// The container's id.
        container: String,
    },
    /// Run a process to its end: [`Reply::Begun`], then [`Reply::Exec`]. Its stdout and stderr come beside the line.
    Exec(Exec),
    /// Run a process whose streams are the caller's: [`Reply::Begun`], then [`Reply::Exec`]. Without a console stdin, stdout and stderr come
    /// beside the line.
    Stream(Stream),
    /// See a container's output as it comes: [`Reply::Attached`], with the container's input or terminal beside the line where it has
    /// one. Sockets for stdout and stderr come beside the request; their end is the output's end.
    Attach {
        /// The container's id.
        container: String,
        /// The input is wanted.
        stdin: bool,
    },
    /// Open the log file anew, after the kubelet has renamed it: [`Reply::Done`].
    ReopenLog {
        /// The container's id.
        container: String,
    },
    /// Send a signal to the container's first process: [`Reply::Done`], also when it has ended.
    Signal {
        /// The container's id.
        container: String,
        /// The signal's number.
        signal: i32,
    },
    /// Send the signal, after the grace kill all that is in the container's cgroup; [`Reply::Done`] when its exit is in the journal.
    /// A later stop with a shorter grace shortens the first.
    Stop {
        /// The container's id.
        container: String,
        /// The signal's number.
        signal: i32,
        /// Milliseconds until the kill; 0 kills at once.
        grace: u64,
    },
    /// `oci delete --force`, and forget it: [`Reply::Done`], also when it is unknown. One that is being made is deleted when it was made.
    /// The journal entry stays.
    Delete {
        /// The container's id.
        container: String,
    },
    /// Delete what is left, unmount the namespaces' files, remove the socket, answer [`Reply::Done`] and end.
    Shutdown,
}

/// A container to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// Its id, which is also `oci`'s.
    pub container: String,
    /// The directory with `config.json`.
    pub bundle: PathBuf,
    /// The file for its output in the CRI's format, or none to drop the output. Its directory exists.
    pub log: Option<PathBuf>,
    /// Bytes that its log files may take, see [`super::log::Log`]; 0 is no quota.
    #[serde(default)]
    pub log_quota: u64,
    /// Its cgroup as an absolute path below the hierarchy's root, where `memory.events` tells of OOM kills.
    pub cgroup: String,
    /// It has a terminal; `config.json` says so too.
    pub terminal: bool,
    /// It has a standard input that stays open for attaching; else `/dev/null`.
    pub stdin: bool,
    /// The first attached client's end of input closes it.
    pub stdin_once: bool,
}

/// A process to be run in a container to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exec {
    /// The container's id.
    pub container: String,
    /// The OCI runtime specification's `process` object, whole.
    pub process: serde_json::Value,
    /// Milliseconds until it is killed with all its children; 0 sets no timeout.
    pub timeout: u64,
}

impl Eq for Exec {}

/// A process to be run in a container, with streams of the caller's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// The container's id.
    pub container: String,
    /// The OCI runtime specification's `process` object, whole.
    pub process: serde_json::Value,
    /// The socket where the caller takes the process's terminal; none where it has none.
    pub console: Option<PathBuf>,
}

impl Eq for Stream {}

/// A monitor's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done.
    Done,
    /// The monitor and its containers.
    Info(Info),
    /// Made: its first process waits for the start.
    Created {
        /// The process's id as the host sees it.
        pid: i32,
    },
    /// It runs.
    Started {
        /// Time in nanoseconds since 1970.
        at: i64,
    },
    /// The process runs; its terminal, if it has one, has been sent.
    Begun,
    /// The process ended.
    Exec(ExecDone),
    /// The client is attached.
    Attached,
    /// A container was started, told to watchers: whoever asked for it may be gone.
    Running {
        /// The container's id.
        container: String,
        /// Time in nanoseconds since 1970.
        at: i64,
    },
    /// A container ended; its journal entry is there.
    Exited {
        /// The container's id.
        container: String,
    },
    /// This monitor has no such container.
    Unknown,
    /// It could not be done.
    Failed(Report),
}

/// State of a monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The monitor's process id.
    pub pid: i32,
    /// All containers that were made and not deleted.
    pub containers: Vec<ContainerInfo>,
}

/// A container as its monitor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerInfo {
    /// Its id.
    pub id: String,
    /// State of the container.
    pub state: State,
    /// Its first process, as long as it lives.
    pub pid: Option<i32>,
    /// Start time, in nanoseconds since 1970; 0 before that.
    pub started_at: i64,
}

/// State of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made, not started.
    Created,
    /// Started, its first process lives.
    Running,
    /// Ended; the journal has its exit.
    Exited,
}

/// Result of an exec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecDone {
    /// The exit status; 128 plus the signal for a killed process.
    pub code: i32,
    /// It was killed because its time was up.
    pub timed_out: bool,
}

/// A journal entry: how a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit status; 128 plus the signal for a killed one.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// The kernel's OOM killer struck in its cgroup.
    pub oom_killed: bool,
    /// Start time, in nanoseconds since 1970; 0 when it never was.
    pub started_at: i64,
    /// End time, in nanoseconds since 1970.
    pub finished_at: i64,
}

/// The description that the monitor reads first.
pub fn pod_file(dir: &Path) -> PathBuf {
    dir.join("pod.json")
}

/// Returns the path of a monitor's socket.
pub fn socket(dir: &Path) -> PathBuf {
    dir.join("monitor.sock")
}

/// Returns the path at which a namespace (`net`, `ipc`, `uts`, `pid`) is bound.
pub fn namespace(dir: &Path, kind: &str) -> PathBuf {
    dir.join("ns").join(kind)
}

/// A container's journal entry.
pub fn exit_file(dir: &Path, container: &str) -> PathBuf {
    dir.join("exits").join(format!("{container}.json"))
}
