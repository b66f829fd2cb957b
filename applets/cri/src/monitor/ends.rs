//! How containers end: the journal first, then everybody who waits.

use super::events::{Monitor, kill};
use super::journal;
use super::wire::{Exit, Reply, State};

impl Monitor {
    /// A pid has become known: perhaps its end came first.
    pub fn claim(&mut self, pid: i32) {
        let Some(at) = self.unclaimed.iter().position(|(p, ..)| *p == pid) else { return };
        let (_, code, when) = self.unclaimed.swap_remove(at);
        match self.containers.iter().find(|(_, c)| c.live_pid() == Some(pid)).map(|(id, _)| id.clone()) {
            Some(id) => self.container_ended(&id, code, when),
            None => self.ended(pid, code),
        }
    }

    /// Write the journal, then tell everybody.
    pub fn container_ended(&mut self, id: &str, code: i32, when: i64) {
        let Some(container) = self.containers.get_mut(id) else { return };
        container.state = State::Exited;
        container.kill_at = None;
        kill(container);
        container.pump_all();
        let signal = if code > 128 { code - 128 } else { 0 };
        let oom_killed = journal::oom_killed(&container.cgroup);
        let exit = Exit { code, signal, oom_killed, started_at: container.started_at, finished_at: when };
        self.note_exit(id, exit);
    }

    /// Write the journal, then tell everybody. An exit for which there is no room is written as soon as there is some.
    fn note_exit(&mut self, id: &str, exit: Exit) {
        let written = journal::write(&self.dir, id, &exit);
        let stoppers = self.containers.get_mut(id).map(|container| std::mem::take(&mut container.stoppers)).unwrap_or_default();
        let reply = written.as_ref().map_or_else(|e| Reply::Failed(e.to_string()), |()| Reply::Done);
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
