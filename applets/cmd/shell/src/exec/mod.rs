//! Execution of commands: lists, pipelines, and what surrounds each command.

mod background;
mod compound;
mod condition;
mod fork;
mod function;
mod loops;
pub mod program;
mod simple;
pub mod stack;
mod trace;

use std::time::Instant;

use crate::ast::{Command, Item, Kind, List, Pipeline};
use crate::parse::{Parser, Wrong};
use crate::redirect::{Failed, Saved};
use crate::shell::{Done, Flow, Shell};
use crate::trap::ERR;
pub use program::NOT_FOUND;

/// Calls inside one another, where FUNCNEST says nothing.
const DEEPEST: u32 = 10_000;

impl Shell {
    /// Runs a text as `eval` does.
    pub fn run_text(&mut self, text: &[u8], line: u32) -> Done {
        let settings = std::rc::Rc::clone(&self.settings);
        let mut parser = Parser::of_text(text, &settings, line);
        self.level += 1;
        let done = self.run_parser(&mut parser);
        self.level -= 1;
        done
    }

    /// Runs all commands that a parser gives.
    pub fn run_parser(&mut self, parser: &mut Parser) -> Done {
        self.depth += 1;
        let done = self.run_commands(parser);
        self.depth -= 1;
        done
    }

    fn run_commands(&mut self, parser: &mut Parser) -> Done {
        if self.depth > DEEPEST {
            return self.fail("commands call themselves too deep");
        }
        let mut status = 0;
        loop {
            match parser.next_command() {
                Ok(Some(items)) => status = self.items(&items, false)?,
                Ok(None) => return Ok(status),
                Err(wrong) => {
                    self.syntax_error(&wrong);
                    return Err(Flow::Fail(2));
                }
            }
        }
    }

    /// Says what is wrong with a text.
    pub fn syntax_error(&mut self, wrong: &Wrong) {
        let line = std::mem::replace(&mut self.line, wrong.line);
        self.complain(None, &wrong.message);
        self.line = line;
    }

    /// Runs a list. `last` when the process ends with it, so that a program may take its place.
    pub fn list(&mut self, list: &List, last: bool) -> Done {
        self.items(&list.items, last)
    }

    /// Runs and-or lists one after another.
    pub fn items(&mut self, items: &[Item], last: bool) -> Done {
        let mut status = 0;
        for (number, item) in items.iter().enumerate() {
            if self.set.noexec && !self.interactive {
                break;
            }
            let last = last && number + 1 == items.len();
            status = if item.background { self.background(item)? } else { self.and_or(item, last)? };
            self.status = status;
            self.run_traps()?;
        }
        Ok(status)
    }

    /// Runs an and-or list.
    pub fn and_or(&mut self, item: &Item, last: bool) -> Done {
        let count = item.rest.len();
        let mut status = self.guarded(&item.first, count > 0, last && count == 0, &item.text)?;
        for (number, (and, pipeline)) in item.rest.iter().enumerate() {
            if (status == 0) != *and {
                continue;
            }
            let end = number + 1 == count;
            status = self.guarded(pipeline, !end, last && end, &item.text)?;
        }
        Ok(status)
    }

    /// Runs a pipeline; in a condition its failure is no reason to leave.
    fn guarded(&mut self, pipeline: &Pipeline, condition: bool, last: bool, text: &[u8]) -> Done {
        let condition = u32::from(condition || pipeline.negated);
        self.conditional += condition;
        let done = self.timed(pipeline, last && condition == 0, text);
        self.conditional -= condition;
        let status = done?;
        self.status = status;
        if status != 0 && self.conditional == 0 && condition == 0 && can_fail(pipeline) {
            self.run_condition(ERR)?;
            if self.set.errexit {
                return Err(Flow::Exit(status));
            }
        }
        if pipeline.negated {
            self.status = i32::from(status == 0);
            return Ok(self.status);
        }
        Ok(status)
    }

    fn timed(&mut self, pipeline: &Pipeline, last: bool, text: &[u8]) -> Done {
        let Some(posix) = pipeline.timed else { return self.pipeline(pipeline, last, text) };
        let (start, before) = (Instant::now(), trace::processor_times());
        let done = self.pipeline(pipeline, false, text);
        self.tell_times(posix, start.elapsed(), before);
        done
    }

    fn pipeline(&mut self, pipeline: &Pipeline, last: bool, text: &[u8]) -> Done {
        match pipeline.commands.as_slice() {
            [] => Ok(0),
            [command] => self.command(command, last, text),
            commands => self.joined(commands, text),
        }
    }

    /// Runs a command.
    pub fn command(&mut self, command: &Command, last: bool, text: &[u8]) -> Done {
        if self.stack.is_used_up() {
            return self.fail("maximum nesting level exceeded");
        }
        self.run_traps()?;
        self.line = command.line;
        if let Kind::Simple(simple) = &command.kind {
            let before = self.processes.len();
            let done = self.simple(simple, &command.redirects, last, text);
            self.close_processes(before);
            if let Ok(status) = done {
                self.pipe_status = vec![status];
            }
            return done;
        }
        if command.redirects.is_empty() {
            return self.compound(&command.kind, last, text);
        }
        let before = self.processes.len();
        let mut saved = Saved::default();
        let done = match self.redirect(&command.redirects, Some(&mut saved)) {
            Ok(()) => self.compound(&command.kind, last, text),
            Err(Failed::Said) => Ok(1),
            Err(Failed::Out(flow)) => Err(flow),
        };
        saved.restore();
        self.close_processes(before);
        done
    }
}

/// True for pipelines whose failure `set -e` looks at: of a group that is what stands in it.
fn can_fail(pipeline: &Pipeline) -> bool {
    match pipeline.commands.as_slice() {
        [command] => {
            let kind = &command.kind;
            matches!(kind, Kind::Simple(_) | Kind::Subshell(_) | Kind::Arith(_) | Kind::Test(_)) || !command.redirects.is_empty()
        }
        commands => !commands.is_empty(),
    }
}
