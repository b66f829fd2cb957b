//! Tokens to a tree: expressions, from the loosest operator to the tightest.

use std::rc::Rc;

use crate::matcher::Matcher;
use crate::parse::{Parsed, Parser};
use crate::token::{Token, Word};
use crate::tree::{Builtin, Expr, Operator, Relation, Source};

fn boxed(a: Expr, b: Expr) -> Box<[Expr; 2]> {
    Box::new([a, b])
}

impl Parser {
    pub fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(Self::ternary)
    }

    fn ternary(&mut self) -> Parsed<Expr> {
        let test = self.or()?;
        if !self.take("?") {
            return Ok(test);
        }
        self.newlines();
        let yes = self.expression()?;
        self.newlines();
        self.expect(":")?;
        self.newlines();
        let no = self.expression()?;
        Ok(Expr::Cond(Box::new([test, yes, no])))
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.take("||") {
            self.newlines();
            left = Expr::Or(boxed(left, self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.membership()?;
        while self.take("&&") {
            self.newlines();
            left = Expr::And(boxed(left, self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expr> {
        let mut left = self.matching()?;
        while self.is_word(Word::In) {
            self.skip();
            left = self.member(vec![left])?;
        }
        Ok(left)
    }

    fn member(&mut self, key: Vec<Expr>) -> Parsed<Expr> {
        let Token::Name(name) = self.next() else { return Err("an array is expected behind in".into()) };
        Ok(Expr::In(self.slot(&name), key))
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let negated = match self.peek() {
                Token::Sign("~") => false,
                Token::Sign("!~") => true,
                _ => return Ok(left),
            };
            self.skip();
            left = Expr::Match(boxed(left, self.comparison()?), negated);
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let mut left = self.concatenation()?;
        loop {
            let relation = match self.peek() {
                Token::Sign("<") => Relation::Less,
                Token::Sign("<=") => Relation::LessEqual,
                Token::Sign("==") => Relation::Equal,
                Token::Sign("!=") => Relation::NotEqual,
                Token::Sign(">") if !self.in_print => Relation::Greater,
                Token::Sign(">=") => Relation::GreaterEqual,
                Token::Sign("|") if *self.ahead(1) == Token::Word(Word::Getline) => {
                    left = self.piped(left)?;
                    continue;
                }
                _ => return Ok(left),
            };
            self.skip();
            left = Expr::Compare(relation, boxed(left, self.concatenation()?));
        }
    }

    /// `COMMAND | getline [PLACE]`
    fn piped(&mut self, command: Expr) -> Parsed<Expr> {
        self.skip();
        self.skip();
        let place = self.place()?;
        Ok(Expr::Getline(Source::Command, Some(Box::new(command)), place))
    }

    /// The variable behind `getline`, if there is one.
    fn place(&mut self) -> Parsed<Option<Box<Expr>>> {
        if !matches!(self.peek(), Token::Name(_) | Token::Sign("$")) {
            return Ok(None);
        }
        let place = self.unassigned()?;
        if !place.is_place() {
            return Err(self.wanted("a variable behind getline"));
        }
        Ok(Some(Box::new(place)))
    }

    fn concatenation(&mut self) -> Parsed<Expr> {
        let first = self.sum()?;
        if !self.begins_value() {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.begins_value() {
            parts.push(self.sum()?);
        }
        Ok(Expr::Concat(parts))
    }

    /// Tells if what follows is joined to what stood before. A sign would have been taken as an operator.
    fn begins_value(&self) -> bool {
        match self.peek() {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(_) | Token::Called(_) | Token::Function(_) => true,
            Token::Sign(sign) => matches!(*sign, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Token::Sign("+") => Operator::Add,
                Token::Sign("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            self.skip();
            left = Expr::Binary(operator, boxed(left, self.product()?));
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Token::Sign("*") => Operator::Multiply,
                Token::Sign("/") => Operator::Divide,
                Token::Sign("%") => Operator::Modulo,
                _ => return Ok(left),
            };
            self.skip();
            left = Expr::Binary(operator, boxed(left, self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let wrap: fn(Box<Expr>) -> Expr = match self.peek() {
            Token::Sign("!") => Expr::Not,
            Token::Sign("-") => Expr::Neg,
            Token::Sign("+") => Expr::Plus,
            _ => return self.power(),
        };
        self.skip();
        Ok(wrap(Box::new(self.deeper(Self::unary)?)))
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.primary()?;
        if !self.take("^") {
            return Ok(base);
        }
        // The exponent may have a sign of its own.
        let exponent = self.deeper(Self::unary)?;
        Ok(Expr::Binary(Operator::Power, boxed(base, exponent)))
    }

    /// A value, with an assignment if it is a variable.
    pub fn primary(&mut self) -> Parsed<Expr> {
        let value = self.unassigned()?;
        if !value.is_place() {
            return Ok(value);
        }
        let operator = match self.peek() {
            Token::Sign("=") => None,
            Token::Sign("+=") => Some(Operator::Add),
            Token::Sign("-=") => Some(Operator::Subtract),
            Token::Sign("*=") => Some(Operator::Multiply),
            Token::Sign("/=") => Some(Operator::Divide),
            Token::Sign("%=") => Some(Operator::Modulo),
            Token::Sign("^=") => Some(Operator::Power),
            _ => return Ok(value),
        };
        self.skip();
        self.newlines();
        let parts = boxed(value, self.expression()?);
        Ok(match operator {
            None => Expr::Assign(parts),
            Some(operator) => Expr::Update(operator, parts),
        })
    }

    /// A value with its `++` and `--`.
    fn unassigned(&mut self) -> Parsed<Expr> {
        for (sign, by) in [("++", 1.0), ("--", -1.0)] {
            if self.take(sign) {
                let place = self.deeper(Self::unassigned)?;
                if !place.is_place() {
                    return Err(format!("{sign} needs a variable"));
                }
                return Ok(Expr::Step(Box::new(place), by, false));
            }
        }
        let value = self.value()?;
        if value.is_place() {
            for (sign, by) in [("++", 1.0), ("--", -1.0)] {
                if self.take(sign) {
                    return Ok(Expr::Step(Box::new(value), by, true));
                }
            }
        }
        Ok(value)
    }

    fn value(&mut self) -> Parsed<Expr> {
        match self.next() {
            Token::Number(n) => Ok(Expr::Num(n)),
            Token::Text(text) => Ok(Expr::Str(text)),
            Token::Regex(text) => Ok(Expr::Regex(Rc::new(Matcher::new(&text).map_err(|e| e.to_string())?))),
            Token::Sign("$") => {
                let operand = self.deeper(Self::field_number)?;
                Ok(Expr::Field(Box::new(operand)))
            }
            Token::Sign("(") => self.deeper(Self::group),
            Token::Name(name) => {
                let slot = self.slot(&name);
                if self.is("[") { Ok(Expr::Index(slot, self.subscript()?)) } else { Ok(Expr::Var(slot)) }
            }
            Token::Called(name) => {
                let function = self.function(&name);
                self.skip();
                Ok(Expr::Call(function, self.arguments()?))
            }
            Token::Function(function) => self.builtin(function),
            Token::Word(Word::Getline) => {
                let place = self.place()?;
                if !self.take("<") {
                    return Ok(Expr::Getline(Source::Main, None, place));
                }
                let file = self.target()?;
                Ok(Expr::Getline(Source::File, Some(Box::new(file)), place))
            }
            _ => {
                self.back();
                Err(self.wanted("a value"))
            }
        }
    }

    /// Reads the operand of `$`: `$NF-1` is `($NF)-1`, `$++i` and `$-1` take their signs; what
    /// follows is not its own.
    fn field_number(&mut self) -> Parsed<Expr> {
        if self.take("-") {
            return Ok(Expr::Neg(Box::new(self.deeper(Self::field_number)?)));
        }
        if self.take("!") {
            return Ok(Expr::Not(Box::new(self.deeper(Self::field_number)?)));
        }
        if self.is("++") || self.is("--") { self.unassigned() } else { self.value() }
    }

    /// Name of a file or command: joined texts only in parentheses, as in gawk; print takes them as they stand.
    pub fn target(&mut self) -> Parsed<Expr> {
        if !self.in_print {
            return self.unassigned();
        }
        self.concatenation()
    }

    fn group(&mut self) -> Parsed<Expr> {
        let outer = std::mem::replace(&mut self.in_print, false);
        self.newlines();
        let mut list = vec![self.expression()?];
        self.newlines();
        while self.take(",") {
            self.newlines();
            list.push(self.expression()?);
            self.newlines();
        }
        self.expect(")")?;
        self.in_print = outer;
        if list.len() > 1 {
            if self.is_word(Word::In) {
                self.skip();
                return self.member(list);
            }
            return Ok(Expr::List(list));
        }
        let only = list.pop().map_or(Expr::Num(0.0), |only| Expr::Group(Box::new(only)));
        Ok(only)
    }

    pub fn subscript(&mut self) -> Parsed<Vec<Expr>> {
        self.expect("[")?;
        self.list_until("]")
    }

    /// Arguments behind the opening parenthesis.
    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.newlines();
        if self.take(")") {
            return Ok(Vec::new());
        }
        self.list_until(")")
    }

    fn list_until(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let outer = std::mem::replace(&mut self.in_print, false);
        let mut list = Vec::new();
        loop {
            self.newlines();
            list.push(self.expression()?);
            self.newlines();
            if self.take(end) {
                break;
            }
            self.expect(",")?;
        }
        self.in_print = outer;
        Ok(list)
    }

    fn builtin(&mut self, function: Builtin) -> Parsed<Expr> {
        let (name, fewest, most) = function.facts();
        if function == Builtin::Length && !self.is("(") {
            return Ok(Expr::Builtin(function, Vec::new()));
        }
        self.expect("(")?;
        let arguments = self.arguments()?;
        if arguments.len() < fewest || arguments.len() > most {
            return Err(format!("{name} does not take {} arguments", arguments.len()));
        }
        Ok(Expr::Builtin(function, arguments))
    }
}
