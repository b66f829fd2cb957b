//! Variables: arrays, those with a meaning, and assignments among the arguments.

use std::rc::Rc;

use kit::Error;

use crate::input::Separator;
use crate::machine::{Machine, Run, special};
use crate::record::Splitter;
use crate::tree::Slot;
use crate::value::{ArrayRef, Value};

impl Machine<'_> {
    /// The array of a variable that has no value of another kind.
    pub fn array(&mut self, slot: Slot) -> Run<ArrayRef> {
        let place = match slot {
            Slot::Global(at) => &mut self.globals[at],
            Slot::Local(at) => &mut self.locals[self.frame + at],
        };
        match place {
            Value::Array(array) => Ok(Rc::clone(array)),
            Value::Unset => {
                let array = ArrayRef::default();
                *place = Value::Array(Rc::clone(&array));
                Ok(array)
            }
            _ => Err(Error::new("use a variable as an array: it has a value already").into()),
        }
    }

    /// `NAME=VALUE` as an argument or behind `-v`; false if it is none.
    pub fn assign_argument(&mut self, text: &[u8]) -> Run<bool> {
        let Some(at) = memchr::memchr(b'=', text) else { return Ok(false) };
        let (name, value) = (&text[..at], &text[at + 1..]);
        let letter = |c: &u8| c.is_ascii_alphabetic() || *c == b'_';
        if !name.first().is_some_and(letter) || !name.iter().all(|c| letter(c) || c.is_ascii_digit()) {
            return Ok(false);
        }
        let mut plain = Vec::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            plain.extend_from_slice(&rest[..at]);
            let used = crate::escape::unescape(&rest[at..], &mut plain);
            rest = &rest[at + used..];
        }
        plain.extend_from_slice(rest);
        let known = self.program.globals.iter().position(|global| global.as_bytes() == name);
        // A variable that the program never names needs no value.
        if let Some(global) = known {
            self.set_global(global, Value::input(&plain))?;
        }
        Ok(true)
    }

    /// Sets a global variable, and what hangs on it.
    pub fn set_global(&mut self, at: usize, value: Value) -> Run<()> {
        if at > special::FPAT {
            self.globals[at] = value;
            return Ok(());
        }
        match at {
            special::NF => {
                let count = value.num();
                if count < 0.0 {
                    return Err(Error::new("set NF: it is negative").into());
                }
                self.record.set_count(count as usize)?;
                return Ok(());
            }
            special::NR => self.records = value.num(),
            special::FNR => self.file_records = value.num(),
            special::FS => self.record.next_splitter = Some(Splitter::new(&value.bytes(&self.convfmt))?),
            special::FPAT => {
                let matcher = self.matcher_of(&value.bytes(&self.convfmt))?;
                self.record.next_splitter = Some(Splitter::Contents(matcher));
            }
            special::OFS => self.ofs = value.bytes(&self.convfmt),
            special::ORS => self.ors = value.bytes(&self.convfmt),
            special::SUBSEP => self.subsep = value.bytes(&self.convfmt),
            special::CONVFMT => self.convfmt = value.bytes(&self.convfmt),
            special::OFMT => self.ofmt = value.bytes(&self.convfmt),
            _ => {
                self.separator = Separator::new(&value.bytes(&self.convfmt))?;
                self.record.lines = matches!(self.separator, Separator::Paragraph);
            }
        }
        self.globals[at] = value;
        Ok(())
    }
}
