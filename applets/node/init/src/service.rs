//! One supervised program: started, watched, started again with growing pauses, stopped.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::control::{self, State};
use kit::{Context, Error, Result};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitStatus, kill_process};

use crate::grace::Grace;
use crate::ring::Ring;
use crate::{cgroups, kubelet, spawn};

/// The first pause before a program that ended is started again; short, since a killed CRI server should be back at once.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest: a person who repairs something does not want to wait longer.
const PAUSE_LAST: Duration = Duration::from_secs(10);
/// The longest for what is to succeed once, such as joining a cluster: it talks to others and says much.
const PAUSE_ONCE: Duration = Duration::from_mins(1);
/// One that ran this long had started well: its pauses begin anew.
const RAN_WELL: Duration = Duration::from_secs(10);
/// Timeout of a program's end after SIGTERM, before its cgroup is killed.
const TERM_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit of a service's output that one read takes, in bytes: other services want their turn.
const READ: usize = 64 << 10;

/// Definition of a service, a row of the table.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name, also of its cgroup and log.
    pub name: String,
    /// The program and its arguments, found anew at each start.
    pub program: Program,
    /// Files that must exist before it starts.
    pub needs: Vec<PathBuf>,
    /// True if it waits for the boot step `network`.
    pub after_network: bool,
    /// True if it is not started again once it succeeded.
    pub once: bool,
    /// True if its lines are shown on the console as they come.
    pub shown: bool,
    /// Its `oom_score_adj`.
    pub oom_score: Option<&'static str>,
    /// Settings of its environment.
    pub environment: Vec<(String, String)>,
}

/// Source of a program's arguments.
#[derive(Debug, Clone)]
pub enum Program {
    /// Fixed.
    Is(Vec<String>),
    /// The kubelet's, made at each start, because its files may have changed.
    Kubelet(Grace),
}

/// A program under supervision.
#[derive(Debug)]
pub struct Service {
    /// The service's definition.
    pub plan: Plan,
    state: State,
    pid: Option<Pid>,
    restarts: u32,
    /// Number of failures in a row with the same reason.
    same: u32,
    log: Ring,
    /// The reading ends of its output; an old process's children may still hold an old one.
    outputs: Vec<File>,
    last_error: Option<String>,
    started: Instant,
    next: Instant,
    pause: Duration,
    /// Set while it is being stopped.
    kill_at: Option<Instant>,
    /// Start again after the stop.
    again: bool,
}

impl Service {
    /// One that waits to be started.
    pub fn new(plan: Plan) -> Self {
        let now = Instant::now();
        Self {
            log: Ring::new(&plan.name),
            plan,
            state: State::Waiting,
            pid: None,
            restarts: 0,
            same: 0,
            outputs: vec![],
            last_error: None,
            started: now,
            next: now,
            pause: PAUSE_FIRST,
            kill_at: None,
            again: false,
        }
    }

    /// Returns the descriptors of its output.
    pub fn outputs(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.outputs.iter().map(AsFd::as_fd)
    }

    /// Its process.
    pub const fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// As the control socket tells it.
    pub fn status(&self) -> control::Service {
        control::Service {
            name: self.plan.name.clone(),
            state: self.state,
            pid: self.pid.map(|pid| pid.as_raw_nonzero().get() as u32),
            restarts: self.restarts,
            last_error: self.last_error.clone(),
        }
    }

    /// Returns the time of the next start or kill; none while it only waits for its process.
    pub fn due(&self) -> Option<Instant> {
        match self.state {
            State::Backoff => Some(self.next),
            _ => self.kill_at,
        }
    }

    /// Tells if it waits for files.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Tells if it was asked to end and has not yet.
    pub const fn is_stopping(&self) -> bool {
        self.kill_at.is_some()
    }

    /// Somebody wants it to run, and not to wait for what earlier failures have earned.
    pub fn start(&mut self) {
        self.pause = PAUSE_FIRST;
        match self.state {
            State::Running if self.kill_at.is_some() => self.again = true,
            State::Running => {}
            State::Waiting | State::Backoff | State::Stopped => self.state = State::Waiting,
        }
    }

    /// Somebody wants it to end: SIGTERM now, its whole cgroup killed after [`TERM_TIMEOUT`].
    pub fn stop(&mut self) {
        self.again = false;
        match self.pid {
            Some(pid) if self.kill_at.is_none() => {
                // It may have ended already; then its exit is on the way.
                let _ = kill_process(pid, Signal::TERM);
                self.kill_at = Some(Instant::now() + TERM_TIMEOUT);
            }
            Some(_) => {}
            None => self.state = State::Stopped,
        }
    }

