//! Expressions. Three ways lead through them: to a value, to a number, and to a text behind another one, which saves making values.

use std::cmp::Ordering;
use std::rc::Rc;

use kit::Error;

use crate::exec::Flow;
use crate::machine::{DEEPEST, Machine, Run, special};
use crate::number;
use crate::tree::{Expr, Operator, Relation, Slot};
use crate::value::{Value, input_truth};

impl<'p> Machine<'p> {
    /// The value.
    pub fn eval(&mut self, e: &'p Expr) -> Run<Value> {
        Ok(match e {
            Expr::Num(n) => Value::Num(*n),
            Expr::Str(text) => Value::Str(Rc::clone(text)),
            Expr::Var(slot) => self.var(*slot)?,
            Expr::Field(at) => {
                let at = self.field_number(at)?;
                self.field(at)?
            }
            Expr::Index(array, key) => {
                let key = self.key(key)?;
                let value = self.array(*array)?.borrow_mut().get(&key);
                self.spare.push(key);
                value
            }
            Expr::Assign(parts) => {
                let [place, value] = &**parts;
                let value = match self.eval(value)? {
                    Value::Array(_) => return Err(Error::new("assign an array to a variable: it is none").into()),
                    value => value,
                };
                self.set(place, value.clone())?;
                value
            }
            Expr::Cond(parts) => {
                let [test, yes, no] = &**parts;
                return if self.truth(test)? { self.eval(yes) } else { self.eval(no) };
            }
            Expr::Concat(_) => {
                let mut text = self.take_spare();
                self.text(e, &mut text)?;
                let value = Value::text(&text);
                self.spare.push(text);
                value
            }
            Expr::Call(function, arguments) => self.call(*function, arguments)?,
            Expr::Builtin(function, arguments) => self.builtin(*function, arguments)?,
            Expr::Group(e) => return self.eval(e),
            Expr::List(_) => return Err(Error::new("a list in parentheses is no value").into()),
            _ => Value::Num(self.num(e)?),
        })
    }

    /// Works an expression out for what it does alone.
    pub fn ignore(&mut self, e: &'p Expr) -> Run<()> {
        match e {
            Expr::Assign(parts) => {
                let [place, value] = &**parts;
                let value = self.eval(value)?;
                self.set(place, value)
            }
            Expr::Step(..) | Expr::Update(..) => self.num(e).map(|_| ()),
            _ => self.eval(e).map(|_| ()),
        }
    }

    /// The number.
    pub fn num(&mut self, e: &'p Expr) -> Run<f64> {
        Ok(match e {
            Expr::Num(n) => *n,
            Expr::Var(Slot::Local(at)) => self.locals[self.frame + at].num(),
            Expr::Var(Slot::Global(at)) if *at > special::FNR => self.globals[*at].num(),
            Expr::Field(at) => {
                let at = self.field_number(at)?;
                if at > 0
                    && let Some(text) = self.record.slice(at)?
                {
                    return Ok(number::leading(text).0);
                }
                self.field(at)?.num()
            }
            Expr::Index(array, key) => {
                let key = self.key(key)?;
                let value = self.array(*array)?.borrow_mut().update(&key, |value| value.num());
                self.spare.push(key);
                value
            }
            Expr::Binary(operator, parts) => {
                let [left, right] = &**parts;
                let (left, right) = (self.num(left)?, self.num(right)?);
                calculate(*operator, left, right)?
            }
            Expr::Update(operator, parts) => {
                let [place, by] = &**parts;
                let by = self.num(by)?;
                self.change(place, |old| calculate(*operator, old, by))?.1
            }
            Expr::Step(place, by, old) => {
                let (before, after) = self.change(place, |old| Ok(old + by))?;
                if *old { before } else { after }
            }
            Expr::Neg(e) => -self.num(e)?,
            Expr::Plus(e) | Expr::Group(e) => self.num(e)?,
            Expr::Not(_) | Expr::And(_) | Expr::Or(_) | Expr::Compare(..) | Expr::Match(..) | Expr::In(..) | Expr::Regex(_) => {
                f64::from(self.truth(e)?)
            }
            Expr::Getline(source, from, place) => self.getline(*source, from.as_deref(), place.as_deref())?,
            _ => self.eval(e)?.num(),
        })
    }

