//! Traps: commands that run on a signal, at the end, and around commands.

use std::collections::BTreeMap;

use sys::disposition::{self, Effect};

use crate::ast::Bytes;
use crate::shell::{Done, Flow, Shell};

/// `trap … EXIT`
pub const EXIT: i32 = 0;
/// `trap … ERR`
pub const ERR: i32 = -1;
/// `trap … DEBUG`
pub const DEBUG: i32 = -2;
/// `trap … RETURN`
pub const RETURN: i32 = -3;
/// Signal of Ctrl-C.
pub const SIGINT: i32 = 2;
/// Signal that tells of a child.
pub const SIGCHLD: i32 = 17;

/// A trap: commands; none of them ignores the signal.
#[derive(Debug, Clone)]
pub struct Action {
    /// The commands.
    pub text: Bytes,
    /// Number of functions around the place where it was set.
    pub depth: usize,
}

/// All traps.
#[derive(Debug, Default)]
pub struct Traps {
    /// By signal.
    pub actions: BTreeMap<i32, Action>,
    /// Those of the shell that this one was forked from, which `trap` shows.
    pub inherited: Option<BTreeMap<i32, Action>>,
    /// Signals that were ignored when the shell began: they can't be trapped.
    pub fixed: BTreeMap<i32, bool>,
    /// Status before each trap that runs, and the calls around it: `exit` and `return` in it give that.
    pub entered: Vec<(i32, usize)>,
    /// Traps that run: none runs inside itself.
    pub busy: Vec<i32>,
}

/// Number of a signal or a condition.
pub fn number(name: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(name).ok()?;
    let upper = text.to_ascii_uppercase();
    match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "EXIT" | "0" => Some(EXIT),
        "ERR" => Some(ERR),
        "DEBUG" => Some(DEBUG),
        "RETURN" => Some(RETURN),
        _ => kit::signal::number(text).ok(),
    }
}

/// Name of a signal or a condition.
pub fn name(number: i32) -> String {
    match number {
        EXIT => "EXIT".into(),
        ERR => "ERR".into(),
        DEBUG => "DEBUG".into(),
        RETURN => "RETURN".into(),
        _ => kit::signal::name(number).replace("PLUS", "+").replace("MINUS", "-"),
    }
}

impl Shell {
    /// Sets a trap; none takes it away.
    pub fn set_trap(&mut self, number: i32, text: Option<Bytes>) {
        self.traps.inherited = None;
        if number > 0 && !self.interactive {
            let fixed = self.traps.fixed.entry(number).or_insert_with(|| disposition::is_ignored(number));
            if *fixed {
                return;
            }
        }
        if let Some(text) = text {
            let effect = if text.is_empty() { Effect::Ignore } else { Effect::Note };
            let depth = self.function_depth();
            self.traps.actions.insert(number, Action { text, depth });
            if number > 0 {
                disposition::set(number, effect);
            }
        } else {
            self.traps.actions.remove(&number);
            if number > 0 {
                disposition::set(number, self.usual_effect(number));
            }
        }
    }

    /// Effect of a signal without a trap.
    pub fn usual_effect(&self, number: i32) -> Effect {
        const SIGQUIT: i32 = 3;
        const SIGTERM: i32 = 15;
        const STOPS: [i32; 3] = [20, 21, 22];
        match number {
            SIGINT if self.interactive => Effect::Note,
            SIGQUIT | SIGTERM if self.interactive => Effect::Ignore,
            _ if STOPS.contains(&number) && self.terminal.is_some() => Effect::Ignore,
            _ => Effect::Default,
        }
    }

    /// Takes the traps away in a forked shell; ignored signals stay so.
    pub fn traps_in_fork(&mut self) {
        if self.traps.inherited.is_none() {
            self.traps.inherited = Some(self.traps.actions.clone());
        }
        let numbers: Vec<i32> = self.traps.actions.keys().copied().collect();
        for number in numbers {
            let ignored = self.traps.actions.get(&number).is_some_and(|action| action.text.is_empty());
            if number > 0 && ignored {
                continue;
            }
            let kept = match number {
                ERR => self.set.errtrace,
                DEBUG | RETURN => self.set.functrace,
                _ => false,
            };
            if kept {
                continue;
            }
            self.traps.actions.remove(&number);
            if number > 0 {
                disposition::set(number, Effect::Default);
            }
        }
        self.traps.entered.clear();
        disposition::take();
    }

    /// True when a trap needs the shell to be there after a command.
    pub fn has_traps(&self) -> bool {
        self.traps.actions.values().any(|action| !action.text.is_empty())
    }

    /// Runs the traps of the signals that came.
    pub fn run_traps(&mut self) -> Result<(), Flow> {
        if !disposition::any() {
            return Ok(());
        }
        for number in disposition::take() {
            match self.traps.actions.get(&number).map(|action| action.text.clone()) {
                Some(text) if !text.is_empty() => self.run_trap(number, &text)?,
                None if number == SIGINT && self.interactive => return Err(Flow::Interrupt),
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs one trap; the status stays as it was.
    pub fn run_trap(&mut self, number: i32, text: &[u8]) -> Result<(), Flow> {
        if self.traps.busy.contains(&number) {
            return Ok(());
        }
        let (status, pipes, line) = (self.status, self.pipe_status.clone(), self.line);
        self.traps.entered.push((status, self.frames.len()));
        self.traps.busy.push(number);
        let done = self.run_text(text, line.max(1));
        self.traps.busy.pop();
        self.traps.entered.pop();
        self.line = line;
        match done {
            Ok(_) => {
                self.status = status;
                self.pipe_status = pipes;
                Ok(())
            }
            Err(flow) => Err(flow),
        }
    }

    /// Runs the trap of a condition, if it counts here.
    pub fn run_condition(&mut self, number: i32) -> Result<(), Flow> {
        if self.traps.actions.is_empty() {
            return Ok(());
        }
        let Some(action) = self.traps.actions.get(&number) else { return Ok(()) };
        let inherits = if number == ERR { self.set.errtrace } else { self.set.functrace };
        let here = self.function_depth() <= action.depth;
        if action.text.is_empty() || !(inherits || here) {
            return Ok(());
        }
        let text = action.text.clone();
        self.run_trap(number, &text)
    }

    /// Number of functions that are under way.
    pub fn function_depth(&self) -> usize {
        self.frames.iter().filter(|frame| frame.function).count()
    }

    /// The end of a shell: the trap EXIT, and the status.
    pub fn finish(&mut self, done: Done) -> i32 {
        let mut status = self.status_of(done);
        self.status = status;
        // A signal that came during the last command.
        if let Err(Flow::Exit(other) | Flow::Return(other)) = self.run_traps() {
            status = other;
            self.status = other;
        }
        if let Some(action) = self.traps.actions.remove(&EXIT) {
            self.traps.busy.clear();
            self.traps.entered.clear();
            if let Err(flow) = self.run_trap(EXIT, &action.text) {
                status = self.status_of(Err(flow));
            }
        }
        status
    }

    /// Status that a way out stands for.
    pub fn status_of(&self, done: Done) -> i32 {
        match done {
            Ok(status) | Err(Flow::Exit(status) | Flow::Return(status) | Flow::Fail(status)) => status,
            Err(Flow::Break(_) | Flow::Continue(_)) => self.status,
            Err(Flow::Interrupt) => crate::shell::SIGNALLED + SIGINT,
        }
    }
}
