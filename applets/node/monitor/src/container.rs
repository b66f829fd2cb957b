//! A container as its monitor holds it.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kit::{Context, Result};

use super::attach::Client;
use super::console::Console;
use super::job::{self, Job, Oci, Then};
use super::log::{Log, Stream};
use super::memory::Memory;
use super::wire::{Create, State};

/// Number of reads from a stream before others have their turn.
const TURN: usize = 4;
/// The pause between two turns of a container whose output is dropped: a flood costs the node little, and its writer waits.
const DROP_PAUSE: Duration = Duration::from_millis(10);

/// One container.
#[derive(Debug)]
pub struct Container {
    /// State of the container.
    pub state: State,
    /// Its first process; 0 until it was made.
    pub pid: i32,
    /// Its cgroup's path.
    pub cgroup: String,
    /// Start time, in nanoseconds since 1970; 0 before.
    pub started_at: i64,
    /// Its log file.
    pub log: Log,
    /// It has a terminal, which is the first of its streams.
    pub terminal: bool,
    /// Its stdout and stderr.
    pub streams: [Stream; 2],
    /// Its standard input, held open for whoever attaches.
    pub stdin: Option<OwnedFd>,
    /// The first client that attaches gets its input for good.
    pub stdin_once: bool,
    /// Socket at which its terminal arrives.
    pub console: Option<Console>,
    /// Clients that get its output as it comes.
    pub clients: Vec<Client>,
    /// True if `oci create` still works on it: its stderr is the runtime's then.
    pub making: bool,
    /// Time of its kill.
    pub kill_at: Option<Instant>,
    /// Its streams are not read until then.
    pub paused_until: Option<Instant>,
    /// Callers that wait for its end.
    pub stoppers: Vec<u64>,
    /// Callers that wait for its start, beside the one for whom it is started.
    pub starters: Vec<u64>,
    /// Callers that want it deleted as soon as it is made; none for the pod's end.
    pub condemned: Vec<Option<u64>>,
}

