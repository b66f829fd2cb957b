//! Statements.

use std::rc::Rc;

use kit::Error;

use crate::machine::{Machine, Run, Stop, special};
use crate::tree::{Case, Expr, ForParts, Slot, Stmt, Target};
use crate::value::Value;

/// Control flow after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    On,
    Break,
    Continue,
    Return,
}

impl<'p> Machine<'p> {
    pub fn block(&mut self, statements: &'p [Stmt]) -> Run<Flow> {
        for statement in statements {
            let flow = self.statement(statement)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn statement(&mut self, statement: &'p Stmt) -> Run<Flow> {
        match statement {
            Stmt::Expr(e) => self.ignore(e)?,
            Stmt::Print(values, target) => self.print(values, target.as_ref())?,
            Stmt::Printf(values, target) => {
                let mut text = self.take_spare();
                self.sprintf(values, &mut text)?;
                self.put_out(&text, target.as_ref())?;
                self.spare.push(text);
            }
            Stmt::If(test, yes, no) => return if self.truth(test)? { self.block(yes) } else { self.block(no) },
            Stmt::While(test, body) => {
                while self.truth(test)? {
                    match self.block(body)? {
                        Flow::Break => break,
                        Flow::Return => return Ok(Flow::Return),
                        Flow::On | Flow::Continue => {}
                    }
                }
            }
            Stmt::Do(body, test) => loop {
                match self.block(body)? {
                    Flow::Break => break,
                    Flow::Return => return Ok(Flow::Return),
                    Flow::On | Flow::Continue => {}
                }
                if !self.truth(test)? {
                    break;
                }
            },
            Stmt::For(parts) => return self.for_loop(parts),
            Stmt::ForIn(key, array, body) => return self.for_in(*key, *array, body),
            Stmt::Switch(value, cases) => return self.switch(value, cases),
            Stmt::Block(body) => return self.block(body),
            Stmt::Delete(array, key) => self.delete(*array, key.as_deref())?,
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
            Stmt::Next => return Err(Stop::Next),
            Stmt::NextFile => return Err(Stop::NextFile),
            Stmt::Exit(status) => {
                if let Some(status) = status {
                    let status = self.num(status)?;
                    self.set_status(status as i32);
                }
                return Err(Stop::Exit);
            }
            Stmt::Return(value) => {
                self.returned = match value {
                    Some(value) => self.eval(value)?,
                    None => Value::Unset,
                };
                return Ok(Flow::Return);
            }
        }
        Ok(Flow::On)
    }

    fn for_loop(&mut self, parts: &'p ForParts) -> Run<Flow> {
        if let Some(first) = &parts.first {
            self.statement(first)?;
        }
        loop {
            if let Some(test) = &parts.test
                && !self.truth(test)?
            {
                return Ok(Flow::On);
            }
            match self.block(&parts.body)? {
                Flow::Break => return Ok(Flow::On),
                Flow::Return => return Ok(Flow::Return),
                Flow::On | Flow::Continue => {}
            }
            if let Some(step) = &parts.step {
                self.statement(step)?;
            }
        }
    }

    /// The keys are those at the start; what the body deletes is visited nevertheless, as in gawk.
    fn for_in(&mut self, key: Slot, array: Slot, body: &'p [Stmt]) -> Run<Flow> {
        let keys = self.array(array)?.borrow().keys();
        for found in keys {
            self.set_var(key, Value::Input(found))?;
            match self.block(body)? {
                Flow::Break => break,
                Flow::Return => return Ok(Flow::Return),
                Flow::On | Flow::Continue => {}
            }
        }
        Ok(Flow::On)
    }

    fn switch(&mut self, value: &'p Expr, cases: &'p [(Case, Vec<Stmt>)]) -> Run<Flow> {
        let value = self.eval(value)?;
        let mut start = None;
        for (at, (case, _)) in cases.iter().enumerate() {
            let Case::Value(case) = case else { continue };
            let fits = if let Expr::Regex(matcher) = case {
                matcher.is_match(&value.bytes(&self.convfmt))?
            } else {
                let case = self.eval(case)?;
                value.is_numeric() == case.is_numeric() && value.compare(&case, &self.convfmt) == Some(std::cmp::Ordering::Equal)
            };
            if fits {
                start = Some(at);
                break;
            }
        }
        let start = start.or_else(|| cases.iter().position(|(case, _)| matches!(case, Case::Default)));
        for (_, body) in cases.iter().skip(start.unwrap_or(cases.len())) {
            match self.block(body)? {
                Flow::On => {}
                Flow::Break => break,
                flow => return Ok(flow),
            }
        }
        Ok(Flow::On)
    }

    fn delete(&mut self, array: Slot, key: Option<&'p [Expr]>) -> Run<()> {
        let Some(key) = key else {
            self.array(array)?.borrow_mut().clear();
            return Ok(());
        };
        let key = self.key(key)?;
        self.array(array)?.borrow_mut().remove(&key);
        self.spare.push(key);
        Ok(())
    }

    pub fn print_record(&mut self) -> Run<()> {
        let mut text = self.take_spare();
        text.extend_from_slice(self.record.text(&Self::joint(&self.ofs, &self.convfmt)));
        text.extend_from_slice(&self.ors);
        self.outputs.write(&text)?;
        self.spare.push(text);
        Ok(())
    }

    fn print(&mut self, values: &'p [Expr], target: Option<&'p Target>) -> Run<()> {
        let mut text = self.take_spare();
        if values.is_empty() {
            text.extend_from_slice(self.record.text(&Self::joint(&self.ofs, &self.convfmt)));
        }
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                let ofs = Rc::clone(&self.ofs);
                text.extend_from_slice(&ofs);
            }
            self.put_printed(value, &mut text)?;
        }
        text.extend_from_slice(&self.ors);
        self.put_out(&text, target)?;
        self.spare.push(text);
        Ok(())
    }

    /// As [`Self::text`], but numbers have the form of OFMT.
    fn put_printed(&mut self, value: &'p Expr, out: &mut Vec<u8>) -> Run<()> {
        match value {
            Expr::Str(text) => out.extend_from_slice(text),
            Expr::Field(_) | Expr::Concat(_) => self.text(value, out)?,
            _ => {
                let value = self.eval(value)?;
                value.put(&self.ofmt, out);
            }
        }
        Ok(())
    }

    fn put_out(&mut self, text: &[u8], target: Option<&'p Target>) -> Run<()> {
        let Some(target) = target else { return Ok(self.outputs.write(text)?) };
        let mut name = self.take_spare();
        self.text(&target.name, &mut name)?;
        if name.is_empty() {
            return Err(Error::new("write to a file without a name").into());
        }
        self.outputs.write_to(target.kind, &name, text)?;
        self.spare.push(name);
        Ok(())
    }

    /// Sets a variable.
    pub fn set_var(&mut self, slot: Slot, value: Value) -> Run<()> {
        match slot {
            Slot::Global(at) if at <= special::FPAT => return self.set_global(at, value),
            Slot::Global(at) => self.globals[at] = value,
            Slot::Local(at) => {
                let at = self.frame + at;
                self.locals[at] = value;
            }
        }
        Ok(())
    }
}
