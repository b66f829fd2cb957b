//! bc's language, run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use kit::Result;

use crate::decimal::Decimal;
use crate::output::Output;
use crate::radix;
use crate::tree::{Argument, Expr, Function, Literal, Local, Name, Operator, Place, Printed, Stmt};

/// Deepest calls: the stack of `bc::STACK` bytes holds them.
const DEEPEST: usize = 10_000;
/// Largest scale: more digits would take the memory.
const LARGEST_SCALE: u64 = 100_000_000;

/// End of the straight way.
pub enum Stop {
    Break,
    Continue,
    Return(Option<Decimal>),
    Halt,
    /// The item is given up.
    Wrong(String),
    /// Output failed.
    Failed(kit::Error),
}

impl From<String> for Stop {
    fn from(e: String) -> Self {
        Self::Wrong(e)
    }
}

impl From<kit::Error> for Stop {
    fn from(e: kit::Error) -> Self {
        Self::Failed(e)
    }
}

type Run<T> = std::result::Result<T, Stop>;
type Array = Rc<RefCell<HashMap<u64, Decimal>>>;

/// Value of a local variable before the call.
enum Saved {
    Variable(Name, Decimal),
    Array(Name, Array),
}

/// Machine.
pub struct Machine<'r> {
    pub out: Output,
    variables: Vec<Decimal>,
    arrays: Vec<Array>,
    functions: Vec<Option<Rc<Function>>>,
    pub scale: usize,
    ibase: u32,
    obase: u32,
    last: Decimal,
    depth: usize,
    /// The next line of standard input, for `read()`.
    read: &'r mut dyn FnMut() -> Result<Option<Vec<u8>>>,
}

impl<'r> Machine<'r> {
    pub fn new(read: &'r mut dyn FnMut() -> Result<Option<Vec<u8>>>) -> Self {
        Self {
            out: Output::new("BC_LINE_LENGTH", 2),
            variables: Vec::new(),
            arrays: Vec::new(),
            functions: Vec::new(),
            scale: 0,
            ibase: 10,
            obase: 10,
            last: Decimal::default(),
            depth: 0,
            read,
        }
    }

    /// Makes room for names.
    pub fn grow(&mut self, names: usize) {
        self.variables.resize(names, Decimal::default());
        self.arrays.resize_with(names, Array::default);
        self.functions.resize(names, None);
    }

