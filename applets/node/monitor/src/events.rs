//! The monitor's loop: it polls its listener, its callers, its containers' streams and its children, and nothing else waits.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::{Context, Error, Kind, Result};
use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::attach::Client;
use super::connection::{Connection, Heard, Phase};
use super::container::Container;
use super::exec::{self, Running};
use super::job::Job;
use super::memory::Memory;
use super::wire::{self, Exit, Pod, Reply};
use super::{journal, pod};

/// Between two attempts to write what there is no room for.
const PAYMENT: Duration = Duration::from_secs(1);
/// Between two attempts to take a caller for whom there was no descriptor.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A pod's monitor.
pub struct Monitor {
    /// The pod's directory.
    pub dir: PathBuf,
    /// The process that holds a shared PID namespace.
    init: Option<OwnedFd>,
    /// The callers, by number.
    pub connections: BTreeMap<u64, Connection>,
    /// The containers, by id.
    pub containers: BTreeMap<String, Container>,
    /// The runs of `oci`.
    pub jobs: Vec<Job>,
    /// The processes that run for callers.
    pub execs: Vec<Running>,
    /// Ended processes that no one knew yet, by pid: status, time. Kept while a run of `oci` may tell whose they were.
    pub unclaimed: BTreeMap<i32, (i32, i64)>,
    /// There may be more children that have ended.
    pub reaping: bool,
    /// The cgroup that holds this and the logs.
    pub memory: Option<Memory>,
    /// The listener is left alone until then: there was no room for another caller.
    deaf_until: Option<Instant>,
    /// Exits that the journal had no room for.
    pub owed: Vec<(String, Exit)>,
    /// Caller that asked for the end.
    pub leaving: Option<u64>,
    /// A number for the next caller or file.
    pub next: u64,
    listener: UnixListener,
    children: SignalFd,
}

/// Owner of a polled descriptor.
#[derive(Clone)]
enum Source {
    Children,
    Listener,
    Caller(u64),
    Container(String),
    Client(String, u64, usize),
}

/// Be the monitor of the pod in `dir`; the first to hear of it is `notify`. Whoever finds `alone` closed can reach it. Returns when the pod
/// is gone.
pub fn run(dir: &Path, notify: UnixStream, alone: Option<OwnedFd>) -> Result<()> {
    let mut first = Connection::new(notify, Phase::Watching);
    match Monitor::start(dir) {
        Ok(mut monitor) => {
            first.socket.set_nonblocking(true).doing("watch a socket")?;
            drop(alone);
            let info = monitor.info();
            first.say(&Reply::Info(info));
            monitor.connections.insert(0, first);
            monitor.serve()
        }
        Err(e) => {
            first.say(&Reply::Failed(e.report()));
            Err(e)
        }
    }
}

impl Monitor {
    fn start(dir: &Path) -> Result<Self> {
        leave_server()?;
        let path = wire::pod_file(dir);
        let pod: Pod = serde_json::from_slice(&fs::read(&path).on("read", &path)?).on("decode", &path)?;
        let memory = Memory::enter(&pod.monitor_cgroups)?;
        let init = pod::make(dir, &pod)?;
        let socket = wire::socket(dir);
        let listener = UnixListener::bind(&socket).on("listen at", &socket)?;
        listener.set_nonblocking(true).on("listen at", &socket)?;
        Self::new(dir, listener, memory, init)
    }

