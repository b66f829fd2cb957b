//! Tokens to a tree: statements of one line.

use crate::parse::{Parsed, Parser};
use crate::token::{Token, Word};
use crate::tree::{Expr, Stmt, Target, TargetKind};

impl Parser {
    /// A statement that `for (…)` may hold too.
    pub fn simple(&mut self) -> Parsed<Stmt> {
        let Token::Word(word) = *self.peek() else { return Ok(Stmt::Expr(self.expression()?)) };
        match word {
            Word::Print | Word::Printf => return self.output(word),
            Word::Getline => return Ok(Stmt::Expr(self.expression()?)),
            Word::Delete => return self.delete(),
            Word::Exit | Word::Return => {
                self.skip();
                let value = if self.at_end() { None } else { Some(self.expression()?) };
                return match word {
                    Word::Exit => Ok(Stmt::Exit(value)),
                    _ if self.in_function => Ok(Stmt::Return(value)),
                    _ => Err("return stands outside of a function".into()),
                };
            }
            Word::Break | Word::Continue if self.loops == 0 => return Err("break or continue stands outside of a loop".into()),
            _ => {}
        }
        let statement = match word {
            Word::Break => Stmt::Break,
            Word::Continue => Stmt::Continue,
            Word::Next => Stmt::Next,
            Word::NextFile => Stmt::NextFile,
            _ => return Err(self.wanted("a statement")),
        };
        self.skip();
        Ok(statement)
    }

    fn at_end(&self) -> bool {
        matches!(self.peek(), Token::Newline | Token::End | Token::Sign(";" | "}"))
    }

    fn delete(&mut self) -> Parsed<Stmt> {
        self.skip();
        let grouped = self.take("(");
        let Token::Name(name) = self.next() else { return Err("an array is expected behind delete".into()) };
        let slot = self.slot(&name);
        let key = if self.is("[") { Some(self.subscript()?) } else { None };
        if grouped {
            self.expect(")")?;
        }
        Ok(Stmt::Delete(slot, key))
    }

    fn output(&mut self, word: Word) -> Parsed<Stmt> {
        self.skip();
        let mut values = Vec::new();
        let outer = std::mem::replace(&mut self.in_print, true);
        let ends = |parser: &Self| parser.at_end() || parser.is(">") || parser.is(">>") || parser.is("|");
        if !ends(self) {
            loop {
                values.push(self.expression()?);
                if !self.take(",") {
                    break;
                }
                self.newlines();
            }
        }
        if let [Expr::List(_)] = values.as_slice()
            && let Some(Expr::List(list)) = values.pop()
        {
            values = list;
        }
        let kind = match self.peek() {
            Token::Sign(">") => Some(TargetKind::File),
            Token::Sign(">>") => Some(TargetKind::Append),
            Token::Sign("|") => Some(TargetKind::Pipe),
            _ => None,
        };
        let target = match kind {
            Some(kind) => {
                self.skip();
                Some(Target { kind, name: self.target()? })
            }
            None => None,
        };
        self.in_print = outer;
        if word == Word::Print {
            return Ok(Stmt::Print(values, target));
        }
        if values.is_empty() {
            return Err("printf needs a format".into());
        }
        Ok(Stmt::Printf(values, target))
    }
}
