//! Simple commands: assignments, functions, builtins and programs.

use crate::ast::{Arg, Assign, AssignValue, Redirect, Simple};
use crate::builtins::{self, Builtin, Call};
use crate::redirect::{Failed, Saved};
use crate::shell::{Defined, Done, Flow, Shell};
use crate::trap::DEBUG;

/// Meanings of a name.
pub enum Found {
    /// A function.
    Function(Defined),
    /// A builtin.
    Builtin(&'static Builtin),
    /// A program.
    Program,
}

impl Shell {
    /// Runs a simple command.
    pub(super) fn simple(&mut self, simple: &Simple, redirects: &[Redirect], last: bool, text: &[u8]) -> Done {
        if self.traps.busy.is_empty() {
            self.command_text.clear();
            self.command_text.extend_from_slice(&simple.text);
        }
        self.run_condition(DEBUG)?;
        self.substituted = None;
        let mut call = self.expand_call(simple)?;
        if call.words.is_empty() {
            return self.assignments_alone(simple, redirects);
        }
        if self.set.xtrace {
            self.trace_words(&simple.assigns, &call.words)?;
        }
        let name = call.words[0].clone();
        let last_word = call.words.last().cloned().unwrap_or_default();
        call.last = last;
        let found = self.find(&name, false);
        let done = match found {
            Found::Function(function) => self.call_function(simple, redirects, &function, call),
            Found::Builtin(builtin) => self.call_builtin(simple, redirects, builtin, &call),
            Found::Program => {
                let text = if text.is_empty() { &simple.text } else { text };
                self.call_program(simple, redirects, &call, last, text)
            }
        };
        self.last_arg = last_word;
        done
    }

    /// Expands the words of a command.
    fn expand_call(&mut self, simple: &Simple) -> Result<Call, Flow> {
        let mut call = Call::default();
        for arg in &simple.words {
            match arg {
                Arg::Word(word) => self.expand_word(word, &mut call.words)?,
                Arg::Assign(assign) => {
                    if let (AssignValue::Word(word), None) = (&assign.value, &assign.index) {
                        let value = self.expand_assigned(word)?;
                        let sign: &[u8] = if assign.append { b"+=" } else { b"=" };
                        call.words.push([&assign.name, sign, &value].concat());
                    } else {
                        call.assigns.push((call.words.len(), assign.clone()));
                        call.words.push(assign.name.clone());
                    }
                }
            }
        }
        Ok(call)
    }

    /// A command without a name: its assignments stay.
    fn assignments_alone(&mut self, simple: &Simple, redirects: &[Redirect]) -> Done {
        let before = self.processes.len();
        let mut saved = Saved::default();
        let redirected = self.redirect(redirects, Some(&mut saved));
        saved.restore();
        self.close_processes(before);
        match redirected {
            Ok(()) => {}
            Err(Failed::Said) => return Ok(1),
            Err(Failed::Out(flow)) => return Err(flow),
        }
        for assign in &simple.assigns {
            self.assign(assign)?;
            if self.set.xtrace {
                self.trace_assignment(assign)?;
            }
        }
        Ok(self.substituted.take().unwrap_or(0))
    }

    /// Meaning of a name. Special builtins come before functions by POSIX' rules.
    pub fn find(&self, name: &[u8], no_functions: bool) -> Found {
        let builtin = builtins::find(name).filter(|_| !self.disabled.iter().any(|off| off == name));
        if let Some(builtin) = builtin.filter(|builtin| builtin.special && self.posix()) {
            return Found::Builtin(builtin);
        }
        if let Some(function) = self.functions.get(name).filter(|_| !no_functions) {
            return Found::Function(function.clone());
        }
        builtin.map_or(Found::Program, Found::Builtin)
    }

    /// Sets the variables in front of a command, for its time. They are exported.
    pub(super) fn assign_for_call(&mut self, assigns: &[Assign]) -> Result<(), Flow> {
        for assign in assigns {
            let (name, _) = self.resolve(&assign.name);
            self.check_writable(&name)?;
            self.vars.hide(&name);
            self.assign(assign)?;
            self.vars.entry(&name).export = true;
        }
        Ok(())
    }

    /// Ends the time of the variables in front of a command.
    pub(super) fn end_scope(&mut self) {
        for name in self.vars.pop_scope() {
            if name != b"OPTIND" {
                self.changed(&name);
            }
        }
    }

    fn call_builtin(&mut self, simple: &Simple, redirects: &[Redirect], builtin: &'static Builtin, call: &Call) -> Done {
        let special = builtin.special && self.posix();
        let stays = Self::keeps_redirections(builtin, call);
        let mut saved = Saved::default();
        let redirected = self.redirect(redirects, Some(&mut saved));
        match redirected {
            Ok(()) => {}
            Err(failed) => {
                saved.restore();
                return match failed {
                    Failed::Out(flow) => Err(flow),
                    Failed::Said if special && !self.interactive => Err(Flow::Exit(1)),
                    Failed::Said => Ok(1),
                };
            }
        }
        let scoped = !simple.assigns.is_empty() && !special;
        if scoped {
            self.vars.push_scope();
        }
        let assigned = if scoped {
            self.assign_for_call(&simple.assigns)
        } else {
            simple.assigns.iter().try_for_each(|assign| self.assign(assign))
        };
        let done = match assigned {
            Ok(()) => (builtin.run)(self, call),
            Err(flow) => Err(flow),
        };
        if scoped {
            self.end_scope();
        }
        if stays {
            saved.drop_copies();
        } else {
            saved.restore();
        }
        done
    }
}