    /// A monitor without containers, which watches for its children's ends.
    pub fn new(dir: &Path, listener: UnixListener, memory: Option<Memory>, init: Option<OwnedFd>) -> Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(NixSignal::SIGCHLD);
        mask.thread_block().doing("block SIGCHLD")?;
        let children = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).doing("watch for SIGCHLD")?;
        Ok(Self {
            dir: dir.to_owned(),
            init,
            connections: BTreeMap::new(),
            containers: BTreeMap::new(),
            jobs: Vec::new(),
            execs: Vec::new(),
            unclaimed: BTreeMap::new(),
            reaping: false,
            memory,
            deaf_until: None,
            owed: Vec::new(),
            leaving: None,
            next: 1,
            listener,
            children,
        })
    }

    fn serve(&mut self) -> Result<()> {
        loop {
            for source in self.ready()? {
                self.handle(&source);
            }
            if self.reaping {
                self.reap();
            }
            self.keep_time();
            self.connections.retain(|_, c| !c.is_over());
            if self.finish() {
                return Ok(());
            }
        }
    }

    /// Wait until something can be done, and say what.
    fn ready(&self) -> Result<Vec<Source>> {
        let mut sources: Vec<(Source, BorrowedFd, PollFlags)> = vec![(Source::Children, self.children.as_fd(), PollFlags::IN)];
        if self.deaf_until.is_none() {
            sources.push((Source::Listener, self.listener.as_fd(), PollFlags::IN));
        }
        for (number, connection) in &self.connections {
            let write = if connection.has_more() { PollFlags::OUT } else { PollFlags::empty() };
            sources.push((Source::Caller(*number), connection.socket.as_fd(), PollFlags::IN | write));
        }
        for (id, container) in self.containers.iter().filter(|(_, c)| !c.making && c.paused_until.is_none()) {
            let streams = container.streams.iter().enumerate().filter(|(which, _)| !container.is_held_up(*which));
            let fds = streams.filter_map(|(_, stream)| stream.fd.as_ref());
            sources.extend(fds.map(|fd| (Source::Container(id.clone()), fd.as_fd(), PollFlags::IN)));
            for (which, client) in (0..2).flat_map(|which| container.clients.iter().map(move |client| (which, client))) {
                if let Some(socket) = client.sockets[which].as_ref().filter(|_| client.is_behind(which)) {
                    sources.push((Source::Client(id.clone(), client.caller, which), socket.as_fd(), PollFlags::OUT));
                }
            }
        }
        let mut fds: Vec<_> = sources.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        match poll(&mut fds, self.patience().as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("poll"),
        }
        Ok(sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty()).map(|((s, ..), _)| s.clone()).collect())
    }

    /// Returns the time until something is due.
    fn patience(&self) -> Option<Timespec> {
        let jobs = self.jobs.iter().map(|job| job.deadline);
        let execs = self.execs.iter().filter(|exec| !exec.timed_out).filter_map(|exec| exec.deadline);
        let kills = self.containers.values().filter_map(|container| container.kill_at);
        let clients = self.containers.values().flat_map(|container| &container.clients).filter_map(Client::due);
        let payment = (!self.owed.is_empty()).then(|| Instant::now() + PAYMENT);
        let more = self.reaping.then(Instant::now);
        let pauses = self.containers.values().filter_map(|container| container.paused_until);
        let others = payment.into_iter().chain(self.deaf_until).chain(more).chain(pauses);
        let due = jobs.chain(execs).chain(kills).chain(clients).chain(others).min()?;
        let left = due.saturating_duration_since(Instant::now());
        Some(Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(left.subsec_nanos()) })
    }

    fn handle(&mut self, source: &Source) {
        match source {
            Source::Children => self.reap(),
            Source::Listener => self.accept(),
            Source::Caller(number) => self.hear(*number),
            Source::Container(id) => {
                if let Some(container) = self.containers.get_mut(id) {
                    container.pump();
                }
            }
            Source::Client(id, caller, which) => self.serve_client(id, *caller, *which),
        }
    }

    /// The next pending notice that children have ended.
    pub fn next_signal(&self) -> nix::Result<Option<nix::libc::signalfd_siginfo>> {
        self.children.read_signal()
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((socket, _)) if socket.set_nonblocking(true).is_ok() => {
                    let number = self.number();
                    self.connections.insert(number, Connection::new(socket, Phase::Asking));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                // Without a free descriptor the caller stays in the queue, and the listener stays ready.
                Err(_) => {
                    self.deaf_until = Some(Instant::now() + ACCEPT_RETRY);
                    return;
                }
                Ok(_) => {}
            }
        }
    }

    /// A number that was not given yet.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn hear(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        connection.write();
        match connection.hear() {
            Heard::Part => {}
            Heard::Request(request) => {
                connection.phase = Phase::Waiting;
                self.request(number, *request);
            }
            Heard::Nonsense(why) => self.answer(number, &Reply::Failed(Error::of(Kind::Invalid, why).report())),
            Heard::Gone => {
                self.connections.remove(&number);
                self.detach(number);
                // Nobody is left to hear how it ended.
                self.execs.iter().filter(|exec| exec.caller == number).for_each(|exec| exec::kill_tree(exec.pid));
            }
        }
    }

    /// Answer a caller, and let it go.
    pub fn answer(&mut self, number: u64, reply: &Reply) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.phase = Phase::Leaving;
            connection.say(reply);
        }
    }

    /// Tell all watchers.
    pub fn tell(&mut self, reply: &Reply) {
        for connection in self.connections.values_mut().filter(|c| c.phase == Phase::Watching) {
            connection.say(reply);
        }
    }

    /// Do what is due.
    fn keep_time(&mut self) {
        let now = Instant::now();
        self.deaf_until = self.deaf_until.filter(|until| *until > now);
        for container in self.containers.values_mut() {
            container.paused_until = container.paused_until.filter(|until| *until > now);
        }
        if !self.owed.is_empty() {
            self.pay();
        }
        for job in self.jobs.iter_mut().filter(|job| job.deadline <= now) {
            exec::kill_tree(job.pid);
            // Its end will be seen as a child's; until then it is not due again.
            job.deadline = now + Duration::from_hours(1);
        }
        for exec in self.execs.iter_mut().filter(|e| !e.timed_out && e.deadline.is_some_and(|due| due <= now)) {
            exec.timed_out = true;
            exec::kill_tree(exec.pid);
        }
        self.let_go(now);
        for container in self.containers.values_mut().filter(|c| c.kill_at.is_some_and(|due| due <= now)) {
            container.kill_at = None;
            kill(container);
        }
    }

    /// Tells if the pod is gone and the caller who asked for that was answered.
    fn finish(&mut self) -> bool {
        let Some(caller) = self.leaving else { return false };
        if !self.containers.is_empty() || !self.jobs.is_empty() {
            return false;
        }
        match pod::unmake(&self.dir, self.init.as_ref()) {
            Ok(()) => {
                // The socket goes with the directory in any case.
                let _ = fs::remove_file(wire::socket(&self.dir));
                if let Some(connection) = self.connections.get_mut(&caller) {
                    // The last words may wait for the caller to read: the process has nothing else to do.
                    let _ = connection.socket.set_nonblocking(false);
                }
                self.answer(caller, &Reply::Done);
                true
            }
            Err(e) => {
                self.leaving = None;
                self.answer(caller, &Reply::Failed(e.report()));
                false
            }
        }
    }
}

/// Kill a container and whatever else is in its cgroup.
pub fn kill(container: &Container) {
    if let Some(pid) = container.live_pid().and_then(rustix::process::Pid::from_raw) {
        // It is an unreaped child, so the number is no stranger's; an ended one needs no kill.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    journal::kill_cgroup(&container.cgroup);
}

/// Be on one's own: a session, the reaper of what containers leave behind, no stream of the server's.
fn leave_server() -> Result<()> {
    rustix::process::setsid().doing("start a session")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).doing("become a subreaper")?;
    rustix::thread::set_name(c"kutties-monitor").doing("take a name")?;
    let null = fs::File::options().read(true).write(true).open("/dev/null").on("open", "/dev/null")?;
    rustix::stdio::dup2_stdin(&null).doing("leave the server's input")?;
    rustix::stdio::dup2_stdout(&null).doing("leave the server's output")?;
    rustix::stdio::dup2_stderr(&null).doing("leave the server's output")
}