    /// The condition.
    pub fn truth(&mut self, e: &'p Expr) -> Run<bool> {
        Ok(match e {
            Expr::Not(e) => !self.truth(e)?,
            Expr::And(parts) => self.truth(&parts[0])? && self.truth(&parts[1])?,
            Expr::Or(parts) => self.truth(&parts[0])? || self.truth(&parts[1])?,
            Expr::Group(e) => return self.truth(e),
            Expr::Regex(matcher) => matcher.is_match(self.record.text(&Self::joint(&self.ofs, &self.convfmt)))?,
            Expr::Match(parts, negated) => self.matches(parts)? != *negated,
            Expr::Compare(relation, parts) => {
                let [left, right] = &**parts;
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                holds(*relation, left.compare(&right, &self.convfmt))
            }
            Expr::In(array, key) => {
                let key = self.key(key)?;
                let found = self.array(*array)?.borrow().contains(&key);
                self.spare.push(key);
                found
            }
            Expr::Field(at) => {
                let at = self.field_number(at)?;
                if at > 0
                    && let Some(text) = self.record.slice(at)?
                {
                    return Ok(input_truth(text));
                }
                self.field(at)?.truth()
            }
            Expr::Var(_)
            | Expr::Index(..)
            | Expr::Str(_)
            | Expr::Assign(_)
            | Expr::Cond(_)
            | Expr::Concat(_)
            | Expr::Call(..)
            | Expr::Builtin(..) => self.eval(e)?.truth(),
            _ => self.num(e)? != 0.0,
        })
    }

    /// Appends the text.
    pub fn text(&mut self, e: &'p Expr, out: &mut Vec<u8>) -> Run<()> {
        match e {
            Expr::Str(text) => out.extend_from_slice(text),
            Expr::Var(Slot::Local(at)) => self.locals[self.frame + at].put(&self.convfmt, out),
            Expr::Var(Slot::Global(at)) if *at > special::FNR => self.globals[*at].put(&self.convfmt, out),
            Expr::Field(at) => {
                let at = self.field_number(at)?;
                if at == 0 {
                    out.extend_from_slice(self.record.text(&Self::joint(&self.ofs, &self.convfmt)));
                } else if let Some(text) = self.record.slice(at)? {
                    out.extend_from_slice(text);
                } else {
                    self.field(at)?.put(&self.convfmt, out);
                }
            }
            Expr::Concat(parts) => {
                for part in parts {
                    self.text(part, out)?;
                }
            }
            Expr::Group(e) => self.text(e, out)?,
            _ => {
                let value = self.eval(e)?;
                value.put(&self.convfmt, out);
            }
        }
        Ok(())
    }

