//! `jobs`, `fg`, `bg`, `disown`, `suspend`.

use sys::{descriptor, disposition};

use super::Call;
use crate::ast::Bytes;
use crate::jobs::{Job, State, give_terminal};
use crate::shell::{Done, Flow, Shell};

const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// `jobs [-lpnrs] [JOB…]`
pub fn jobs(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"lpnrs") {
        Ok(options) => options,
        Err(done) => return done,
    };
    shell.jobs.refresh();
    let specs = call.args().get(options.words..).unwrap_or_default();
    let mut wanted = Vec::new();
    let mut status = 0;
    for spec in specs {
        match shell.jobs.find(spec) {
            Ok(id) => wanted.push(id),
            Err(message) => {
                shell.complain(Some(b"jobs"), message);
                status = 1;
            }
        }
    }
    if specs.is_empty() {
        wanted = shell.jobs.list.iter().filter(|job| !job.silent).map(|job| job.id).collect();
    }
    let mut text = Bytes::new();
    let mut gone = Vec::new();
    for id in wanted {
        let Some(job) = shell.jobs.by_id(id) else { continue };
        let state = job.state();
        let fits = match state {
            State::Running => !options.has(b's'),
            State::Stopped(_) => !options.has(b'r'),
            State::Ended(..) => !options.has(b'r') && !options.has(b's'),
        };
        if fits && !(options.has(b'n') && job.told) {
            text.extend(if options.has(b'p') {
                format!("{}\n", job.group.unwrap_or_else(|| job.leader())).into_bytes()
            } else {
                shell.job_line(job, options.has(b'l'))
            });
        }
        if matches!(state, State::Ended(..)) {
            gone.push(job.leader());
        }
    }
    for pid in gone {
        shell.jobs.forget(pid);
    }
    Ok(shell.print(b"jobs", &text).max(status))
}

/// Job that an argument names, the current one without.
fn chosen(shell: &mut Shell, call: &Call, spec: Option<&Bytes>) -> Result<u32, Done> {
    if shell.terminal.is_none() && !shell.set.monitor {
        shell.complain(Some(call.name()), "no job control");
        return Err(Ok(1));
    }
    shell.jobs.refresh();
    match shell.jobs.find(spec.map_or(b"%+", Vec::as_slice)) {
        Ok(id) => Ok(id),
        Err(message) => {
            let message = if spec.is_none() { "current: no such job".into() } else { message };
            shell.complain(Some(call.name()), message);
            Err(Ok(1))
        }
    }
}

/// `fg [JOB]`
pub fn foreground(shell: &mut Shell, call: &Call) -> Done {
    let id = match chosen(shell, call, call.args().first()) {
        Ok(id) => id,
        Err(done) => return done,
    };
    let Some(job) = shell.jobs.by_id(id).cloned() else { return Ok(1) };
    shell.print(b"fg", &[job.text.as_slice(), b"\n"].concat());
    shell.jobs.list.retain(|job| job.id != id || job.silent);
    shell.jobs.order.retain(|other| *other != id);
    let group = job.group.unwrap_or_else(|| job.leader());
    if let Some(terminal) = shell.terminal {
        give_terminal(terminal, group);
    }
    // A job that ended meanwhile is told by the wait.
    let _ = disposition::send(-group, SIGCONT);
    let alive: Vec<i32> =
        job.processes.iter().filter(|process| !matches!(process.state, State::Ended(..))).map(|process| process.pid).collect();
    if alive.is_empty() {
        shell.take_terminal();
        return Ok(job.status().unwrap_or(0));
    }
    let status = shell.wait_foreground(&alive, Some(group), &job.text).pop().unwrap_or(0);
    if status == 130 && shell.interactive {
        return Err(Flow::Interrupt);
    }
    Ok(status)
}

/// `bg [JOB…]`
pub fn background(shell: &mut Shell, call: &Call) -> Done {
    let specs: Vec<Option<&Bytes>> = match call.args() {
        [] => vec![None],
        args => args.iter().map(Some).collect(),
    };
    for spec in specs {
        let id = match chosen(shell, call, spec) {
            Ok(id) => id,
            Err(done) => return done,
        };
        let Some(job) = shell.jobs.list.iter_mut().find(|job| job.id == id) else { continue };
        for process in &mut job.processes {
            if matches!(process.state, State::Stopped(_)) {
                process.state = State::Running;
            }
        }
        let group = job.group.unwrap_or_else(|| job.leader());
        let line = [format!("[{id}] ").as_bytes(), &job.text, b" &\n"].concat();
        shell.jobs.last = shell.jobs.by_id(id).map(Job::leader);
        if let Err(e) = disposition::send(-group, SIGCONT) {
            shell.complain(Some(b"bg"), crate::shell::cause(&e));
            return Ok(1);
        }
        shell.print(b"bg", &line);
    }
    Ok(0)
}

/// `disown [-ahr] [JOB…]`
pub fn disown(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"ahr") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let specs = call.args().get(options.words..).unwrap_or_default();
    let mut ids: Vec<u32> = Vec::new();
    for spec in specs {
        let pid = super::integer(spec).ok().and_then(|pid| i32::try_from(pid).ok());
        let by_pid = pid.and_then(|pid| shell.jobs.by_pid(pid)).map(|job| job.id);
        match by_pid.map_or_else(|| shell.jobs.find(spec), Ok) {
            Ok(id) => ids.push(id),
            Err(message) => {
                shell.complain(Some(b"disown"), message);
                return Ok(1);
            }
        }
    }
    if specs.is_empty() {
        if options.has(b'a') || options.has(b'r') {
            let running = |job: &&Job| !options.has(b'r') || job.state() == State::Running;
            ids = shell.jobs.list.iter().filter(running).map(|job| job.id).collect();
        } else {
            ids.extend(shell.jobs.find(b"%+").ok());
        }
    }
    if options.has(b'h') {
        shell.jobs.list.iter_mut().filter(|job| ids.contains(&job.id)).for_each(|job| job.kept = true);
        return Ok(0);
    }
    shell.jobs.list.retain(|job| job.silent || !ids.contains(&job.id));
    shell.jobs.order.retain(|id| !ids.contains(id));
    Ok(0)
}

/// `suspend [-f]`
pub fn suspend(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"f") {
        Ok(options) => options,
        Err(done) => return done,
    };
    if shell.login && !options.has(b'f') {
        shell.complain(Some(b"suspend"), "cannot suspend a login shell");
        return Ok(1);
    }
    // Its own process is there.
    let _ = disposition::send(rustix::process::getpid().as_raw_nonzero().get(), SIGSTOP);
    shell.take_terminal();
    Ok(0)
}

impl Shell {
    /// Begins or ends job control: `set -m`.
    pub fn job_control(&mut self, on: bool) {
        if !on {
            self.terminal = None;
            return;
        }
        if !self.interactive {
            return;
        }
        let Some(terminal) = [2, 0, 1].into_iter().find(|number| descriptor::is_terminal(*number)) else {
            return;
        };
        let Ok(copy) = descriptor::copy_above(terminal, 10) else { return };
        let own = rustix::process::getpid().as_raw_nonzero().get();
        // A leader of a session is that of its group already.
        let _ = rustix::process::setpgid(None, None);
        give_terminal(copy, own);
        if descriptor::foreground(copy).is_ok_and(|group| group == own) {
            self.terminal = Some(copy);
            self.set.monitor = true;
            for number in [20, 21, 22] {
                disposition::set(number, disposition::Effect::Ignore);
            }
        } else {
            descriptor::close(copy);
            self.set.monitor = false;
        }
    }
}
