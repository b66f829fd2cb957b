//! `LIST &` and `coproc`.

use sys::descriptor;

use super::fork::Place;
use crate::ast::{Bytes, Command, Item};
use crate::shell::{Done, Shell, cause};

impl Shell {
    /// Starts a list in the background.
    pub(super) fn background(&mut self, item: &Item) -> Done {
        let job_control = self.terminal.is_some() || self.set.monitor;
        let place = Place { group: job_control.then_some(0), foreground: false };
        let pids = if item.rest.is_empty() && item.first.commands.len() > 1 && !item.first.negated {
            self.background_pipeline(item, place)?
        } else {
            let pid = self.fork_at(place, |shell| {
                shell.be_background(job_control);
                Self::no_input(job_control);
                shell.and_or(item, true)
            })?;
            vec![pid]
        };
        self.started(job_control.then(|| pids.first().copied()).flatten(), &pids, &item.text);
        Ok(0)
    }

    fn background_pipeline(&mut self, item: &Item, place: Place) -> Result<Vec<i32>, crate::shell::Flow> {
        let job_control = place.group.is_some();
        let mut kept = None;
        if !job_control {
            kept = descriptor::copy_above(0, 10).ok();
            Self::no_input(false);
        }
        // Ignored here, ignored in all of them.
        let ignored = (!job_control).then(|| self.ignore_keyboard());
        let started = self.start_pipeline(&item.first.commands, item.first.commands.len(), place);
        if let Some(effects) = ignored {
            for (number, effect) in effects {
                sys::disposition::set(number, effect);
            }
        }
        if let Some(copy) = kept {
            // It was open a moment ago.
            let _ = descriptor::copy_to(copy, 0);
            descriptor::close(copy);
        }
        started.map(|(pids, _)| pids)
    }

    fn ignore_keyboard(&self) -> Vec<(i32, sys::disposition::Effect)> {
        use sys::disposition::{Effect, is_ignored, set};
        let now = |number: i32| match self.traps.actions.get(&number) {
            Some(action) if !action.text.is_empty() => Effect::Note,
            _ if is_ignored(number) => Effect::Ignore,
            _ => self.usual_effect(number),
        };
        let effects = vec![(2, now(2)), (3, now(3))];
        for (number, _) in &effects {
            set(*number, Effect::Ignore);
        }
        effects
    }

    /// Gives a job without the terminal an empty input.
    fn no_input(job_control: bool) {
        if job_control {
            return;
        }
        if let Ok(null) = crate::redirect::open_to_read(b"/dev/null") {
            if null != 0 {
                // A shell without an input has none to lose.
                let _ = descriptor::copy_to(null, 0);
                descriptor::close(null);
            } else {
                descriptor::set_close_on_exec(0, false);
            }
        }
    }

    /// Notes a job in the background.
    fn started(&mut self, group: Option<i32>, pids: &[i32], text: &[u8]) {
        let id = self.jobs.add(group, pids, text.to_vec());
        self.jobs.last = pids.last().copied();
        if self.interactive {
            let line = format!("[{id}] {}\n", pids.last().copied().unwrap_or(0));
            // A closed standard error loses the message.
            let _ = descriptor::write_all(2, line.as_bytes());
        }
        if self.jobs.list.len().is_multiple_of(64) {
            self.jobs.refresh();
            self.forget_silent();
        }
    }

    /// `coproc NAME command`: the command with pipes to both sides.
    pub(super) fn coprocess(&mut self, name: &Bytes, command: &Command, text: &[u8]) -> Done {
        let pipes = (|| Ok((descriptor::pipe()?, descriptor::pipe()?)))();
        let ((in_read, in_write), (out_read, out_write)) = match pipes {
            Ok(pipes) => pipes,
            Err(e) => {
                let e: std::io::Error = e;
                return self.fail(format!("make a pipe: {}", cause(&e)));
            }
        };
        let job_control = self.terminal.is_some();
        let place = Place { group: job_control.then_some(0), foreground: false };
        let pid = self.fork_at(place, |shell| {
            shell.be_background(job_control);
            for (from, to) in [(in_read, 0), (out_write, 1)] {
                // They were made for this.
                let _ = descriptor::copy_to(from, to);
            }
            for number in [in_read, in_write, out_read, out_write] {
                descriptor::close(number);
            }
            shell.command(command, true, b"")
        })?;
        descriptor::close(in_read);
        descriptor::close(out_write);
        let high = |number: i32| {
            let copy = descriptor::copy_above(number, 60).unwrap_or(number);
            if copy != number {
                descriptor::close(number);
            }
            copy
        };
        let (out_read, in_write) = (high(out_read), high(in_write));
        let ends = [out_read, in_write].map(|number| number.to_string().into_bytes());
        self.set_list(name, ends.to_vec())?;
        self.set_var(&[name.as_slice(), b"_PID"].concat(), pid.to_string())?;
        self.coproc = Some((name.clone(), out_read, in_write, pid));
        self.started(job_control.then_some(pid), &[pid], text);
        Ok(0)
    }
}