/// Begin to make a container: its record and the run of `oci create`.
pub fn begin(dir: &Path, create: Create, caller: u64, memory: Option<&Memory>) -> Result<(Container, Job)> {
    let mut container = Container {
        state: State::Created,
        pid: 0,
        cgroup: create.cgroup,
        started_at: 0,
        log: Log::open(create.log, create.log_quota, memory.and_then(Memory::room))?,
        terminal: false,
        streams: [Stream::new("stdout", None), Stream::new("stderr", None)],
        stdin: None,
        stdin_once: create.stdin_once,
        console: None,
        clients: Vec::new(),
        making: true,
        kill_at: None,
        paused_until: None,
        stoppers: Vec::new(),
        starters: Vec::new(),
        condemned: Vec::new(),
    };
    let pid_file = dir.join(format!("{}.pid", create.container));
    let mut oci = Oci::new(["create", "--bundle"])?;
    let command = &mut oci.command;
    command.arg(&create.bundle).arg("--pid-file").arg(&pid_file);
    if create.terminal {
        // An id is too long for a socket's path; no two creates of a pod have the same caller.
        let console = Console::listen(dir.join(format!("{caller}.tty")))?;
        command.arg("--console-socket").arg(console.path());
        container.console = Some(console);
        command.stdout(Stdio::null()).stderr(Stdio::null());
    } else {
        container.connect(command, create.stdin)?;
    }
    command.arg(&create.container);
    let job = oci.spawn(Some(caller), &create.container, Then::Created(pid_file))?;
    Ok((container, job))
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
        if let Some(console) = self.console.take() {
            self.streams[0].fd = Some(console.take()?);
            self.terminal = true;
        }
        Ok(())
    }

    /// Log some of what there is and show it to clients, as long as these keep up.
    pub fn pump(&mut self) {
        for which in 0..2 {
            if self.is_held_up(which) {
                continue;
            }
            let (stream, mut turns) = (&mut self.streams[which], TURN);
            stream.pump(&mut self.log, |bytes| {
                turns -= 1;
                // All get it; the slowest one holds up the next.
                let behind = self.clients.iter_mut().fold(false, |behind, client| behind | !client.give(which, bytes));
                !behind && turns > 0
            });
        }
        self.paused_until = self.log.is_full().then(|| Instant::now() + DROP_PAUSE);
        self.settle();
    }

    /// Log what there is now: the container has ended. What clients do not take at once waits for them, and what somebody else still
    /// writes has its turn with the rest.
    pub fn pump_rest(&mut self) {
        for (which, stream) in self.streams.iter_mut().enumerate() {
            let (waiting, mut read) = (stream.waiting(), 0);
            stream.pump(&mut self.log, |bytes| {
                for client in &mut self.clients {
                    client.give(which, bytes);
                }
                read += bytes.len();
                // Once more after the last of it, which finds the end.
                read <= waiting
            });
        }
        self.log.tell_dropped();
        self.settle();
    }

    /// Log the last of it and close: the container is gone.
    pub fn end_streams(&mut self) {
        self.pump_rest();
        self.streams.iter_mut().for_each(|stream| stream.finish(&mut self.log));
        self.log.tell_dropped();
        self.settle();
    }

    /// Tells if a client keeps a stream from being read.
    pub fn is_held_up(&self, which: usize) -> bool {
        self.clients.iter().any(|client| client.is_behind(which))
    }

    /// Tell clients of the end of what has ended.
    pub fn settle(&mut self) {
        for which in (0..2).filter(|which| self.streams[*which].fd.is_none()) {
            self.clients.iter_mut().for_each(|client| client.finish(which));
        }
    }

    /// Returns a descriptor for a client to write to: the terminal, or the input; given away for
    /// good where only the first may have it.
    pub fn lend_input(&mut self) -> Result<Option<OwnedFd>> {
        if !self.terminal && self.stdin_once {
            return Ok(self.stdin.take());
        }
        let fd = if self.terminal { &self.streams[0].fd } else { &self.stdin };
        fd.as_ref().map(|fd| fd.try_clone().doing("share a container's input")).transpose()
    }

    /// Its first process, as long as it lives.
    pub fn live_pid(&self) -> Option<i32> {
        (self.pid > 0 && self.state != State::Exited).then_some(self.pid)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    /// A container whose process is this test, and its log's path.
    fn container(name: &str) -> (Container, [std::fs::File; 2], std::path::PathBuf) {
        let path = std::env::temp_dir().join(format!("kutties-container-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let [(out, out_far), (err, err_far)] = [job::quiet_pipe().unwrap(), job::quiet_pipe().unwrap()];
        let container = Container {
            state: State::Running,
            pid: 0,
            cgroup: String::new(),
            started_at: 0,
            log: Log::open(Some(path.clone()), 0, None).unwrap(),
            terminal: false,
            streams: [Stream::new("stdout", Some(out)), Stream::new("stderr", Some(err))],
            stdin: None,
            stdin_once: false,
            console: None,
            clients: Vec::new(),
            making: false,
            kill_at: None,
            paused_until: None,
            stoppers: Vec::new(),
            starters: Vec::new(),
            condemned: Vec::new(),
        };
        (container, [out_far.into(), err_far.into()], path)
    }

    fn attach(container: &mut Container) -> [UnixStream; 2] {
        let [(out, out_far), (err, err_far)] = [UnixStream::pair().unwrap(), UnixStream::pair().unwrap()];
        container.clients.push(Client::new(1, out.into(), err.into()));
        [out_far, err_far]
    }

    #[test]
    fn a_client_that_reads_nothing_holds_up_its_stream_alone_and_loses_nothing() {
        let (mut container, [mut out, mut err], log) = container("slow");
        let [mut client, mut client_err] = attach(&mut container);
        let lines = 50_000;
        let writer = std::thread::spawn(move || (0..lines).for_each(|n| writeln!(out, "this is line {n}").unwrap()));
        while !container.is_held_up(0) {
            container.pump();
        }
        // The other stream goes on, and does not have this one read on.
        for _ in 0..100 {
            writeln!(err, "still here").unwrap();
            container.pump();
        }
        let waiting = std::fs::metadata(&log).unwrap().len();
        assert!(waiting < 2_000_000, "{waiting} bytes were logged");
        assert!(container.is_held_up(0) && !container.is_held_up(1));
        drop(err);
        // A process that another test starts meanwhile may hold the end for a moment.
        while container.streams[1].fd.is_some() {
            container.pump();
        }
        let mut said = String::new();
        client_err.read_to_string(&mut said).unwrap();
        assert_eq!(said.lines().count(), 100);

        let reader = std::thread::spawn(move || {
            let mut said = String::new();
            client.read_to_string(&mut said).unwrap();
            said
        });
        while container.streams[0].fd.is_some() || container.is_held_up(0) {
            container.clients[0].flush(0);
            container.pump();
        }
        writer.join().unwrap();
        let said = reader.join().unwrap();
        assert!(said.lines().enumerate().all(|(n, line)| line == format!("this is line {n}")) && said.lines().count() == lines);
        let logged = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(log).unwrap();
        assert_eq!(logged.lines().filter(|line| line.contains(" stdout F this is line ")).count(), lines);
    }

    #[test]
    fn a_stranger_that_writes_without_end_does_not_hold_up_the_end() {
        let (mut container, [mut out, err], log) = container("flood");
        drop(err);
        // Before the writers, which fill the pipe until somebody reads.
        writeln!(out, "the last words").unwrap();
        // The pipe is never found empty: what was read is there again at once, by as many writers as it takes.
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|_| (out.try_clone().unwrap(), ended.clone()))
            .map(|(mut out, ended)| {
                std::thread::spawn(move || {
                    let bytes = vec![b'y'; 64 * 1024];
                    while !ended.load(std::sync::atomic::Ordering::Relaxed) && out.write(&bytes).is_ok() {}
                })
            })
            .collect();
        container.pump_rest();
        let logged = std::fs::metadata(&log).unwrap().len();
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        // The writers end with the reading end.
        container.streams[0].fd = None;
        for writer in writers {
            writer.join().unwrap();
        }
        std::fs::remove_file(log).unwrap();
        assert!(logged < 256 * 1024, "{logged} bytes were read");
    }

    #[test]
    fn a_stream_whose_output_is_dropped_is_read_with_pauses() {
        let (mut container, [mut out, _err], log) = container("full");
        container.log = Log::open(Some(log.clone()), 16 * 1024, None).unwrap();
        writeln!(out, "all is well").unwrap();
        container.pump();
        assert!(container.paused_until.is_none());
        for _ in 0..16 {
            out.write_all(&b"yyyyyyy\n".repeat(1024)).unwrap();
            container.pump();
        }
        std::fs::remove_file(log).unwrap();
        assert!(container.paused_until.is_some());
    }

    #[test]
    fn the_first_client_alone_gets_an_input_that_is_for_one() {
        let (mut container, _far, log) = container("once");
        std::fs::remove_file(log).unwrap();
        container.stdin = Some(job::quiet_pipe().unwrap().1);
        assert!(container.lend_input().unwrap().is_some() && container.lend_input().unwrap().is_some());
        container.stdin_once = true;
        assert!(container.lend_input().unwrap().is_some() && container.lend_input().unwrap().is_none());
    }
}
