//! Handlers of callers' requests, and of the ends of children.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kit::call::Reports;
use kit::{Context, Error, Kind, Result, clock};
use rustix::process::Pid;

use super::connection::Phase;
use super::container;
use super::events::Monitor;
use super::exec::{self, Running};
use super::job::{self, ExecJob, Job, Oci, Then};
use super::journal;
use super::wire::{ContainerInfo, Create, Exec, ExecDone, Exit, Info, Reply, Request, State};

impl Monitor {
    /// The monitor and its containers.
    pub fn info(&self) -> Info {
        let made = self.containers.iter().filter(|(_, c)| !c.making);
        let containers =
            made.map(|(id, c)| ContainerInfo { id: id.clone(), state: c.state, pid: c.live_pid(), started_at: c.started_at });
        Info { pid: std::process::id().cast_signed(), containers: containers.collect() }
    }

    /// Begin what a caller asks.
    pub fn request(&mut self, caller: u64, request: Request) {
        let result = match request {
            Request::Info => Ok(Some(Reply::Info(self.info()))),
            Request::Watch => Ok(self.watch(caller)),
            Request::Create(create) => self.create(caller, create),
            Request::Start { container } => self.start_container(caller, &container),
            Request::Exec(exec) => self.exec(caller, &exec),
            Request::Stream(stream) => self.stream(caller, &stream),
            Request::Attach { container, stdin } => self.attach(caller, &container, stdin),
            Request::ReopenLog { container } => self.reopen_log(&container),
            Request::Signal { container, signal } => Ok(Some(self.signal(&container, signal))),
            Request::Stop { container, signal, grace } => Ok(self.stop(caller, &container, signal, grace)),
            Request::Delete { container } => self.delete(Some(caller), &container),
            Request::Shutdown => self.shut_down(caller),
        };
        match result {
            Ok(Some(reply)) => self.answer(caller, &reply),
            Ok(None) => {}
            Err(e) => self.answer(caller, &Reply::Failed(e.report())),
        }
    }

    fn watch(&mut self, caller: u64) -> Option<Reply> {
        let info = self.info();
        let connection = self.connections.get_mut(&caller)?;
        connection.phase = Phase::Watching;
        connection.say(&Reply::Info(info));
        None
    }

    fn create(&mut self, caller: u64, create: Create) -> Result<Option<Reply>> {
        let id = create.container.clone();
        if self.containers.contains_key(&id) {
            return Ok(Some(failed(format!("container {id} is there already"))));
        }
        let (container, job) = container::begin(&self.dir, create, caller, self.memory.as_ref())?;
        self.containers.insert(id, container);
        let quotas = self.containers.values().map(|container| container.log.quota()).fold(0, u64::saturating_add);
        self.memory.iter_mut().for_each(|memory| memory.raise(quotas));
        self.jobs.push(job);
        Ok(None)
    }

    fn start_container(&mut self, caller: u64, id: &str) -> Result<Option<Reply>> {
        let starts = |job: &Job| job.container == id && matches!(job.then, Then::Started(_));
        let starting = self.jobs.iter().any(starts);
        let Some(container) = self.containers.get_mut(id) else { return Ok(Some(Reply::Unknown)) };
        match container.state {
            // A server that was killed meanwhile asks again: what it wants is done, or about to be.
            State::Running => return Ok(Some(Reply::Started { at: container.started_at })),
            State::Created if starting => {
                container.starters.push(caller);
                return Ok(None);
            }
            State::Created => {}
            State::Exited => return Ok(Some(failed(format!("container {id} was started before")))),
        }
        let job = Oci::new(["start", id])?.begin(Some(caller), id, Then::Started(clock::now()))?;
        self.jobs.push(job);
        Ok(None)
    }

    fn exec(&mut self, caller: u64, exec: &Exec) -> Result<Option<Reply>> {
        let fds: Result<[OwnedFd; 2], _> = self.take_fds(caller).try_into();
        let [stdout, stderr] = fds.map_err(|_| Error::new("an exec needs two streams"))?;
        if let Some(refusal) = self.not_running(&exec.container) {
            return Ok(Some(refusal));
        }
        let (mut oci, process_file, pid_file) = self.exec_command(&exec.process)?;
        oci.command.arg(&exec.container).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
        let deadline = (exec.timeout > 0).then(|| Instant::now() + Duration::from_millis(exec.timeout));
        let container = exec.container.clone();
        let then = Then::Exec(Box::new(ExecJob { pid_file, process_file, deadline }));
        self.jobs.push(oci.spawn(Some(caller), &container, then)?);
        Ok(None)
    }

    /// Returns the reason why nothing can be run in a container.
    pub fn not_running(&self, id: &str) -> Option<Reply> {
        match self.containers.get(id) {
            None => Some(Reply::Unknown),
            Some(c) if c.state != State::Running => Some(failed("the container does not run")),
            Some(_) => None,
        }
    }

