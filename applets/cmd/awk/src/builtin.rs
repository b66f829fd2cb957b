//! Functions of the language.

use std::cmp::Ordering;
use std::rc::Rc;

use kit::{Context, Error};

use crate::clock;
use crate::machine::{Machine, Run, special};
use crate::matcher::{Matcher, find_text};
use crate::record::Splitter;
use crate::text::{changed_case, char_count, substr};
use crate::tree::{Builtin, Expr, Slot};
use crate::value::{ArrayRef, Bytes, Value};

impl<'p> Machine<'p> {
    pub fn builtin(&mut self, function: Builtin, arguments: &'p [Expr]) -> Run<Value> {
        let number = match function {
            Builtin::Sub | Builtin::Gsub => return self.substitute(function == Builtin::Gsub, arguments),
            Builtin::Gensub => return self.gensub(arguments),
            Builtin::Match => self.match_function(arguments)?,
            Builtin::Split => self.split(arguments)?,
            Builtin::Asort | Builtin::Asorti => self.sort(function == Builtin::Asorti, arguments)?,
            Builtin::Length => self.length(arguments.first())?,
            Builtin::Sprintf => {
                let mut text = self.take_spare();
                self.sprintf(arguments, &mut text)?;
                let value = Value::text(&text);
                self.spare.push(text);
                return Ok(value);
            }
            Builtin::Substr => {
                let text = self.bytes(&arguments[0])?;
                let start = self.num(&arguments[1])?;
                let count = arguments.get(2).map(|count| self.num(count)).transpose()?;
                return Ok(Value::text(substr(&text, start, count)));
            }
            Builtin::Index => {
                let (text, part) = (self.bytes(&arguments[0])?, self.bytes(&arguments[1])?);
                find_text(&text, &part).map_or(0.0, |at| char_count(&text[..at]) as f64 + 1.0)
            }
            Builtin::Tolower | Builtin::Toupper => {
                let text = self.bytes(&arguments[0])?;
                return Ok(Value::Str(changed_case(&text, function == Builtin::Toupper).into()));
            }
            Builtin::Strftime => return self.strftime(arguments),
            Builtin::Mktime => {
                let text = self.bytes(&arguments[0])?;
                let utc = self.optional_truth(arguments.get(1))?;
                clock::seconds(&text, utc)
            }
            Builtin::Close | Builtin::Fflush | Builtin::System => self.outside(function, arguments)?,
            Builtin::Systime => clock::now() as f64,
            Builtin::Strtonum => strtonum(&self.eval(&arguments[0])?, &self.convfmt),
            _ => return self.calculation(function, arguments).map(Value::Num),
        };
        Ok(Value::Num(number))
    }

    fn calculation(&mut self, function: Builtin, arguments: &'p [Expr]) -> Run<f64> {
        let mut numbers = Vec::with_capacity(2);
        for argument in arguments {
            numbers.push(self.num(argument)?);
        }
        let first = numbers.first().copied().unwrap_or(0.0);
        let second = numbers.get(1).copied().unwrap_or(0.0);
        let bits = |n: f64| n as u64;
        let fold = |with: fn(u64, u64) -> u64| numbers.iter().skip(1).fold(bits(first), |all, n| with(all, bits(*n))) as f64;
        if matches!(function, Builtin::And | Builtin::Or | Builtin::Xor | Builtin::Compl | Builtin::Lshift | Builtin::Rshift)
            && numbers.iter().any(|n| *n < 0.0)
        {
            return Err(Error::new("work on the bits of a negative number").into());
        }
        Ok(match function {
            Builtin::Atan2 => first.atan2(second),
            Builtin::Cos => first.cos(),
            Builtin::Exp => first.exp(),
            Builtin::Int => first.trunc(),
            Builtin::Log => first.ln(),
            Builtin::Sin => first.sin(),
            Builtin::Sqrt => first.sqrt(),
            Builtin::Rand => self.random.next(),
            Builtin::Srand if arguments.is_empty() => self.random.seed(clock::now() as f64),
            Builtin::Srand => self.random.seed(first),
            Builtin::And => fold(|a, b| a & b),
            Builtin::Or => fold(|a, b| a | b),
            Builtin::Xor => fold(|a, b| a ^ b),
            // As many bits as a double holds.
            Builtin::Compl => (!bits(first) & ((1 << 53) - 1)) as f64,
            Builtin::Lshift => bits(first).checked_shl(second as u32).unwrap_or(0) as f64,
            _ => bits(first).checked_shr(second as u32).unwrap_or(0) as f64,
        })
    }

