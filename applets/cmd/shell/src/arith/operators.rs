//! Operators between two values.

use super::{Eval, Stop, Value};

/// Operators by rank, the weakest first.
const RANKS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Eval<'_> {
    /// Operators of a rank and all stronger ones.
    pub(super) fn binary(&mut self, rank: usize) -> Value {
        let Some(ops) = RANKS.get(rank) else { return self.power() };
        let mut left = self.binary(rank + 1)?;
        while let Some(op) = self.operator(ops) {
            left = match op {
                "||" => {
                    let right = self.part(left == 0, |e| e.binary(rank + 1))?;
                    i64::from(left != 0 || right != 0)
                }
                "&&" => {
                    let right = self.part(left != 0, |e| e.binary(rank + 1))?;
                    i64::from(left != 0 && right != 0)
                }
                op => {
                    let right = self.binary(rank + 1)?;
                    self.apply(op, left, right)?
                }
            };
        }
        Ok(left)
    }

    /// `**`, which binds to the right.
    fn power(&mut self) -> Value {
        let left = self.unary()?;
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(b"**") || rest.starts_with(b"**=") {
            return Ok(left);
        }
        self.at += 2;
        let right = self.power()?;
        self.apply("**", left, right)
    }

    /// One of the operators, if the text goes on so and not with a longer one.
    fn operator(&mut self, ops: &[&'static str]) -> Option<&'static str> {
        self.peek();
        let rest = self.text.get(self.at..)?;
        let op = ops.iter().find(|op| rest.starts_with(op.as_bytes()))?;
        let next = rest.get(op.len()).copied();
        let longer = match *op {
            "|" | "&" => next == op.bytes().next() || next == Some(b'='),
            "^" | "+" | "-" | "/" | "%" | "<<" | ">>" => next == Some(b'='),
            "*" => next == Some(b'=') || next == Some(b'*'),
            "<" | ">" => next == op.bytes().next(),
            _ => false,
        };
        if longer {
            return None;
        }
        self.at += op.len();
        Some(op)
    }

    /// Result of an operator.
    pub(super) fn apply(&self, op: &str, left: i64, right: i64) -> Value {
        if self.skipped > 0 {
            return Ok(0);
        }
        Ok(match op {
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" if right == 0 => {
                let what = if self.shell.bash { "division by 0" } else { "divide by zero" };
                return Err(Stop::Wrong(what.into()));
            }
            "/" => left.wrapping_div(right),
            "%" => left.wrapping_rem(right),
            "**" => {
                let power = u64::try_from(right).map_err(|_| Stop::Wrong("exponent less than 0".into()))?;
                wrapping_power(left, power)
            }
            _ => return Err(Self::wrong()),
        })
    }
}

fn wrapping_power(mut base: i64, mut power: u64) -> i64 {
    let mut value = 1_i64;
    while power > 0 {
        if power & 1 == 1 {
            value = value.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        power >>= 1;
    }
    value
}
