//! Compound commands.

use std::rc::Rc;

use super::fork::Place;
use crate::ast::{CaseEnd, CaseItem, Kind, List, Word};
use crate::shell::{Defined, Done, Flow, Shell, shown};

impl Shell {
    /// Runs a compound command, its redirections made.
    pub(super) fn compound(&mut self, kind: &Kind, last: bool, text: &[u8]) -> Done {
        match kind {
            Kind::Simple(simple) => self.simple(simple, &[], last, text),
            Kind::Brace(list) => self.list(list, last),
            Kind::Subshell(list) => self.subshell(list, last, text),
            Kind::If(branches, other) => self.conditions(branches, other.as_ref(), last),
            Kind::While(until, condition, body) => self.while_loop(*until, condition, body),
            Kind::For(name, words, body) => self.for_loop(name, words.as_deref(), body),
            Kind::ArithFor(parts, body) => self.arith_loop(parts, body),
            Kind::Select(name, words, body) => self.select(name, words.as_deref(), body),
            Kind::Case(word, items) => self.case(word, items, last),
            Kind::Function(name, function) => {
                if self.functions.get(name).is_some_and(|old| old.readonly) {
                    self.complain(None, format!("{}: readonly function", shown(name)));
                    return Ok(1);
                }
                let source = self.frames.last().map_or_else(|| self.name.clone(), |f| f.source.clone());
                let function = Rc::clone(function);
                let defined = Defined { function, source, export: false, readonly: false };
                self.functions.insert(name.clone(), defined);
                Ok(0)
            }
            Kind::Arith(word) => self.arith_command(word),
            Kind::Test(test) => {
                self.run_condition(crate::trap::DEBUG)?;
                self.test(test).map(|found| i32::from(!found))
            }
            Kind::Coproc(name, command) => self.coprocess(name, command, text),
        }
    }

    fn arith_command(&mut self, word: &Word) -> Done {
        self.run_condition(crate::trap::DEBUG)?;
        let text = self.arith_word(word)?;
        if self.set.xtrace {
            self.trace_line(&[b"(( ", text.as_slice(), b" ))"].concat())?;
        }
        Ok(match self.arith_checked(&text)? {
            Some(value) => i32::from(value == 0),
            None => 1,
        })
    }

    fn subshell(&mut self, list: &List, last: bool, text: &[u8]) -> Done {
        let place = Place { group: self.terminal.map(|_| 0), foreground: true };
        if last && self.terminal.is_none() && !self.has_traps() && self.subshell > 0 {
            self.subshell += 1;
            return Err(Flow::Exit(match self.list(list, true) {
                Ok(status) => status,
                Err(Flow::Break(_) | Flow::Continue(_)) => self.status,
                other => return other,
            }));
        }
        let pid = self.fork_at(place, |shell| shell.list(list, true))?;
        let group = self.terminal.map(|_| pid);
        let status = self.wait_foreground(&[pid], group, text).pop().unwrap_or(0);
        if status == 130 && self.interactive {
            return Err(Flow::Interrupt);
        }
        Ok(status)
    }

    fn conditions(&mut self, branches: &[(List, List)], other: Option<&List>, last: bool) -> Done {
        for (condition, body) in branches {
            if self.condition(condition)? {
                return self.list(body, last);
            }
        }
        match other {
            Some(body) => self.list(body, last),
            None => Ok(0),
        }
    }

    /// Runs a list as a condition.
    pub(super) fn condition(&mut self, list: &List) -> Result<bool, Flow> {
        self.conditional += 1;
        let done = self.list(list, false);
        self.conditional -= 1;
        Ok(done? == 0)
    }

    fn case(&mut self, word: &Word, items: &[CaseItem], last: bool) -> Done {
        let text = self.expand_text(word)?;
        self.substituted = None;
        if self.set.xtrace {
            self.trace_line(&[b"case ", text.as_slice(), b" in"].concat())?;
        }
        let mut status = 0;
        let mut falls = false;
        for item in items {
            if !falls && !self.fits(item, &text)? {
                continue;
            }
            let end = item.end == CaseEnd::Leave;
            if item.body.items.is_empty() {
                status = 0;
                self.status = 0;
            } else {
                status = self.list(&item.body, last && end)?;
            }
            match item.end {
                CaseEnd::Leave => break,
                CaseEnd::FallThrough => falls = true,
                CaseEnd::TestNext => falls = false,
            }
        }
        Ok(status)
    }

    fn fits(&mut self, item: &CaseItem, text: &[u8]) -> Result<bool, Flow> {
        for pattern in &item.patterns {
            if self.expand_pattern(pattern)?.matches(text) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