    /// Stop it if it runs, then start it.
    pub fn restart(&mut self) {
        self.stop();
        match self.pid {
            Some(_) => self.again = true,
            None => self.start(),
        }
    }

    /// Do what is due: the start, when all that it needs is there, or the kill. What there is to say comes back.
    pub fn attend(&mut self, network: bool) -> Option<String> {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| now >= at) {
            cgroups::kill(&self.cgroup());
            self.kill_at = Some(now + TERM_TIMEOUT);
            return Some(format!("{}: does not end; killed", self.plan.name));
        }
        let ready = match self.state {
            State::Waiting => (network || !self.plan.after_network) && self.plan.needs.iter().all(|path| path.exists()),
            State::Backoff => now >= self.next,
            State::Running | State::Stopped => false,
        };
        if !ready {
            return None;
        }
        match self.launch() {
            Ok(()) => None,
            Err(e) => self.failed(&e.to_string()),
        }
    }

    /// Its process ended. What there is to say comes back.
    pub fn exited(&mut self, status: WaitStatus) -> Vec<String> {
        let mut lines = self.read();
        self.pid = None;
        let stopping = self.kill_at.take().is_some();
        // Processes that it left would be in the next one's way; those that must outlive it have
        // moved to a cgroup of their own.
        cgroups::kill(&self.cgroup());
        if stopping {
            self.state = State::Stopped;
            if std::mem::take(&mut self.again) {
                self.start();
            }
            return lines;
        }
        if self.plan.once && status.exit_status() == Some(0) {
            self.state = State::Stopped;
            lines.push(format!("{}: done", self.plan.name));
            return lines;
        }
        if self.started.elapsed() >= RAN_WELL {
            self.pause = PAUSE_FIRST;
        }
        lines.extend(self.failed(&spawn::outcome(status)));
        lines
    }

    /// Read what it wrote. Its lines come back when they are to be shown.
    pub fn read(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let log = &mut self.log;
        self.outputs.retain_mut(|output| {
            let mut bytes = vec![0; READ];
            match output.read(&mut bytes) {
                Ok(0) => false,
                Ok(count) => {
                    lines.extend(log.add(bytes.get(..count).unwrap_or_default()));
                    true
                }
                Err(e) => matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
            }
        });
        let name = &self.plan.name;
        if self.plan.shown { lines.into_iter().map(|line| format!("{name}: {line}")).collect() } else { vec![] }
    }

    /// Wait and try again. The same reason is said the first, second, fourth, eighth time and so on: a console is for people.
    fn failed(&mut self, how: &str) -> Option<String> {
        let reason = self.log.take_reason().unwrap_or_else(|| how.to_owned());
        let is_new = self.last_error.as_ref() != Some(&reason);
        self.same = if is_new { 1 } else { self.same.saturating_add(1) };
        let text = format!("{}: {how}; again in {} ms: {reason}", self.plan.name, self.pause.as_millis());
        self.last_error = Some(reason);
        self.state = State::Backoff;
        self.restarts += 1;
        self.next = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(if self.plan.once { PAUSE_ONCE } else { PAUSE_LAST });
        self.same.is_power_of_two().then_some(text)
    }

    fn cgroup(&self) -> String {
        format!("services/{}", self.plan.name)
    }

    fn launch(&mut self) -> Result<()> {
        let words = match &self.plan.program {
            Program::Is(words) => words.clone(),
            Program::Kubelet(grace) => {
                let (words, prepared) = kubelet::command(*grace);
                if let Err(e) = prepared {
                    self.log.add(format!("{}: {e}\n", self.plan.name).as_bytes());
                }
                words
            }
        };
        let (program, arguments) = words.split_first().ok_or_else(|| Error::new("no command"))?;
        let (output, input) = output_pipe()?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(input.try_clone().doing("share a pipe")?).stderr(input);
        spawn::set_environment(&mut command, &self.plan.environment);
        let before = sys::child::Before {
            session: true,
            terminal: false,
            cgroup: Some(cgroups::leaf(&self.cgroup())?),
            oom_score: self.plan.oom_score,
        };
        sys::child::before_exec(&mut command, before);
        self.pid = Some(spawn::spawn(&mut command).on("run", program)?);
        self.outputs.push(output);
        self.state = State::Running;
        self.started = Instant::now();
        Ok(())
    }
}

/// A pipe whose reading end never makes PID 1 wait.
fn output_pipe() -> Result<(File, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
    rustix::io::ioctl_fionbio(&read, true).doing("make a pipe non-blocking")?;
    Ok((read.into(), write))
}
