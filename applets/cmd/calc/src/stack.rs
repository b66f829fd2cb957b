//! Commands of dc: the stack, calculation, registers.

use kit::Result;

use crate::dc::{LARGEST_SCALE, Machine, Run, Trouble, Value};
use crate::decimal::{Calculated, Decimal};
use crate::natural;
use crate::radix;

impl Machine {
    pub fn number(&mut self, first: u8) {
        let negative = first == b'_';
        let mut digits = Vec::new();
        if !negative {
            digits.push(first);
        }
        while let Some(c) = self.peek() {
            let fits = matches!(c, b'0'..=b'9' | b'A'..=b'F') || (c == b'.' && !digits.contains(&b'.'));
            if !fits {
                break;
            }
            digits.push(c);
            self.next();
        }
        let value = radix::parse(&digits, self.ibase);
        self.push(if negative { value.negated() } else { value });
    }

    pub fn text(&mut self) -> Run<()> {
        let (mut text, mut depth) = (Vec::new(), 1);
        while let Some(c) = self.next() {
            match c {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.stack.push(Value::Text(text.into()));
                return Ok(());
            }
            text.push(c);
        }
        Err(Trouble::Wrong("a text has no ]".into()))
    }

    pub fn push(&mut self, number: Decimal) {
        self.stack.push(Value::Number(number));
    }

    pub fn pop(&mut self) -> Run<Value> {
        self.stack.pop().ok_or_else(|| Trouble::Wrong("the stack is empty".into()))
    }

    pub fn pop_number(&mut self) -> Run<Decimal> {
        match self.pop()? {
            Value::Number(number) => Ok(number),
            text @ Value::Text(_) => {
                self.stack.push(text);
                Err(Trouble::Wrong("a number is expected, not a text".into()))
            }
        }
    }

    /// The two at the top, the lower one first; none is lost when one is missing.
    pub fn operands(&mut self) -> Run<(Decimal, Decimal)> {
        let b = self.pop_number()?;
        match self.pop_number() {
            Ok(a) => Ok((a, b)),
            Err(e) => {
                self.push(b);
                Err(e)
            }
        }
    }

    pub fn calculate(&mut self, c: u8) -> Run<()> {
        let (a, b) = self.operands()?;
        let result: Calculated = match c {
            b'+' => Ok(a.add(&b)),
            b'-' => Ok(a.subtract(&b)),
            b'*' => Ok(a.multiply(&b, self.scale)),
            b'/' => a.divide(&b, self.scale),
            b'%' => a.remainder(&b, self.scale),
            // GNU's dc takes this for zero, its bc for an error.
            _ if a.is_zero() && b.negative => Ok(a.clone()),
            _ => a.power(&b, self.scale),
        };
        match result {
            Ok(number) => self.push(number),
            Err(e) => {
                self.push(a);
                self.push(b);
                return Err(Trouble::Wrong(e));
            }
        }
        Ok(())
    }