    pub fn block(&mut self, statements: &[Stmt]) -> Run<()> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Stmt) -> Run<()> {
        match statement {
            Stmt::Expr(Expr::Call(name, arguments), true) => {
                let function = self.function(*name)?;
                let value = self.call(&function, arguments)?;
                if !function.void {
                    self.show(value)?;
                }
            }
            Stmt::Expr(e, shown) => {
                let value = self.eval(e)?;
                if *shown {
                    self.show(value)?;
                }
            }
            Stmt::Text(text) => self.out.text(text)?,
            Stmt::Print(parts) => {
                for part in parts {
                    match part {
                        Printed::Text(text) => self.out.text(text)?,
                        Printed::Value(e) => {
                            self.last = self.eval(e)?;
                            self.out.number(&radix::text(&self.last, self.obase))?;
                        }
                    }
                }
            }
            Stmt::If(test, yes, no) => {
                let block = if self.eval(test)?.is_zero() { no } else { yes };
                self.block(block)?;
            }
            Stmt::While(test, body, step) => self.repeat(test.as_ref(), body, step.as_ref())?,
            Stmt::Block(body) => self.block(body)?,
            Stmt::Break => return Err(Stop::Break),
            Stmt::Continue => return Err(Stop::Continue),
            Stmt::Return(value) => {
                let value = value.as_ref().map(|value| self.eval(value)).transpose()?;
                return Err(Stop::Return(value));
            }
            Stmt::Halt => return Err(Stop::Halt),
            Stmt::Define(function) => self.functions[function.name] = Some(Rc::clone(function)),
        }
        Ok(())
    }

    fn repeat(&mut self, test: Option<&Expr>, body: &[Stmt], then: Option<&Expr>) -> Run<()> {
        loop {
            if let Some(test) = test
                && self.eval(test)?.is_zero()
            {
                return Ok(());
            }
            match self.block(body) {
                Ok(()) | Err(Stop::Continue) => {}
                Err(Stop::Break) => return Ok(()),
                Err(stop) => return Err(stop),
            }
            if let Some(then) = then {
                self.eval(then)?;
            }
        }
    }

    fn show(&mut self, value: Decimal) -> Run<()> {
        self.out.number(&radix::text(&value, self.obase))?;
        self.out.newline()?;
        self.last = value;
        Ok(())
    }

    fn literal(&self, literal: &Literal) -> Decimal {
        if let Some((base, value)) = &*literal.known.borrow()
            && *base == self.ibase
        {
            return value.clone();
        }
        let value = radix::parse(&literal.digits, self.ibase);
        *literal.known.borrow_mut() = Some((self.ibase, value.clone()));
        value
    }

    fn eval(&mut self, e: &Expr) -> Run<Decimal> {
        Ok(match e {
            Expr::Number(literal) => self.literal(literal),
            Expr::Place(place) => {
                let at = self.index(place)?;
                self.get(place, at)
            }
            Expr::Assign(place, operator, value) => self.assign(place, *operator, value)?,
            Expr::Step(place, up, old) => {
                let at = self.index(place)?;
                let before = self.get(place, at);
                let one = Decimal::from(1);
                let after = if *up { before.add(&one) } else { before.subtract(&one) };
                self.set(place, at, after.clone())?;
                if *old { before } else { after }
            }
            Expr::Binary(operator, operands) => {
                let (left, right) = (self.eval(&operands[0])?, self.eval(&operands[1])?);
                self.calculate(*operator, &left, &right)?
            }
            Expr::And(operands) => Decimal::of(!self.eval(&operands[0])?.is_zero() && !self.eval(&operands[1])?.is_zero()),
            Expr::Or(operands) => Decimal::of(!self.eval(&operands[0])?.is_zero() || !self.eval(&operands[1])?.is_zero()),
            Expr::Not(e) => Decimal::of(self.eval(e)?.is_zero()),
            Expr::Negate(e) => self.eval(e)?.negated(),
            Expr::Call(name, arguments) => {
                let function = self.function(*name)?;
                if function.void {
                    return Err(Stop::Wrong("a void function has no value".into()));
                }
                self.call(&function, arguments)?
            }
            Expr::Length(argument) => match &**argument {
                Argument::Array(name) => Decimal::from(self.arrays[*name].borrow().keys().max().map_or(0, |last| last + 1)),
                Argument::Value(e) => Decimal::from(self.eval(e)?.length() as u64),
            },
            Expr::Root(e) => self.eval(e)?.root(self.scale)?,
            Expr::ScaleOf(e) => Decimal::from(self.eval(e)?.scale as u64),
            Expr::Read => self.read_number()?,
            Expr::Group(e) => self.eval(e)?,
        })
    }

    fn calculate(&self, operator: Operator, left: &Decimal, right: &Decimal) -> Run<Decimal> {
        Ok(match operator {
            Operator::Add => left.add(right),
            Operator::Subtract => left.subtract(right),
            Operator::Multiply => left.multiply(right, self.scale),
            Operator::Divide => left.divide(right, self.scale)?,
            Operator::Modulo => left.remainder(right, self.scale)?,
            Operator::Power => left.power(right, self.scale)?,
            Operator::Less => Decimal::of(left.compare(right).is_lt()),
            Operator::LessEqual => Decimal::of(left.compare(right).is_le()),
            Operator::Greater => Decimal::of(left.compare(right).is_gt()),
            Operator::GreaterEqual => Decimal::of(left.compare(right).is_ge()),
            Operator::Equal => Decimal::of(left.compare(right).is_eq()),
            Operator::NotEqual => Decimal::of(left.compare(right).is_ne()),
        })
    }

    fn assign(&mut self, place: &Place, operator: Option<Operator>, value: &Expr) -> Run<Decimal> {
        let at = self.index(place)?;
        let mut value = self.eval(value)?;
        if let Some(operator) = operator {
            value = self.calculate(operator, &self.get(place, at), &value)?;
        }
        self.set(place, at, value.clone())?;
        Ok(value)
    }

    /// The subscript of an element; 0 for all others.
    fn index(&mut self, place: &Place) -> Run<u64> {
        let Place::Element(_, index) = place else { return Ok(0) };
        let index = self.eval(index)?;
        index.to_u64().ok_or_else(|| Stop::Wrong("a subscript is negative or too large".into()))
    }

    fn get(&self, place: &Place, at: u64) -> Decimal {
        match place {
            Place::Variable(name) => self.variables[*name].clone(),
            Place::Element(name, _) => self.arrays[*name].borrow().get(&at).cloned().unwrap_or_default(),
            Place::Scale => Decimal::from(self.scale as u64),
            Place::Ibase => Decimal::from(self.ibase.into()),
            Place::Obase => Decimal::from(self.obase.into()),
            Place::Last => self.last.clone(),
        }
    }

    fn set(&mut self, place: &Place, at: u64, value: Decimal) -> Run<()> {
        let wrong = |what: &str| Stop::Wrong(format!("{what} can't have the value {}", radix::text(&value, 10)));
        let number = value.to_u64();
        match place {
            Place::Variable(name) => self.variables[*name] = value,
            Place::Element(name, _) => {
                self.arrays[*name].borrow_mut().insert(at, value);
            }
            Place::Scale => {
                self.scale = number.filter(|n| *n <= LARGEST_SCALE).ok_or_else(|| wrong("scale"))? as usize;
            }
            Place::Ibase => self.ibase = number.filter(|n| (2..=36).contains(n)).ok_or_else(|| wrong("ibase"))? as u32,
            Place::Obase => self.obase = number.filter(|n| (2..1_000_000_000).contains(n)).ok_or_else(|| wrong("obase"))? as u32,
            Place::Last => self.last = value,
        }
        Ok(())
    }

    fn read_number(&mut self) -> Run<Decimal> {
        self.out.flush()?;
        let Some(line) = (self.read)()? else { return Err(Stop::Wrong("there is no line to read".into())) };
        let text = line.trim_ascii();
        let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
        if digits.is_empty() || !digits.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase() || *c == b'.') {
            return Err(Stop::Wrong("the line that was read is no number".into()));
        }
        let value = radix::parse(digits, self.ibase);
        Ok(if negative { value.negated() } else { value })
    }

    fn function(&self, name: Name) -> Run<Rc<Function>> {
        self.functions[name].clone().ok_or_else(|| Stop::Wrong("a function is called that is not defined".into()))
    }

    fn call(&mut self, function: &Function, arguments: &[Argument]) -> Run<Decimal> {
        if arguments.len() != function.params.len() {
            return Err(Stop::Wrong(format!("a function takes {} arguments, not {}", function.params.len(), arguments.len())));
        }
        if self.depth >= DEEPEST {
            return Err(Stop::Wrong(format!("more than {DEEPEST} calls are open")));
        }
        let mut saved = Vec::with_capacity(arguments.len() + function.autos.len());
        for (param, argument) in function.params.iter().zip(arguments) {
            saved.push(self.value_for(param, argument)?);
        }
        // All arguments are worked out before the first parameter changes.
        for value in &mut saved {
            self.exchange(value);
        }
        for local in &function.autos {
            let mut value = fresh(local);
            self.exchange(&mut value);
            saved.push(value);
        }
        self.depth += 1;
        let result = self.block(&function.body);
        self.depth -= 1;
        for mut value in saved.into_iter().rev() {
            self.exchange(&mut value);
        }
        match result {
            Ok(()) | Err(Stop::Return(None)) => Ok(Decimal::default()),
            Err(Stop::Return(Some(value))) => Ok(value),
            Err(stop) => Err(stop),
        }
    }

    fn value_for(&mut self, param: &Local, argument: &Argument) -> Run<Saved> {
        match (param.array, argument) {
            (false, Argument::Value(e)) => Ok(Saved::Variable(param.name, self.eval(e)?)),
            (true, Argument::Array(name)) => {
                let array = &self.arrays[*name];
                let array = if param.shared { Rc::clone(array) } else { Rc::new(RefCell::new(array.borrow().clone())) };
                Ok(Saved::Array(param.name, array))
            }
            _ => Err(Stop::Wrong("an argument is an array and the parameter is not, or the reverse".into())),
        }
    }

    fn exchange(&mut self, value: &mut Saved) {
        match value {
            Saved::Variable(name, value) => std::mem::swap(&mut self.variables[*name], value),
            Saved::Array(name, array) => std::mem::swap(&mut self.arrays[*name], array),
        }
    }
}

fn fresh(local: &Local) -> Saved {
    if local.array { Saved::Array(local.name, Array::default()) } else { Saved::Variable(local.name, Decimal::default()) }
}
