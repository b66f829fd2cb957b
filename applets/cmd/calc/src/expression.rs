//! Tokens of bc's language to a tree: expressions, from the loosest operator to the tightest.

use std::cell::RefCell;

use crate::parse::{Parsed, Parser};
use crate::token::Token;
use crate::tree::{Argument, Expr, Literal, Operator, Place};

impl Parser {
    pub fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(Self::or)
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.take("||") {
            left = Expr::Or(Box::new([left, self.and()?]));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.not()?;
        while self.take("&&") {
            left = Expr::And(Box::new([left, self.not()?]));
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed<Expr> {
        if self.take("!") {
            return Ok(Expr::Not(Box::new(self.deeper(Self::not)?)));
        }
        self.relation()
    }

    fn relation(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        loop {
            let operator = match self.peek() {
                Token::Sign("<") => Operator::Less,
                Token::Sign("<=") => Operator::LessEqual,
                Token::Sign(">") => Operator::Greater,
                Token::Sign(">=") => Operator::GreaterEqual,
                Token::Sign("==") => Operator::Equal,
                Token::Sign("!=") => Operator::NotEqual,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new([left, self.sum()?]));
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
            self.at += 1;
            left = Expr::Binary(operator, Box::new([left, self.product()?]));
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.power()?;
        loop {
            let operator = match self.peek() {
                Token::Sign("*") => Operator::Multiply,
                Token::Sign("/") => Operator::Divide,
                Token::Sign("%") => Operator::Modulo,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new([left, self.power()?]));
        }
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.unary()?;
        if !self.take("^") {
            return Ok(base);
        }
        let exponent = self.deeper(Self::power)?;
        Ok(Expr::Binary(Operator::Power, Box::new([base, exponent])))
    }

    /// A sign is tighter than a power: `-2^2` is 4.
    fn unary(&mut self) -> Parsed<Expr> {
        if self.take("-") {
            return Ok(Expr::Negate(Box::new(self.deeper(Self::unary)?)));
        }
        // An operand may have a `!` of its own, such as that of a comparison.
        if self.take("!") {
            return Ok(Expr::Not(Box::new(self.deeper(Self::not)?)));
        }
        for (sign, up) in [("++", true), ("--", false)] {
            if self.take(sign) {
                let Expr::Place(place) = self.value()? else { return self.unexpected("a variable is expected") };
                return Ok(Expr::Step(place, up, false));
            }
        }
        let value = self.value()?;
        let Expr::Place(place) = value else { return Ok(value) };
        for (sign, up) in [("++", true), ("--", false)] {
            if self.take(sign) {
                return Ok(Expr::Step(place, up, true));
            }
        }
        let operator = match self.peek() {
            Token::Sign("=") => None,
            Token::Sign("+=") => Some(Operator::Add),
            Token::Sign("-=") => Some(Operator::Subtract),
            Token::Sign("*=") => Some(Operator::Multiply),
            Token::Sign("/=") => Some(Operator::Divide),
            Token::Sign("%=") => Some(Operator::Modulo),
            Token::Sign("^=") => Some(Operator::Power),
            _ => return Ok(Expr::Place(place)),
        };
        self.at += 1;
        // Tighter than a comparison: `a = 1 < 2` compares.
        let value = self.deeper(Self::sum)?;
        Ok(Expr::Assign(place, operator, Box::new(value)))
    }

    fn value(&mut self) -> Parsed<Expr> {
        match self.peek().clone() {
            Token::Number(digits) => {
                self.at += 1;
                Ok(Expr::Number(Literal { digits, known: RefCell::default() }))
            }
            Token::Sign("(") => {
                self.at += 1;
                let e = self.expression()?;
                self.expect(")")?;
                Ok(Expr::Group(Box::new(e)))
            }
            Token::Name(name) => self.named(&name),
            _ => self.unexpected("a value is expected"),
        }
    }

    fn named(&mut self, name: &str) -> Parsed<Expr> {
        self.at += 1;
        let called = self.is("(");
        match name {
            "length" | "sqrt" | "read" => return self.function(name),
            "scale" if called => return self.function(name),
            "scale" => return Ok(Expr::Place(Place::Scale)),
            "ibase" => return Ok(Expr::Place(Place::Ibase)),
            "obase" => return Ok(Expr::Place(Place::Obase)),
            "last" => return Ok(Expr::Place(Place::Last)),
            _ => self.at -= 1,
        }
        let name = self.name()?;
        if self.take("(") {
            return Ok(Expr::Call(name, self.arguments()?));
        }
        if !self.take("[") {
            return Ok(Expr::Place(Place::Variable(name)));
        }
        let index = self.expression()?;
        self.expect("]")?;
        Ok(Expr::Place(Place::Element(name, Box::new(index))))
    }

    fn function(&mut self, name: &str) -> Parsed<Expr> {
        self.expect("(")?;
        let e = match name {
            "read" => Expr::Read,
            "length" => Expr::Length(Box::new(self.argument()?)),
            "sqrt" => Expr::Root(Box::new(self.expression()?)),
            _ => Expr::ScaleOf(Box::new(self.expression()?)),
        };
        self.expect(")")?;
        Ok(e)
    }

    fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        if self.take(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument()?);
            if self.take(")") {
                return Ok(arguments);
            }
            self.expect(",")?;
        }
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let rest = self.tokens.get(self.at..self.at + 3).unwrap_or_default();
        if let [Token::Name(_), Token::Sign("["), Token::Sign("]")] = rest {
            let name = self.name()?;
            self.at += 2;
            return Ok(Argument::Array(name));
        }
        Ok(Argument::Value(self.expression()?))
    }
}
