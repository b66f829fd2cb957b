//! `wait`

use sys::disposition::{self, Effect};

use super::Call;
use crate::ast::Bytes;
use crate::jobs::State;
use crate::shell::{Done, Flow, SIGNALLED, Shell, shown};
use crate::trap::{SIGCHLD, SIGINT};

/// End of a wait.
#[derive(Clone, Copy)]
enum Waited {
    /// It is so.
    Done,
    /// A signal with a trap came.
    Signal(i32),
}

/// `wait [-fn] [-p NAME] [PROCESS|%JOB…]`
pub fn wait(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"fnp:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let operands = call.args().get(options.words..).unwrap_or_default().to_vec();
    if options.has(b'n') {
        return next(shell, &operands, options.argument(b'p'));
    }
    if operands.is_empty() {
        let busy = |shell: &Shell| shell.jobs.list.iter().any(|job| !job.silent && job.state() == State::Running);
        let waited = until(shell, |shell| !busy(shell));
        let ended: Vec<i32> = shell.jobs.list.iter().filter(|job| job.status().is_some()).map(crate::jobs::Job::leader).collect();
        for pid in ended {
            shell.jobs.forget(pid);
        }
        return finish(shell, waited, 0);
    }
    let mut status = 0;
    for operand in &operands {
        let (done, signalled) = one(shell, operand, options.argument(b'p'));
        status = done?;
        if signalled {
            break;
        }
    }
    Ok(status)
}

/// Runs the traps of a signal that ended the wait.
fn finish(shell: &mut Shell, waited: Waited, status: i32) -> Done {
    match waited {
        Waited::Done => Ok(status),
        Waited::Signal(number) if number == SIGINT && shell.interactive => Err(Flow::Interrupt),
        Waited::Signal(number) => {
            shell.run_traps()?;
            Ok(SIGNALLED + number)
        }
    }
}

/// Waits for one process or job; true when a signal ended that.
fn one(shell: &mut Shell, operand: &[u8], name: Option<&Bytes>) -> (Done, bool) {
    let pid = match named(shell, operand) {
        Ok(pid) => pid,
        Err(status) => return (Ok(status), false),
    };
    if shell.jobs.by_pid(pid).is_none() {
        let remembered = shell.jobs.remembered(pid);
        if remembered.is_none() {
            shell.complain(Some(b"wait"), format!("pid {pid} is not a child of this shell"));
        }
        return (Ok(remembered.unwrap_or(127)), false);
    }
    let state = |shell: &Shell| {
        let job = shell.jobs.by_pid(pid)?;
        job.processes.iter().find(|process| process.pid == pid).map(|process| process.state)
    };
    let waited = until(shell, |shell| state(shell) != Some(State::Running));
    if let Waited::Signal(_) = waited {
        return (finish(shell, waited, 0), true);
    }
    if let Some(name) = name
        && let Err(flow) = shell.set_target(name, pid.to_string())
    {
        return (Err(flow), false);
    }
    let status = match state(shell) {
        Some(State::Ended(status, _)) => {
            shell.jobs.forget(pid);
            status
        }
        Some(State::Stopped(signal)) => SIGNALLED + signal,
        _ => 127,
    };
    (Ok(status), false)
}

/// Process that an operand names, or the status of the complaint.
fn named(shell: &mut Shell, operand: &[u8]) -> Result<i32, i32> {
    let pid = if operand.starts_with(b"%") {
        match shell.jobs.find(operand) {
            Ok(id) => shell.jobs.by_id(id).map(crate::jobs::Job::leader),
            Err(message) => {
                shell.complain(Some(b"wait"), message);
                return Err(127);
            }
        }
    } else {
        super::integer(operand).ok().and_then(|pid| i32::try_from(pid).ok())
    };
    pid.ok_or_else(|| {
        let text = format!("`{}': not a pid or valid job spec", shown(operand));
        shell.complain(Some(b"wait"), text);
        2
    })
}

/// `wait -n`: for whichever is the next.
fn next(shell: &mut Shell, operands: &[Bytes], name: Option<&Bytes>) -> Done {
    let mut chosen: Vec<i32> = Vec::new();
    for operand in operands {
        let found = if operand.starts_with(b"%") {
            shell.jobs.find(operand).ok().and_then(|id| shell.jobs.by_id(id)).map(crate::jobs::Job::leader)
        } else {
            super::integer(operand).ok().and_then(|pid| i32::try_from(pid).ok())
        };
        chosen.extend(found);
    }
    if operands.is_empty() {
        chosen = shell.jobs.list.iter().filter(|job| !job.silent).map(crate::jobs::Job::leader).collect();
    }
    chosen.retain(|pid| shell.jobs.by_pid(*pid).is_some());
    if chosen.is_empty() {
        return Ok(127);
    }
    let ended =
        |shell: &Shell| chosen.iter().copied().find(|pid| shell.jobs.by_pid(*pid).is_some_and(|job| job.status().is_some()));
    let waited = until(shell, |shell| ended(shell).is_some());
    if let Waited::Signal(_) = waited {
        return finish(shell, waited, 0);
    }
    let Some(pid) = ended(shell) else { return Ok(127) };
    let status = shell.jobs.by_pid(pid).and_then(crate::jobs::Job::status).unwrap_or(127);
    shell.jobs.forget(pid);
    if let Some(name) = name {
        shell.set_target(name, pid.to_string())?;
    }
    Ok(status)
}

/// Waits for news of children until a condition holds, or a signal with a trap comes.
fn until(shell: &mut Shell, is: impl Fn(&Shell) -> bool) -> Waited {
    let own_trap = shell.traps.actions.contains_key(&SIGCHLD);
    if !own_trap {
        disposition::set(SIGCHLD, Effect::Note);
    }
    let waited = loop {
        // From here on no signal is lost between the look and the wait.
        let Ok(held) = disposition::hold() else { break Waited::Done };
        shell.jobs.refresh();
        if let Some(number) = trapped(shell) {
            break Waited::Signal(number);
        }
        if is(shell) {
            break Waited::Done;
        }
        if !own_trap {
            disposition::take_one(SIGCHLD);
        }
        held.wait();
    };
    if !own_trap {
        disposition::take_one(SIGCHLD);
        disposition::set(SIGCHLD, Effect::Default);
    }
    waited
}

/// Signal that came and has a trap.
fn trapped(shell: &Shell) -> Option<i32> {
    let has = |number: &i32| {
        shell.traps.actions.get(number).is_some_and(|action| !action.text.is_empty()) || *number == SIGINT && shell.interactive
    };
    (1..65).filter(|number| disposition::has_come(*number)).find(|number| has(number))
}