    /// The subscript of an array.
    pub fn key(&mut self, parts: &'p [Expr]) -> Run<Vec<u8>> {
        let mut key = self.take_spare();
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                let subsep = Rc::clone(&self.subsep);
                key.extend_from_slice(&subsep);
            }
            self.text(part, &mut key)?;
        }
        Ok(key)
    }

    fn matches(&mut self, parts: &'p [Expr; 2]) -> Run<bool> {
        let [text, pattern] = parts;
        let matcher = self.matcher(pattern)?;
        if let Expr::Field(at) = text {
            let at = self.field_number(at)?;
            if at == 0 {
                return Ok(matcher.is_match(self.record.text(&Self::joint(&self.ofs, &self.convfmt)))?);
            }
            if let Some(text) = self.record.slice(at)? {
                return Ok(matcher.is_match(text)?);
            }
        }
        let mut buffer = self.take_spare();
        self.text(text, &mut buffer)?;
        let found = matcher.is_match(&buffer)?;
        self.spare.push(buffer);
        Ok(found)
    }

    fn field_number(&mut self, e: &'p Expr) -> Run<usize> {
        let at = self.num(e)?;
        if at < 0.0 || at.is_nan() {
            return Err(Error::new(format!("take the field {at}: there is none")).into());
        }
        Ok(at as usize)
    }

    pub fn field(&mut self, at: usize) -> Run<Value> {
        if at == 0 {
            return Ok(Value::input(self.record.text(&Self::joint(&self.ofs, &self.convfmt))));
        }
        Ok(self.record.field(at)?)
    }

    pub fn var(&mut self, slot: Slot) -> Run<Value> {
        Ok(match slot {
            Slot::Local(at) => self.locals[self.frame + at].clone(),
            Slot::Global(special::NF) => Value::Num(self.record.count()? as f64),
            Slot::Global(special::NR) => Value::Num(self.records),
            Slot::Global(special::FNR) => Value::Num(self.file_records),
            Slot::Global(at) => self.globals[at].clone(),
        })
    }

    /// Assigns to a variable, a field or an element.
    pub fn set(&mut self, place: &'p Expr, value: Value) -> Run<()> {
        match place {
            Expr::Var(slot) => self.set_var(*slot, value),
            Expr::Index(array, key) => {
                let key = self.key(key)?;
                self.array(*array)?.borrow_mut().set(&key, value);
                self.spare.push(key);
                Ok(())
            }
            Expr::Field(at) => {
                let at = self.field_number(at)?;
                if at > 0 {
                    return Ok(self.record.set_field(at, value)?);
                }
                let text = value.bytes(&self.convfmt);
                self.record.set_text(&text);
                Ok(())
            }
            _ => Err(Error::new("assign to what is no variable").into()),
        }
    }

    /// Changes a number in its place; returns the old one and the new one.
    fn change(&mut self, place: &'p Expr, by: impl FnOnce(f64) -> Run<f64>) -> Run<(f64, f64)> {
        let both = |value: &mut Value| -> Run<(f64, f64)> {
            let old = value.num();
            let new = by(old)?;
            *value = Value::Num(new);
            Ok((old, new))
        };
        match place {
            Expr::Var(Slot::Local(at)) => both(&mut self.locals[self.frame + at]),
            Expr::Var(Slot::Global(at)) if *at > special::FPAT => both(&mut self.globals[*at]),
            Expr::Index(array, key) => {
                let key = self.key(key)?;
                let result = self.array(*array)?.borrow_mut().update(&key, both);
                self.spare.push(key);
                result
            }
            Expr::Field(at) => {
                let at = self.field_number(at)?;
                let mut value = self.field(at)?;
                let result = both(&mut value)?;
                if at > 0 {
                    self.record.set_field(at, value)?;
                } else {
                    self.record.set_text(&value.bytes(&self.convfmt));
                }
                Ok(result)
            }
            _ => {
                let mut value = self.eval(place)?;
                let result = both(&mut value)?;
                self.set(place, value)?;
                Ok(result)
            }
        }
    }

    fn call(&mut self, function: usize, arguments: &'p [Expr]) -> Run<Value> {
        let base = self.locals.len();
        let frame = self.frame;
        let result = self.call_above(function, arguments);
        self.locals.truncate(base);
        self.frame = frame;
        result
    }

    fn call_above(&mut self, function: usize, arguments: &'p [Expr]) -> Run<Value> {
        let program = self.program;
        let function = &program.functions[function];
        if self.depth >= DEEPEST {
            return Err(Error::new(format!("call {}: more than {DEEPEST} calls are open", function.name)).into());
        }
        let base = self.locals.len();
        // Arguments beyond the parameters are worked out, and dropped.
        for (at, argument) in arguments.iter().enumerate() {
            let value = match argument {
                Expr::Var(slot) if function.arrays.get(at) == Some(&true) => Value::Array(self.array(*slot)?),
                _ => self.eval(argument)?,
            };
            self.locals.push(value);
        }
        self.locals.resize(base + function.params, Value::Unset);
        self.frame = base;
        self.depth += 1;
        let flow = self.block(&function.body);
        self.depth -= 1;
        Ok(if flow? == Flow::Return { std::mem::take(&mut self.returned) } else { Value::Unset })
    }
}

fn calculate(operator: Operator, left: f64, right: f64) -> Run<f64> {
    Ok(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide | Operator::Modulo if right == 0.0 => return Err(Error::new("divide by zero").into()),
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::Power => left.powf(right),
    })
}

fn holds(relation: Relation, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return relation == Relation::NotEqual };
    match relation {
        Relation::Less => order.is_lt(),
        Relation::LessEqual => order.is_le(),
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterEqual => order.is_ge(),
    }
}
