//! Children of the shell: jobs, their processes, and how they ended.

use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use sys::{descriptor, disposition};

use crate::ast::Bytes;
use crate::shell::{SIGNALLED, Shell, shown};

/// Ends of children that `wait` may still ask for.
const REMEMBERED: usize = 1024;

/// State of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// A signal stopped it.
    Stopped(i32),
    /// It ended: status, and the signal that did it.
    Ended(i32, Option<i32>),
}

/// A process of a job.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its state.
    pub state: State,
}

/// A job: the processes of a pipeline.
#[derive(Debug, Clone)]
pub struct Job {
    /// Number for people.
    pub id: u32,
    /// Process group, with job control.
    pub group: Option<i32>,
    /// Processes, in the order of the pipeline.
    pub processes: Vec<Process>,
    /// As it was written.
    pub text: Bytes,
    /// Its state was told.
    pub told: bool,
    /// No list shows it.
    pub silent: bool,
    /// `disown -h`: no SIGHUP at the end.
    pub kept: bool,
}

/// All children.
#[derive(Debug, Default)]
pub struct Jobs {
    /// Jobs, by their number.
    pub list: Vec<Job>,
    /// `$!`
    pub last: Option<i32>,
    /// Numbers of jobs, the current one last.
    pub order: Vec<u32>,
    /// Processes that ended and that no job has any more.
    ended: Vec<(i32, i32)>,
}

impl Job {
    /// State of the whole.
    pub fn state(&self) -> State {
        if let Some(running) = self.processes.iter().find(|p| p.state == State::Running) {
            return running.state;
        }
        let stopped = self.processes.iter().find(|p| matches!(p.state, State::Stopped(_)));
        let last = self.processes.last();
        stopped.or(last).map_or(State::Ended(0, None), |process| process.state)
    }

    /// Status of a job that ended, which is that of its last process.
    pub fn status(&self) -> Option<i32> {
        match self.state() {
            State::Ended(status, _) => Some(status),
            _ => None,
        }
    }

    /// Number of the process that stands for the job.
    pub fn leader(&self) -> i32 {
        self.processes.last().map_or(0, |process| process.pid)
    }
}

impl Jobs {
    /// Adds a job.
    pub fn add(&mut self, group: Option<i32>, pids: &[i32], text: Bytes) -> u32 {
        let id = self.list.iter().filter(|job| !job.silent).map(|job| job.id).max().unwrap_or(0) + 1;
        let process = |pid: &i32| Process { pid: *pid, state: State::Running };
        let processes = pids.iter().map(process).collect();
        self.list.push(Job { id, group, processes, text, told: false, silent: false, kept: false });
        self.order.push(id);
        id
    }

    /// Adds a process that `wait` knows and `jobs` doesn't.
    pub fn add_silent(&mut self, pid: i32) {
        let processes = vec![Process { pid, state: State::Running }];
        let job = Job { id: 0, group: None, processes, text: Bytes::new(), told: true, silent: true, kept: false };
        self.list.push(job);
    }

    /// Notes the state of a process.
    pub fn note(&mut self, pid: i32, state: State) {
        for job in &mut self.list {
            for process in job.processes.iter_mut().filter(|process| process.pid == pid) {
                process.state = state;
                if !matches!(state, State::Running) {
                    job.told = job.silent;
                }
            }
        }
    }

    /// Asks the system for news of all processes.
    pub fn refresh(&mut self) {
        let alive = |process: &&Process| !matches!(process.state, State::Ended(..));
        let pids: Vec<i32> = self.list.iter().flat_map(|job| job.processes.iter().filter(alive).map(|p| p.pid)).collect();
        for pid in pids {
            let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
            match Pid::from_raw(pid).map(|pid| waitpid(Some(pid), options)) {
                Some(Ok(Some((_, status)))) => self.note(pid, state_of(status)),
                Some(Err(rustix::io::Errno::CHILD)) => self.note(pid, State::Ended(127, None)),
                _ => {}
            }
        }
    }

    /// Job of a number.
    pub fn by_id(&self, id: u32) -> Option<&Job> {
        self.list.iter().find(|job| job.id == id && !job.silent)
    }

    /// Job that a process belongs to.
    pub fn by_pid(&self, pid: i32) -> Option<&Job> {
        self.list.iter().find(|job| job.processes.iter().any(|process| process.pid == pid))
    }

