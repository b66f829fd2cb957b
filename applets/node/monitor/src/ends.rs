//! The ends of children: the journal first, then everybody who waits.

use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, wait, waitid};

use super::events::{Monitor, kill};
use super::job::Then;
use super::journal;
use super::wire::{Exit, Reply, State};

/// Children that are reaped before others have their turn: orphans may end faster than they are reaped.
const TURN: usize = 256;
/// The most ends that are kept for a claim. Orphans of a pod end meanwhile, too, and nobody knows yet which ones are its own.
const UNCLAIMED: usize = 1 << 16;
/// The code of a process whose end nobody saw.
const UNSEEN: i32 = 255;

impl Monitor {
    /// Collect children that have ended; [`Monitor::reaping`] says that there may be more.
    pub fn reap(&mut self) {
        while let Ok(Some(_)) = self.next_signal() {}
        self.reaping = (0..TURN).all(|_| self.reap_one());
    }

    fn reap_one(&mut self) -> bool {
        let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) else { return false };
        let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
        self.ended(pid.as_raw_nonzero().get(), code.unwrap_or(UNSEEN), kit::clock::now());
        true
    }

    /// A child has ended, with its status or 128 plus its signal.
    fn ended(&mut self, pid: i32, code: i32, when: i64) {
        if let Some(at) = self.jobs.iter().position(|job| job.pid == pid) {
            let job = self.jobs.swap_remove(at);
            self.job_ended(job, code);
            if !self.expects_claims() {
                // An end that nobody can claim any more is a stranger's, and its number may become somebody else's.
                self.unclaimed.clear();
            }
        } else if let Some(at) = self.execs.iter().position(|exec| exec.pid == pid) {
            let exec = self.execs.swap_remove(at);
            self.exec_ended(&exec, code);
        } else if let Some(id) = self.container_of(pid) {
            self.container_ended(&id, code, when);
        } else if self.expects_claims() {
            if self.unclaimed.len() == UNCLAIMED {
                self.unclaimed.pop_first();
            }
            self.unclaimed.insert(pid, (code, when));
        }
    }

    fn container_of(&self, pid: i32) -> Option<String> {
        self.containers.iter().find(|(_, c)| c.live_pid() == Some(pid)).map(|(id, _)| id.clone())
    }

    /// Returns whether a run of `oci` will tell of a process.
    fn expects_claims(&self) -> bool {
        self.jobs.iter().any(|job| matches!(job.then, Then::Created(_) | Then::Exec(_)))
    }

    /// A pid has become known: perhaps its end came first. As long as it is a child, what ended under its number before was another one.
    pub fn claim(&mut self, pid: i32) {
        let seen = self.unclaimed.remove(&pid);
        if !is_child(pid) {
            let (code, when) = seen.unwrap_or_else(|| (UNSEEN, kit::clock::now()));
            self.ended(pid, code, when);
        }
    }

    /// Write the journal, then tell everybody.
    pub fn container_ended(&mut self, id: &str, code: i32, when: i64) {
        let Some(container) = self.containers.get_mut(id) else { return };
        container.state = State::Exited;
        container.kill_at = None;
        kill(container);
        container.pump_rest();
        let signal = if code > 128 { code - 128 } else { 0 };
        let oom_killed = journal::oom_killed(&container.cgroup);
        let exit = Exit { code, signal, oom_killed, started_at: container.started_at, finished_at: when };
        self.note_exit(id, exit);
    }

    /// Write the journal, then tell everybody. An exit for which there is no room is written as soon as there is some.
    fn note_exit(&mut self, id: &str, exit: Exit) {
        let written = journal::write(&self.dir, id, &exit);
        let stoppers = self.containers.get_mut(id).map(|container| std::mem::take(&mut container.stoppers)).unwrap_or_default();
        let reply = written.as_ref().map_or_else(|e| Reply::Failed(e.report()), |()| Reply::Done);
        for number in stoppers {
            self.answer(number, &reply);
        }
        match written {
            Ok(()) => self.tell(&Reply::Exited { container: id.to_owned() }),
            Err(_) => self.owed.push((id.to_owned(), exit)),
        }
    }

    /// Try to write the exits for which there was no room.
    pub fn pay(&mut self) {
        for (id, exit) in std::mem::take(&mut self.owed) {
            self.note_exit(&id, exit);
        }
    }
}

/// Returns whether that is a child of ours, running or ended and not reaped.
fn is_child(pid: i32) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Pid::from_raw(pid).is_some_and(|pid| waitid(WaitId::Pid(pid), options).is_ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    use super::super::connection::{Connection, Phase};
    use super::super::exec::Running;
    use super::*;

    /// A monitor in which a process of that number runs for a caller, and the caller.
    fn running(name: &str, pid: i32) -> (Monitor, BufReader<UnixStream>) {
        let dir = std::env::temp_dir().join(format!("cri-ends-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let socket = dir.join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut monitor = Monitor::new(&dir, listener, None, None).unwrap();
        std::fs::remove_dir_all(dir).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        monitor.connections.insert(7, Connection::new(ours, Phase::Waiting));
        monitor.execs.push(Running { pid, caller: 7, deadline: None, timed_out: false });
        (monitor, BufReader::new(theirs))
    }

    fn code(from: &mut BufReader<UnixStream>) -> i32 {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        match serde_json::from_str(&line).unwrap() {
            Reply::Exec(done) => done.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_strangers_end_under_the_same_number_is_not_its_own() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        let (mut monitor, mut caller) = running("stale", pid);
        monitor.unclaimed.insert(pid, (3, 1));
        monitor.claim(pid);
        assert!(monitor.execs.len() == 1 && monitor.unclaimed.is_empty(), "it runs");
        child.kill().unwrap();
        child.wait().unwrap();
        monitor.ended(pid, 9, 2);
        assert_eq!(code(&mut caller), 9);
    }

    #[test]
    fn an_end_that_came_first_is_claimed_and_one_that_nobody_saw_is_told() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id().cast_signed();
        child.wait().unwrap();
        let (mut monitor, mut caller) = running("first", pid);
        monitor.unclaimed.insert(pid, (4, 1));
        monitor.claim(pid);
        assert_eq!(code(&mut caller), 4);
        let (mut monitor, mut caller) = running("unseen", pid);
        monitor.claim(pid);
        assert_eq!(code(&mut caller), UNSEEN);
    }

    #[test]
    fn strangers_are_kept_only_while_a_claim_may_come() {
        let (mut monitor, _caller) = running("strangers", 1);
        (2..1000).for_each(|pid| monitor.ended(pid, 0, 1));
        assert!(monitor.unclaimed.is_empty());
    }
}