    /// An expression as a text of its own.
    pub fn bytes(&mut self, e: &'p Expr) -> Run<Bytes> {
        match self.eval(e)? {
            Value::Str(text) | Value::Input(text) => Ok(text),
            value => Ok(value.bytes(&self.convfmt)),
        }
    }

    /// An expression as a regular expression: one between slashes, or a text.
    pub fn matcher(&mut self, e: &'p Expr) -> Run<Rc<Matcher>> {
        match e {
            Expr::Regex(matcher) => Ok(Rc::clone(matcher)),
            Expr::Group(e) => self.matcher(e),
            Expr::Str(text) => self.matcher_of(text),
            _ => {
                let text = self.bytes(e)?;
                self.matcher_of(&text)
            }
        }
    }

    fn optional_truth(&mut self, e: Option<&'p Expr>) -> Run<bool> {
        e.map_or(Ok(false), |e| self.truth(e))
    }

    pub fn sprintf(&mut self, arguments: &'p [Expr], out: &mut Vec<u8>) -> Run<()> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.eval(argument)?);
        }
        if let Some((format, values)) = values.split_first() {
            crate::format::put(&format.bytes(&self.convfmt), values, &self.convfmt, out);
        }
        Ok(())
    }

    fn length(&mut self, argument: Option<&'p Expr>) -> Run<f64> {
        let count = match argument {
            None => char_count(self.record.text(&Self::joint(&self.ofs, &self.convfmt))),
            Some(Expr::Var(slot)) => match self.var(*slot)? {
                Value::Array(array) => array.borrow().len(),
                value => char_count(&value.bytes(&self.convfmt)),
            },
            Some(e) => {
                let mut text = self.take_spare();
                self.text(e, &mut text)?;
                let count = char_count(&text);
                self.spare.push(text);
                count
            }
        };
        Ok(count as f64)
    }

    /// The array that an argument names.
    pub fn array_argument(&mut self, e: &'p Expr) -> Run<ArrayRef> {
        match e {
            Expr::Var(slot) => self.array(*slot),
            _ => Err(Error::new("an argument is no array").into()),
        }
    }

    fn split(&mut self, arguments: &'p [Expr]) -> Run<f64> {
        let text = self.bytes(&arguments[0])?;
        let array = self.array_argument(&arguments[1])?;
        let splitter = match arguments.get(2) {
            None => self.record.splitter_now().clone(),
            Some(Expr::Regex(matcher)) => Splitter::Regex(Rc::clone(matcher)),
            Some(e) => match self.bytes(e)? {
                separator if separator.len() < 2 => Splitter::new(&separator)?,
                separator => Splitter::Regex(self.matcher_of(&separator)?),
            },
        };
        let mut spans = Vec::new();
        splitter.split(&text, false, &mut |span| spans.push(span))?;
        let count = array.borrow_mut().fill(spans.iter().map(|span| Value::input(&text[span.clone()])));
        if let Some(e) = arguments.get(3) {
            let separators = self.array_argument(e)?;
            separators.borrow_mut().fill(spans.windows(2).map(|pair| Value::text(&text[pair[0].end..pair[1].start])));
        }
        Ok(count as f64)
    }

    fn sort(&mut self, keys: bool, arguments: &'p [Expr]) -> Run<f64> {
        let from = self.array_argument(&arguments[0])?;
        let to = match arguments.get(1) {
            Some(e) => self.array_argument(e)?,
            None => Rc::clone(&from),
        };
        let mut values = if keys { from.borrow().keys().into_iter().map(Value::Str).collect() } else { from.borrow().values() };
        let rank = |value: &Value| u8::from(!value.is_numeric());
        values.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.compare(b, &self.convfmt).unwrap_or(Ordering::Equal)));
        let count = to.borrow_mut().fill(values.into_iter());
        Ok(count as f64)
    }

    fn strftime(&mut self, arguments: &'p [Expr]) -> Run<Value> {
        let format = match arguments.first() {
            Some(format) => self.bytes(format)?,
            None => (*b"%a %b %e %H:%M:%S %Z %Y").into(),
        };
        let seconds = match arguments.get(1) {
            Some(seconds) => self.num(seconds)? as i64,
            None => clock::now(),
        };
        let utc = self.optional_truth(arguments.get(2))?;
        Ok(Value::Str(clock::format(&format, seconds, utc)?.into()))
    }

    fn outside(&mut self, function: Builtin, arguments: &'p [Expr]) -> Run<f64> {
        let Some(name) = arguments.first() else {
            self.outputs.flush()?;
            return Ok(0.0);
        };
        let name = self.bytes(name)?;
        match function {
            Builtin::System => {
                self.outputs.flush()?;
                let status = crate::output::shell(&name).status().doing("start a shell")?;
                Ok(f64::from(crate::output::status(status)))
            }
            Builtin::Fflush if name.is_empty() => {
                self.outputs.flush()?;
                Ok(0.0)
            }
            Builtin::Fflush => Ok(if self.outputs.flush_one(&name)? { 0.0 } else { -1.0 }),
            _ => {
                let written = self.outputs.close(&name)?;
                let read = self.readers.remove(&*name).map(crate::input::Reader::close);
                Ok(f64::from(written.or(read).unwrap_or(-1)))
            }
        }
    }

    fn match_function(&mut self, arguments: &'p [Expr]) -> Run<f64> {
        let text = self.bytes(&arguments[0])?;
        let matcher = self.matcher(&arguments[1])?;
        let groups = match arguments.get(2) {
            Some(array) => {
                let array = self.array_argument(array)?;
                let groups = matcher.captures(&text, 0)?;
                self.fill_groups(&array, &text, groups.as_deref().unwrap_or_default());
                groups.and_then(|groups| groups.into_iter().next().flatten())
            }
            None => matcher.find(&text, 0)?,
        };
        let (start, length) = match groups {
            Some(found) => (char_count(&text[..found.start]) as f64 + 1.0, char_count(&text[found]) as f64),
            None => (0.0, -1.0),
        };
        self.set_var(Slot::Global(special::RSTART), Value::Num(start))?;
        self.set_var(Slot::Global(special::RLENGTH), Value::Num(length))?;
        Ok(start)
    }

    fn fill_groups(&self, array: &ArrayRef, text: &[u8], groups: &[Option<std::ops::Range<usize>>]) {
        let mut array = array.borrow_mut();
        array.clear();
        for (at, group) in groups.iter().enumerate() {
            let Some(span) = group else { continue };
            let mut key = at.to_string().into_bytes();
            array.set(&key, Value::input(&text[span.clone()]));
            key.extend_from_slice(&self.subsep);
            let len = key.len();
            key.extend_from_slice(b"start");
            array.set(&key, Value::Num(char_count(&text[..span.start]) as f64 + 1.0));
            key.truncate(len);
            key.extend_from_slice(b"length");
            array.set(&key, Value::Num(char_count(&text[span.clone()]) as f64));
        }
    }
}

/// A number, also in octal and hexadecimal.
fn strtonum(value: &Value, convfmt: &[u8]) -> f64 {
    if matches!(value, Value::Num(_)) {
        return value.num();
    }
    let text = value.bytes(convfmt);
    let (radix, digits) = match text.trim_ascii_start() {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if digits.iter().take_while(|c| c.is_ascii_digit()).count() > 0 && !digits.contains(&b'.') => {
            (8, digits)
        }
        _ => return value.num(),
    };
    let digits = digits.iter().map_while(|c| char::from(*c).to_digit(radix));
    digits.fold(0.0, |number, digit| number * f64::from(radix) + f64::from(digit))
}
