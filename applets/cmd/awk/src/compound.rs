//! Tokens to a tree: conditions and loops.

use crate::parse::{Parsed, Parser};
use crate::token::{Token, Word};
use crate::tree::{Case, ForParts, Stmt};

impl Parser {
    /// Statement behind `if` and the like: one, a block, or none before a semicolon.
    fn body(&mut self) -> Parsed<Vec<Stmt>> {
        self.newlines();
        if self.take(";") {
            return Ok(Vec::new());
        }
        if self.is("{") {
            let block = self.block()?;
            return Ok(block);
        }
        Ok(vec![self.statement()?])
    }

    pub fn loop_body(&mut self) -> Parsed<Vec<Stmt>> {
        self.loops += 1;
        let body = self.body();
        self.loops -= 1;
        body
    }

    pub fn condition(&mut self) -> Parsed<Stmt> {
        self.skip();
        let test = self.in_parentheses()?;
        let yes = self.body()?;
        // An else may stand behind newlines and a semicolon.
        let before = self.at;
        while *self.peek() == Token::Newline || self.is(";") {
            self.skip();
        }
        if self.is_word(Word::Else) {
            self.skip();
            return Ok(Stmt::If(test, yes, self.body()?));
        }
        self.at = before;
        Ok(Stmt::If(test, yes, Vec::new()))
    }

    pub fn do_loop(&mut self) -> Parsed<Stmt> {
        self.skip();
        let body = self.loop_body()?;
        while *self.peek() == Token::Newline || self.is(";") {
            self.skip();
        }
        if !self.is_word(Word::While) {
            return Err(self.wanted("while"));
        }
        self.skip();
        let test = self.in_parentheses()?;
        self.statement_ends()?;
        Ok(Stmt::Do(body, test))
    }

    pub fn for_loop(&mut self) -> Parsed<Stmt> {
        self.skip();
        self.expect("(")?;
        self.newlines();
        if let (Token::Name(key), Token::Word(Word::In), Token::Name(array), Token::Sign(")")) =
            (self.ahead(0).clone(), self.ahead(1), self.ahead(2).clone(), self.ahead(3))
        {
            self.at += 4;
            let (key, array) = (self.slot(&key), self.slot(&array));
            return Ok(Stmt::ForIn(key, array, self.loop_body()?));
        }
        let first = if self.is(";") { None } else { Some(self.simple()?) };
        self.expect(";")?;
        self.newlines();
        let test = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        self.newlines();
        let step = if self.is(")") { None } else { Some(self.simple()?) };
        self.newlines();
        self.expect(")")?;
        let body = self.loop_body()?;
        Ok(Stmt::For(Box::new(ForParts { first, test, step, body })))
    }

    pub fn switch(&mut self) -> Parsed<Stmt> {
        self.skip();
        let value = self.in_parentheses()?;
        self.newlines();
        self.expect("{")?;
        let mut cases = Vec::new();
        self.loops += 1;
        loop {
            while *self.peek() == Token::Newline || self.is(";") {
                self.skip();
            }
            let case = match self.next() {
                Token::Sign("}") => break,
                Token::Word(Word::Case) => Case::Value(self.primary()?),
                Token::Word(Word::Default) => Case::Default,
                _ => {
                    self.at -= 1;
                    return Err(self.wanted("case, default or }"));
                }
            };
            self.expect(":")?;
            cases.push((case, self.case_body()?));
        }
        self.loops -= 1;
        Ok(Stmt::Switch(value, cases))
    }

    fn case_body(&mut self) -> Parsed<Vec<Stmt>> {
        let mut body = Vec::new();
        loop {
            while *self.peek() == Token::Newline || self.is(";") {
                self.skip();
            }
            if self.is("}") || self.is_word(Word::Case) || self.is_word(Word::Default) {
                return Ok(body);
            }
            body.push(self.statement()?);
        }
    }
}