    fn put(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Number(number) => self.out.number(&radix::text(number, self.obase)),
            Value::Text(text) => self.out.text(text),
        }
    }

    /// Calculations that are not those of four operators.
    pub fn special(&mut self, c: u8) -> Run<()> {
        match c {
            b'~' => {
                let (a, b) = self.operands()?;
                self.push(a.divide(&b, self.scale)?);
                self.push(a.remainder(&b, self.scale)?);
            }
            b'|' => {
                let modulus = self.pop_number()?;
                let (a, b) = self.operands()?;
                self.push(a.power_of(&b, &modulus)?);
            }
            b'(' | b'{' | b'G' => {
                let (a, b) = self.operands()?;
                let order = b.compare(&a);
                self.push(Decimal::of(match c {
                    b'(' => order.is_lt(),
                    b'{' => order.is_le(),
                    _ => order.is_eq(),
                }));
            }
            b'N' => {
                let a = self.pop_number()?;
                self.push(Decimal::of(a.is_zero()));
            }
            _ => {
                let a = self.pop_number()?;
                self.push(a.root(self.scale)?);
            }
        }
        Ok(())
    }

    pub fn show(&mut self, c: u8) -> Run<()> {
        match c {
            b'p' => {
                let value = self.pop()?;
                self.put(&value)?;
                self.stack.push(value);
                self.out.newline()?;
            }
            b'n' => {
                let value = self.pop()?;
                self.put(&value)?;
            }
            b'f' => {
                for value in self.stack.clone().iter().rev() {
                    self.put(value)?;
                    self.out.newline()?;
                }
            }
            _ => match self.pop()? {
                Value::Text(text) => self.out.text(&text)?,
                Value::Number(number) => {
                    let mut bytes = Vec::new();
                    let mut rest = number.with_scale(0).limbs;
                    while !rest.is_empty() {
                        let (quotient, byte) = natural::divide_small(&rest, 256);
                        bytes.insert(0, byte as u8);
                        rest = quotient;
                    }
                    self.out.text(&bytes)?;
                }
            },
        }
        Ok(())
    }

    pub fn shuffle(&mut self, c: u8) -> Run<()> {
        match c {
            b'c' => self.stack.clear(),
            b'd' => {
                let value = self.pop()?;
                self.stack.extend([value.clone(), value]);
            }
            b'z' => self.push(Decimal::from(self.stack.len() as u64)),
            b'r' => {
                let at = self.stack.len().checked_sub(2).ok_or("the stack is empty".to_owned())?;
                self.stack.swap(at, at + 1);
            }
            _ => {
                // A text on top is no count: it is dropped, and nothing turns.
                let Value::Number(count) = self.pop()? else { return Ok(()) };
                let limit = self.stack.len() as u64;
                let amount = Decimal { negative: false, ..count.clone() }.to_u64().unwrap_or(u64::MAX).min(limit) as usize;
                let start = self.stack.len() - amount;
                if amount > 1 {
                    if count.negative { self.stack[start..].rotate_right(1) } else { self.stack[start..].rotate_left(1) }
                }
            }
        }
        Ok(())
    }

    pub fn register_name(&mut self) -> Run<Vec<u8>> {
        let missing = || Trouble::Wrong("the name of a register is expected".into());
        let first = self.next().ok_or_else(missing)?;
        if !self.extended || !first.is_ascii_whitespace() {
            return Ok(vec![first]);
        }
        let mut name = Vec::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'_') {
            name.push(c);
            self.next();
        }
        if name.is_empty() { Err(missing()) } else { Ok(name) }
    }

    pub fn register(&mut self, c: u8) -> Run<()> {
        let name = self.register_name()?;
        let empty = || Trouble::Wrong("the register is empty".into());
        match c {
            b's' => {
                let value = self.pop()?;
                let values = self.registers.entry(name).or_default();
                values.pop();
                values.push(value);
            }
            b'S' => {
                let value = self.pop()?;
                self.registers.entry(name).or_default().push(value);
            }
            b'l' => {
                let value = self.registers.get(&name).and_then(|values| values.last()).cloned();
                self.stack.push(value.unwrap_or(Value::Number(Decimal::default())));
            }
            b'L' => {
                let value = self.registers.get_mut(&name).and_then(Vec::pop).ok_or_else(empty)?;
                self.stack.push(value);
            }
            _ => {
                let index = self.pop_number()?.to_u64().ok_or("a subscript is negative or too large".to_owned())?;
                if c == b':' {
                    let value = self.pop()?;
                    self.arrays.entry(name).or_default().insert(index, value);
                } else {
                    let value = self.arrays.get(&name).and_then(|array| array.get(&index)).cloned();
                    self.stack.push(value.unwrap_or(Value::Number(Decimal::default())));
                }
            }
        }
        Ok(())
    }

    pub fn setting(&mut self, c: u8) -> Run<()> {
        match c {
            b'I' => self.push(Decimal::from(self.ibase.into())),
            b'O' => self.push(Decimal::from(self.obase.into())),
            b'K' => self.push(Decimal::from(self.scale as u64)),
            _ => {
                let value = self.pop_number()?.to_u64();
                let wrong = "the base or scale is out of range".to_owned();
                match c {
                    b'i' => self.ibase = value.filter(|n| (2..=16).contains(n)).ok_or(wrong)? as u32,
                    b'o' => self.obase = value.filter(|n| (2..1_000_000_000).contains(n)).ok_or(wrong)? as u32,
                    _ => self.scale = value.filter(|n| *n <= LARGEST_SCALE).ok_or(wrong)? as usize,
                }
            }
        }
        Ok(())
    }

    pub fn ask(&mut self, c: u8) -> Run<()> {
        let value = self.pop()?;
        match (c, value) {
            (b'Z', Value::Number(n)) => self.push(Decimal::from(natural::digits(&n.limbs).max(1) as u64)),
            (b'Z', Value::Text(text)) => self.push(Decimal::from(text.len() as u64)),
            (b'X', Value::Number(n)) => self.push(Decimal::from(n.scale as u64)),
            (b'X', Value::Text(_)) => self.push(Decimal::default()),
            (_, Value::Number(n)) => {
                let (_, byte) = natural::divide_small(&n.with_scale(0).limbs, 256);
                self.stack.push(Value::Text([byte as u8].as_slice().into()));
            }
            (_, Value::Text(text)) => self.stack.push(Value::Text(text.iter().take(1).copied().collect())),
        }
        Ok(())
    }
}