    /// Takes a job away, remembering how it ended.
    pub fn forget(&mut self, pid: i32) {
        let Some(at) = self.list.iter().position(|job| job.leader() == pid) else { return };
        let job = self.list.remove(at);
        self.order.retain(|id| *id != job.id);
        for process in job.processes {
            if let State::Ended(status, _) = process.state {
                self.ended.push((process.pid, status));
            }
        }
        let more = self.ended.len().saturating_sub(REMEMBERED);
        self.ended.drain(..more);
    }

    /// Status of a process whose job is gone; it is told once.
    pub fn remembered(&mut self, pid: i32) -> Option<i32> {
        let at = self.ended.iter().position(|(ended, _)| *ended == pid)?;
        Some(self.ended.remove(at).1)
    }

    /// Job that `%…` names.
    pub fn find(&self, spec: &[u8]) -> Result<u32, String> {
        let none = || format!("{}: no such job", shown(spec));
        let name = spec.strip_prefix(b"%").unwrap_or(spec);
        let ordered = || self.order.iter().rev().filter(|id| self.by_id(**id).is_some());
        match name {
            b"" | b"%" | b"+" => return ordered().next().copied().ok_or_else(none),
            b"-" => return ordered().nth(1).or_else(|| ordered().next()).copied().ok_or_else(none),
            _ => {}
        }
        if let Some(id) = std::str::from_utf8(name).ok().and_then(|text| text.parse().ok()) {
            return self.by_id(id).map(|job| job.id).ok_or_else(none);
        }
        let fits = |job: &&Job| match name.strip_prefix(b"?") {
            Some(part) => job.text.windows(part.len().max(1)).any(|window| window == part),
            None => job.text.starts_with(name),
        };
        let mut found = self.list.iter().filter(|job| !job.silent).filter(fits);
        let first = found.next().ok_or_else(none)?;
        match found.next() {
            Some(_) => Err(format!("{}: ambiguous job spec", shown(spec))),
            None => Ok(first.id),
        }
    }
}

/// State that a status of waitpid(2) stands for.
pub fn state_of(status: WaitStatus) -> State {
    if let Some(code) = status.exit_status() {
        State::Ended(code, None)
    } else if let Some(signal) = status.terminating_signal() {
        State::Ended(SIGNALLED + signal, Some(signal))
    } else if let Some(signal) = status.stopping_signal() {
        State::Stopped(signal)
    } else {
        State::Running
    }
}

impl Shell {
    /// Waits for a process that is in no job; its status.
    pub fn wait_for_process(pid: i32) -> i32 {
        match Self::wait_state(pid, WaitOptions::empty()) {
            State::Ended(status, _) => status,
            _ => 0,
        }
    }

    fn wait_state(pid: i32, options: WaitOptions) -> State {
        loop {
            match Pid::from_raw(pid).map(|pid| waitpid(Some(pid), options)) {
                Some(Ok(Some((_, status)))) => return state_of(status),
                Some(Err(rustix::io::Errno::INTR)) => {}
                _ => return State::Ended(127, None),
            }
        }
    }

    /// Waits for a job in the foreground, until it ends or stops. Statuses of its processes.
    pub fn wait_foreground(&mut self, pids: &[i32], group: Option<i32>, text: &[u8]) -> Vec<i32> {
        let options = match group {
            Some(_) => WaitOptions::UNTRACED,
            None => WaitOptions::empty(),
        };
        let states: Vec<State> = pids.iter().map(|pid| Self::wait_state(*pid, options)).collect();
        self.take_terminal();
        let stopped = states.iter().any(|state| matches!(state, State::Stopped(_)));
        if stopped {
            let id = self.jobs.add(group, pids, text.to_vec());
            for (pid, state) in pids.iter().zip(&states) {
                self.jobs.note(*pid, *state);
            }
            self.tell_job(id);
        }
        if let (Some(State::Ended(_, Some(signal))), Some(pid)) = (states.last(), pids.last()) {
            self.tell_signal(*signal, *pid, text);
        }
        let status = |state: &State| match state {
            State::Ended(status, _) => *status,
            State::Stopped(signal) => SIGNALLED + signal,
            State::Running => 0,
        };
        states.iter().map(status).collect()
    }