    /// `oci exec` without the container's name; the process's file, which is written; the file for its pid.
    pub fn exec_command(&mut self, process: &serde_json::Value) -> Result<(Oci, PathBuf, PathBuf)> {
        let number = self.number();
        let (process_file, pid_file) =
            (self.dir.join(format!("exec-{number}.json")), self.dir.join(format!("exec-{number}.pid")));
        fs::write(&process_file, serde_json::to_vec(process).doing("encode a process")?).on("write", &process_file)?;
        let mut oci = Oci::new(["exec", "--detach", "--process"])?;
        oci.command.arg(&process_file).arg("--pid-file").arg(&pid_file);
        Ok((oci, process_file, pid_file))
    }

    fn reopen_log(&mut self, id: &str) -> Result<Option<Reply>> {
        let Some(container) = self.containers.get_mut(id) else { return Ok(Some(Reply::Unknown)) };
        container.pump();
        container.log.reopen()?;
        Ok(Some(Reply::Done))
    }

    fn signal(&self, id: &str, signal: i32) -> Reply {
        let Some(container) = self.containers.get(id) else { return Reply::Unknown };
        match send(container.live_pid(), signal) {
            Ok(()) => Reply::Done,
            Err(e) => Reply::Failed(Error::caused(format!("send signal {signal}: {e}"), e).report()),
        }
    }

    fn stop(&mut self, caller: u64, id: &str, signal: i32, grace: u64) -> Option<Reply> {
        if !self.owed.is_empty() {
            self.pay();
        }
        let Some(container) = self.containers.get_mut(id) else { return Some(Reply::Unknown) };
        if container.state == State::Exited {
            let is_owed = self.owed.iter().any(|(of, _)| of == id);
            let why = || format!("container {id} has ended; note that: no space left on device");
            return Some(if is_owed { Reply::Failed(Error::of(Kind::Full, why()).report()) } else { Reply::Done });
        }
        let due = Instant::now() + Duration::from_millis(grace);
        container.kill_at = Some(container.kill_at.map_or(due, |before| before.min(due)));
        container.stoppers.push(caller);
        if grace > 0
            && let Err(e) = send(container.live_pid(), signal)
        {
            // The kill at the end of the grace is still to come.
            tracing::warn!(container = id, signal, "send the stop signal: {e}");
        }
        None
    }

    fn delete(&mut self, caller: Option<u64>, id: &str) -> Result<Option<Reply>> {
        let Some(container) = self.containers.get_mut(id) else { return Ok(Some(Reply::Done)) };
        if container.making {
            // Two runs of `oci` at once would miss each other's work.
            container.condemned.push(caller);
            return Ok(None);
        }
        let job = Oci::new(["delete", "--force", id])?.begin(caller, id, Then::Deleted)?;
        self.jobs.push(job);
        Ok(None)
    }

    fn shut_down(&mut self, caller: u64) -> Result<Option<Reply>> {
        self.leaving = Some(caller);
        let ids: Vec<String> = self.containers.keys().cloned().collect();
        ids.iter().try_for_each(|id| self.delete(None, id).map(drop))?;
        Ok(None)
    }

    /// A run of `oci` has ended.
    pub fn job_ended(&mut self, job: Job, code: i32) {
        let Job { caller, container, then, reports, .. } = job;
        let reply = match then {
            Then::Created(pid_file) => {
                let reply = self.created(&container, &pid_file, code, reports);
                self.answer(caller.unwrap_or_default(), &reply);
                return self.delete_condemned(&container);
            }
            Then::Started(at) => {
                let reply = self.started(&container, at, code, reports);
                self.tell_started(&container, at, &reply);
                reply
            }
            Then::Deleted => self.deleted(&container, code, reports),
            Then::Exec(exec) => match self.exec_begun(caller.unwrap_or_default(), &exec, code, reports) {
                Ok(()) => return,
                Err(e) => Reply::Failed(e.report()),
            },
        };
        match caller {
            Some(caller) => self.answer(caller, &reply),
            None => self.last_delete(&reply),
        }
    }

    /// A delete for the pod's end: a failure is told to whoever asked for the end, who may ask again.
    fn last_delete(&mut self, reply: &Reply) {
        if matches!(reply, Reply::Failed(_))
            && let Some(caller) = self.leaving.take()
        {
            self.answer(caller, reply);
        }
    }

