//! Forked shells, pipelines, and the groups that they run in.

use sys::disposition::{self, Effect};
use sys::fork::{Side, end, fork_alone};
use sys::{descriptor, disposition as signals};

use crate::ast::Command;
use crate::shell::{Done, Flow, Shell, cause};

/// Group of a new process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Process group to join; 0 for a new one.
    pub group: Option<i32>,
    /// It gets the terminal.
    pub foreground: bool,
}

impl Place {
    /// The shell's own group.
    pub const HERE: Self = Self { group: None, foreground: false };
}

impl Shell {
    /// Runs something in a forked shell that no job has; its process number.
    pub fn fork(&mut self, body: impl FnOnce(&mut Self) -> Done) -> Result<i32, Flow> {
        self.fork_at(Place::HERE, body)
    }

    /// The same in a process group.
    pub fn fork_at(&mut self, place: Place, body: impl FnOnce(&mut Self) -> Done) -> Result<i32, Flow> {
        match fork_alone() {
            Ok(Side::Child) => {
                self.begin_in_fork(place);
                let done = body(self);
                let status = self.finish(done);
                end(status as u8)
            }
            Ok(Side::Parent(pid)) => {
                if let Some(group) = place.group {
                    set_group(pid, if group == 0 { pid } else { group });
                }
                Ok(pid)
            }
            Err(e) => self.fail(format!("fork: {}", cause(&e))),
        }
    }

    fn begin_in_fork(&mut self, place: Place) {
        if let Some(group) = place.group {
            let own = rustix::process::getpid().as_raw_nonzero().get();
            let group = if group == 0 { own } else { group };
            set_group(own, group);
            if let (true, Some(terminal)) = (place.foreground, self.terminal) {
                crate::jobs::give_terminal(terminal, group);
            }
        }
        let was_interactive = self.interactive;
        let had_terminal = self.terminal.is_some();
        self.interactive = false;
        self.terminal = None;
        self.subshell += 1;
        let last = self.jobs.last;
        self.jobs = crate::jobs::Jobs::default();
        self.jobs.last = last;
        self.traps_in_fork();
        if place.foreground && !self.bash {
            self.traps.inherited = None;
        }
        if was_interactive {
            for number in [2, 3, 15] {
                self.usual_again(number);
            }
        }
        if had_terminal {
            for number in [20, 21, 22] {
                self.usual_again(number);
            }
        }
    }

    fn usual_again(&self, number: i32) {
        if !self.traps.actions.contains_key(&number) {
            disposition::set(number, Effect::Default);
        }
    }

    /// Makes a forked shell one in the background: the keyboard does not reach it.
    pub fn be_background(&mut self, job_control: bool) {
        if job_control {
            return;
        }
        for number in [2, 3] {
            signals::set(number, Effect::Ignore);
            self.traps.fixed.insert(number, true);
        }
    }

    /// Runs commands joined by pipes.
    pub(super) fn joined(&mut self, commands: &[Command], text: &[u8]) -> Done {
        let last_here = self.shopt.lastpipe && self.terminal.is_none();
        let forked = commands.len() - usize::from(last_here);
        let place = Place { group: self.terminal.map(|_| 0), foreground: true };
        let (pids, input) = self.start_pipeline(commands, forked, place)?;
        let group = self.terminal.and(pids.first().copied());
        let mut here = None;
        if let (true, Some(command)) = (last_here, commands.last()) {
            here = Some(self.last_in_shell(command, input, text));
        }
        let mut statuses = self.wait_foreground(&pids, group, text);
        if let Some(done) = here {
            statuses.push(done?);
        }
        let status = self.pipeline_status(&statuses);
        self.pipe_status = statuses;
        if status == 130 && self.interactive {
            return Err(Flow::Interrupt);
        }
        Ok(status)
    }

    fn pipeline_status(&self, statuses: &[i32]) -> i32 {
        let failed = statuses.iter().rev().find(|status| **status != 0);
        match failed.filter(|_| self.set.pipefail) {
            Some(status) => *status,
            None => statuses.last().copied().unwrap_or(0),
        }
    }

    /// `shopt -s lastpipe`: the last command with the pipe as its input, in this shell.
    fn last_in_shell(&mut self, command: &Command, input: Option<i32>, text: &[u8]) -> Done {
        let before = descriptor::copy_above(0, 10).ok();
        if let Some(input) = input {
            // It was made for this.
            let _ = descriptor::copy_to(input, 0);
            descriptor::close(input);
        }
        let done = self.command(command, false, text);
        match before {
            Some(copy) => {
                // It was open a moment ago.
                let _ = descriptor::copy_to(copy, 0);
                descriptor::close(copy);
            }
            None => descriptor::close(0),
        }
        done
    }

    /// Starts the first `count` commands of a pipeline. Their numbers, and the end of the pipe that is left over.
    pub(super) fn start_pipeline(
        &mut self,
        commands: &[Command],
        count: usize,
        place: Place,
    ) -> Result<(Vec<i32>, Option<i32>), Flow> {
        let mut pids = Vec::new();
        let mut input: Option<i32> = None;
        let mut place = place;
        for (number, command) in commands.iter().take(count).enumerate() {
            let ends = if number + 1 < commands.len() {
                match descriptor::pipe() {
                    Ok(ends) => Some(ends),
                    Err(e) => return self.fail(format!("make a pipe: {}", cause(&e))),
                }
            } else {
                None
            };
            let pid = self.fork_at(place, |shell| {
                for (from, to) in [(input, 0), (ends.map(|(_, write)| write), 1)] {
                    if let Some(from) = from {
                        // It was made for this.
                        let _ = descriptor::copy_to(from, to);
                        descriptor::close(from);
                    }
                }
                if let Some((read, _)) = ends {
                    descriptor::close(read);
                }
                shell.command(command, true, b"")
            });
            if let Some(input) = input {
                descriptor::close(input);
            }
            input = ends.map(|(read, write)| {
                descriptor::close(write);
                read
            });
            let pid = pid?;
            if place.group == Some(0) {
                place.group = Some(pid);
            }
            pids.push(pid);
        }
        Ok((pids, input))
    }
}

/// Puts a process into a group. The process itself does the same: one of both is the first.
fn set_group(pid: i32, group: i32) {
    let (pid, group) = (rustix::process::Pid::from_raw(pid), rustix::process::Pid::from_raw(group));
    // The second of both may find that the process executes already, in its group.
    let _ = rustix::process::setpgid(pid, group);
}