    /// Makes the shell the terminal's foreground again.
    pub fn take_terminal(&self) {
        if let Some(terminal) = self.terminal {
            let group = rustix::process::getpgrp().as_raw_nonzero().get();
            if descriptor::foreground(terminal).is_ok_and(|now| now != group) {
                give_terminal(terminal, group);
            }
        }
    }

    /// Tells of a job, as before a prompt.
    pub fn tell_job(&mut self, id: u32) {
        let Some(job) = self.jobs.by_id(id) else { return };
        let line = self.job_line(job, false);
        // A closed standard error loses the message.
        let _ = descriptor::write_all(2, &[b"\n", line.as_slice()].concat());
        if let Some(job) = self.jobs.list.iter_mut().find(|job| job.id == id) {
            job.told = true;
        }
    }

    /// Tells of jobs that ended or stopped since the last prompt.
    pub fn tell_jobs(&mut self) {
        self.jobs.refresh();
        let news: Vec<u32> =
            self.jobs.list.iter().filter(|job| !job.told && job.state() != State::Running).map(|j| j.id).collect();
        for id in news {
            let Some(job) = self.jobs.by_id(id) else { continue };
            let line = self.job_line(job, false);
            // As above.
            let _ = descriptor::write_all(2, &line);
            let (pid, ended) = (job.leader(), job.status().is_some());
            if let Some(job) = self.jobs.list.iter_mut().find(|job| job.id == id) {
                job.told = true;
            }
            if ended {
                self.jobs.forget(pid);
            }
        }
        self.forget_silent();
    }

    /// Forgets children that ended and that nobody lists.
    pub fn forget_silent(&mut self) {
        let done: Vec<i32> = self.jobs.list.iter().filter(|job| job.silent && job.status().is_some()).map(Job::leader).collect();
        for pid in done {
            self.jobs.forget(pid);
        }
    }

    /// Line of a job, as `jobs` shows it.
    pub fn job_line(&self, job: &Job, long: bool) -> Bytes {
        let mut order = self.jobs.order.iter().rev();
        let sign = match (order.next(), order.next()) {
            (Some(id), _) if *id == job.id => '+',
            (_, Some(id)) if *id == job.id => '-',
            _ => ' ',
        };
        let (state, running) = match job.state() {
            State::Running => ("Running".to_owned(), true),
            State::Stopped(_) => ("Stopped".to_owned(), false),
            State::Ended(0, None) => ("Done".to_owned(), false),
            State::Ended(status, None) => (format!("Exit {status}"), false),
            State::Ended(_, Some(signal)) => (signal_text(signal), false),
        };
        let pid = if long { format!("{:6} ", job.leader()) } else { String::new() };
        let head = format!("[{}]{sign} {pid} {state:<23} ", job.id);
        let tail: &[u8] = if running { b" &" } else { b"" };
        [head.as_bytes(), &job.text, tail, b"\n"].concat()
    }
}

impl Shell {
    /// Says what ended a program, where that does not show by itself.
    fn tell_signal(&self, signal: i32, pid: i32, text: &[u8]) {
        const SIGINT: i32 = 2;
        const SIGPIPE: i32 = 13;
        let line = match signal {
            SIGINT | SIGPIPE => return,
            _ if self.bash && !self.interactive => {
                let what = format!("{pid:5} {:<23} {}", signal_text(signal), shown(text));
                self.complain(None, what);
                return;
            }
            _ => format!("{}\n", signal_text(signal)),
        };
        // A closed standard error loses the message.
        let _ = descriptor::write_all(2, line.as_bytes());
    }
}

/// Makes a process group the terminal's foreground, also when the caller is not in it.
pub fn give_terminal(terminal: i32, group: i32) {
    // Of a process in the background the call would stop it.
    const SIGTTOU: i32 = 22;
    let ignored = disposition::is_ignored(SIGTTOU);
    disposition::set(SIGTTOU, disposition::Effect::Ignore);
    // A terminal that is gone has no foreground.
    let _ = descriptor::set_foreground(terminal, group);
    if !ignored {
        disposition::set(SIGTTOU, disposition::Effect::Default);
    }
}

/// Words for a signal that ended a process.
pub fn signal_text(signal: i32) -> String {
    let known = match signal {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        _ => return kit::signal::name(signal),
    };
    known.to_owned()
}