    fn created(&mut self, id: &str, pid_file: &std::path::Path, code: i32, reports: Reports) -> Reply {
        let Some(container) = self.containers.get_mut(id) else { return Reply::Unknown };
        let made =
            if code == 0 { job::read_pid(pid_file).and_then(|pid| container.take_terminal().map(|()| pid)) } else { Ok(0) };
        // The file has told what it had to.
        let _ = fs::remove_file(pid_file);
        match made {
            Ok(pid) if pid > 0 => {
                container.making = false;
                container.pid = pid;
                self.claim(pid);
                Reply::Created { pid }
            }
            Ok(_) => {
                self.unmade(id);
                Reply::Failed(reports.into_error().report())
            }
            Err(e) => {
                self.unmade(id);
                Reply::Failed(e.report())
            }
        }
    }

    /// Forget a container that came to nothing. Whoever wanted it stopped or deleted meanwhile has what they wanted.
    fn unmade(&mut self, id: &str) {
        let Some(container) = self.containers.remove(id) else { return };
        for number in container.stoppers.into_iter().chain(container.condemned.into_iter().flatten()) {
            self.answer(number, &Reply::Done);
        }
    }

    /// Delete what was to be deleted while it was being made.
    fn delete_condemned(&mut self, id: &str) {
        let condemned = self.containers.get_mut(id).map(|container| std::mem::take(&mut container.condemned)).unwrap_or_default();
        for caller in condemned {
            let failed = match self.delete(caller, id) {
                Ok(None) => continue,
                Ok(Some(reply)) => reply,
                Err(e) => Reply::Failed(e.report()),
            };
            match caller {
                Some(caller) => self.answer(caller, &failed),
                None => self.last_delete(&failed),
            }
        }
    }

    /// Tell of a start those who asked for it once more, and those who watch.
    fn tell_started(&mut self, id: &str, at: i64, reply: &Reply) {
        let starters = self.containers.get_mut(id).map(|container| std::mem::take(&mut container.starters)).unwrap_or_default();
        for number in starters {
            self.answer(number, reply);
        }
        if matches!(reply, Reply::Started { .. }) {
            self.tell(&Reply::Running { container: id.to_owned(), at });
        }
    }

    fn started(&mut self, id: &str, at: i64, code: i32, reports: Reports) -> Reply {
        let Some(container) = self.containers.get_mut(id) else { return Reply::Unknown };
        if code != 0 {
            return Reply::Failed(reports.into_error().report());
        }
        container.started_at = at;
        if container.state == State::Created {
            container.state = State::Running;
        } else if let Some((_, exit)) = self.owed.iter_mut().find(|(of, _)| of == id) {
            exit.started_at = at;
        } else if let Some(mut exit) = self.journaled(id) {
            // It ended before `oci start` did; only now is its start known to have been one.
            exit.started_at = at;
            if let Err(e) = journal::write(&self.dir, id, &exit) {
                return Reply::Failed(e.report());
            }
        }
        Reply::Started { at }
    }

    fn journaled(&self, id: &str) -> Option<Exit> {
        serde_json::from_slice(&fs::read(super::wire::exit_file(&self.dir, id)).ok()?).ok()
    }

    fn deleted(&mut self, id: &str, code: i32, reports: Reports) -> Reply {
        if code != 0 {
            return Reply::Failed(reports.into_error().report());
        }
        self.owed.retain(|(of, _)| of != id);
        if let Some(mut container) = self.containers.remove(id) {
            container.end_streams();
            for number in std::mem::take(&mut container.stoppers) {
                self.answer(number, &Reply::Done);
            }
        }
        Reply::Done
    }

    fn exec_begun(&mut self, caller: u64, job: &ExecJob, code: i32, reports: Reports) -> Result<()> {
        // Both files have served.
        let _ = fs::remove_file(&job.process_file);
        let pid = job::read_pid(&job.pid_file);
        let _ = fs::remove_file(&job.pid_file);
        if code != 0 {
            return Err(reports.into_error());
        }
        let pid = pid?;
        match self.connections.get_mut(&caller) {
            Some(connection) => connection.say(&Reply::Begun),
            None => exec::kill_tree(pid),
        }
        self.execs.push(Running { pid, caller, deadline: job.deadline, timed_out: false });
        self.claim(pid);
        Ok(())
    }

    /// A process that ran for a caller has ended.
    pub fn exec_ended(&mut self, exec: &Running, code: i32) {
        self.answer(exec.caller, &Reply::Exec(ExecDone { code, timed_out: exec.timed_out }));
    }
}

/// A failure of no special kind.
fn failed(why: impl Into<String>) -> Reply {
    Reply::Failed(Error::new(why).report())
}

/// Send a signal to a child that lives.
fn send(pid: Option<i32>, signal: i32) -> std::io::Result<()> {
    let Some(pid) = pid.and_then(Pid::from_raw) else { return Ok(()) };
    let process = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?;
    match sys::pidfd::send_signal(std::os::fd::AsFd::as_fd(&process), signal) {
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(()),
        result => result,
    }
}
