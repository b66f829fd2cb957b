//! Compound commands: groups, conditions, loops, functions.

use std::rc::Rc;

use super::lexer::{Token, is_name};
use super::word::{Builder, Place};
use super::{Parsed, Parser};
use crate::ast::{Bytes, CaseEnd, CaseItem, Command, Function, Kind, List, Word};

impl Parser {
    /// One command with its redirections.
    pub(super) fn command(&mut self) -> Parsed<Command> {
        while self.expand_alias()? {}
        let line = self.token_line()?;
        let Some(kind) = self.compound()? else { return self.simple(line) };
        let mut command = Command { kind, redirects: Vec::new(), line };
        self.redirects(&mut command)?;
        Ok(command)
    }

    /// A compound command; none when a simple one begins here.
    fn compound(&mut self) -> Parsed<Option<Kind>> {
        let name = match self.peek()? {
            Token::Op("(") => return self.parenthesis().map(Some),
            Token::Word(word) => match word.literal() {
                Some(text) => text.to_vec(),
                None => return Ok(None),
            },
            Token::Op(op) if !super::lexer::REDIRECTIONS.contains(op) => {
                let token = Token::Op(op);
                return Err(self.unexpected(&token));
            }
            Token::Newline | Token::End => {
                let token = self.peek()?.clone();
                return Err(self.unexpected(&token));
            }
            _ => return Ok(None),
        };
        let kind = match name.as_slice() {
            b"{" => {
                self.take()?;
                let list = self.commands_until(&["}"])?;
                self.expect("}")?;
                Kind::Brace(list)
            }
            b"if" => self.conditions()?,
            b"while" | b"until" => {
                self.take()?;
                let condition = self.commands_until(&["do"])?;
                Kind::While(name == b"until", condition, self.body()?)
            }
            b"for" => self.for_loop()?,
            b"select" => {
                self.take()?;
                let (name, words) = self.loop_head()?;
                Kind::Select(name, words, self.body()?)
            }
            b"case" => self.case()?,
            b"[[" => {
                self.take()?;
                Kind::Test(self.test_command()?)
            }
            b"function" => return self.function_word(),
            b"coproc" => self.coproc()?,
            b"then" | b"else" | b"elif" | b"fi" | b"do" | b"done" | b"esac" | b"}" => {
                let token = self.peek()?.clone();
                return Err(self.unexpected(&token));
            }
            _ => return Ok(None),
        };
        Ok(Some(kind))
    }

    /// Takes a word that must be there.
    fn expect(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word)? {
            return Ok(());
        }
        let token = self.peek()?.clone();
        let mut wrong = self.unexpected(&token);
        wrong.message = format!("{} (expecting \"{word}\")", wrong.message);
        Err(wrong)
    }

    /// `( … )` or `(( … ))`.
    fn parenthesis(&mut self) -> Parsed<Kind> {
        if let Some(word) = self.double_parens()? {
            return Ok(Kind::Arith(word));
        }
        self.take()?;
        let list = self.commands_until(&[")"])?;
        if !self.eat_op(")")? {
            let token = self.peek()?.clone();
            return Err(self.unexpected(&token));
        }
        Ok(Kind::Subshell(list))
    }

    /// The expression of `(( … ))`, if that stands here.
    fn double_parens(&mut self) -> Parsed<Option<Word>> {
        self.put_back();
        let (at, line) = (self.at, self.line);
        if self.look(1) != Some(b'(') {
            return Ok(None);
        }
        self.at += 2;
        match self.arith_until_parens() {
            Ok(Some(word)) => return Ok(Some(word)),
            Ok(None) => {}
            Err(wrong) if wrong.at_end => {}
            Err(wrong) => return Err(wrong),
        }
        self.at = at;
        self.line = line;
        Ok(None)
    }

    fn conditions(&mut self) -> Parsed<Kind> {
        self.take()?;
        let mut branches = Vec::new();
        loop {
            let condition = self.commands_until(&["then"])?;
            self.expect("then")?;
            let body = self.commands_until(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if !self.eat_word("elif")? {
                break;
            }
        }
        let other = if self.eat_word("else")? { Some(self.commands_until(&["fi"])?) } else { None };
        self.expect("fi")?;
        Ok(Kind::If(branches, other))
    }

    /// `do … done`, or bash's `{ … }`.
    fn body(&mut self) -> Parsed<List> {
        self.skip_newlines()?;
        let (begin, end) = if self.is_word("{")? { ("{", "}") } else { ("do", "done") };
        self.expect(begin)?;
        let list = self.commands_until(&[end])?;
        self.expect(end)?;
        Ok(list)
    }

    fn for_loop(&mut self) -> Parsed<Kind> {
        self.take()?;
        if self.is_op("(")? {
            let parts = self.for_expressions()?;
            self.eat_op(";")?;
            return Ok(Kind::ArithFor(Box::new(parts), self.body()?));
        }
        let (name, words) = self.loop_head()?;
        Ok(Kind::For(name, words, self.body()?))
    }

    /// `((a; b; c))`.
    fn for_expressions(&mut self) -> Parsed<[Word; 3]> {
        self.put_back();
        if self.look(1) != Some(b'(') {
            return Err(self.wrong("syntax error: bad for loop variable"));
        }
        self.at += 2;
        let mut parts: [Word; 3] = Default::default();
        for (number, part) in parts.iter_mut().enumerate() {
            let mut builder = Builder::default();
            let mut depth = 0_u32;
            loop {
                match self.byte() {
                    None => return Err(self.at_end("syntax error: missing '))'")),
                    Some(b';') if depth == 0 && number < 2 => break,
                    Some(b')') if depth == 0 && number == 2 => break,
                    Some(b'(') => depth += 1,
                    Some(b')') if depth > 0 => depth -= 1,
                    Some(b')') => return Err(self.wrong("syntax error: unexpected \")\"")),
                    Some(_) => {}
                }
                self.part(&mut builder, Place::Arith)?;
            }
            self.at += 1;
            *part = builder.finish();
        }
        if !self.eat(b')') {
            return Err(self.wrong("syntax error: missing '))'"));
        }
        Ok(parts)
    }

    /// The variable and the words of `for` and `select`.
    fn loop_head(&mut self) -> Parsed<(Bytes, Option<Vec<Word>>)> {
        let name = match self.take()? {
            Token::Word(word) => word.literal().map(<[u8]>::to_vec),
            _ => None,
        };
        let Some(name) = name.filter(|name| is_name(name)) else {
            return Err(self.wrong("syntax error: bad for loop variable"));
        };
        if self.eat_op(";")? {
            return Ok((name, None));
        }
        self.skip_newlines()?;
        if !self.eat_word("in")? {
            return Ok((name, None));
        }
        let mut words = Vec::new();
        loop {
            match self.take()? {
                Token::Word(word) => words.push(word),
                Token::Newline | Token::Op(";") => return Ok((name, Some(words))),
                token => return Err(self.unexpected(&token)),
            }
        }
    }

    fn case(&mut self) -> Parsed<Kind> {
        self.take()?;
        let Token::Word(word) = self.take()? else {
            return Err(self.wrong("syntax error: expecting word"));
        };
        self.skip_newlines()?;
        self.expect("in")?;
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.eat_word("esac")? {
                return Ok(Kind::Case(word, items));
            }
            let (item, last) = self.case_item()?;
            items.push(item);
            if last {
                self.expect("esac")?;
                return Ok(Kind::Case(word, items));
            }
        }
    }

    /// One part of `case`; true when `esac` must follow.
    fn case_item(&mut self) -> Parsed<(CaseItem, bool)> {
        self.eat_op("(")?;
        let mut patterns = Vec::new();
        loop {
            match self.take()? {
                Token::Word(word) => patterns.push(word),
                token => return Err(self.unexpected(&token)),
            }
            if self.eat_op(")")? {
                break;
            }
            if !self.eat_op("|")? {
                let token = self.peek()?.clone();
                return Err(self.unexpected(&token));
            }
        }
        let body = self.list_until(&["esac", ";;", ";&", ";;&"])?;
        let ends = [(";;", CaseEnd::Leave), (";&", CaseEnd::FallThrough), (";;&", CaseEnd::TestNext)];
        for (op, end) in ends {
            if self.eat_op(op)? {
                return Ok((CaseItem { patterns, body, end }, false));
            }
        }
        Ok((CaseItem { patterns, body, end: CaseEnd::Leave }, true))
    }

    /// `function name`, with or without parentheses.
    fn function_word(&mut self) -> Parsed<Option<Kind>> {
        let start = self.token_start()?;
        self.take()?;
        let name = match self.take()? {
            Token::Word(word) => word.literal().map(<[u8]>::to_vec),
            _ => None,
        };
        let Some(name) = name else {
            return Err(self.wrong("syntax error: bad function name"));
        };
        if self.is_op("(")? {
            self.take()?;
            if !self.eat_op(")")? {
                let token = self.peek()?.clone();
                return Err(self.unexpected(&token));
            }
        }
        self.function_body(name, start).map(Some)
    }

    /// The rest of a definition, behind its head.
    pub(super) fn function_body(&mut self, name: Bytes, start: usize) -> Parsed<Kind> {
        self.skip_newlines()?;
        let body = self.deeper(Self::command)?;
        if let (Kind::Simple(_), true) = (&body.kind, !self.settings.posix.get()) {
            return Err(self.wrong("syntax error: a function's body is a compound command"));
        }
        let text = self.text_since(start)?.into_vec();
        Ok(Kind::Function(name, Rc::new(Function { body, text })))
    }

    /// `coproc [NAME] command`.
    fn coproc(&mut self) -> Parsed<Kind> {
        self.take()?;
        let mut name = b"COPROC".to_vec();
        let candidate = match self.peek()? {
            Token::Word(word) => word.literal().filter(|text| is_name(text)).map(<[u8]>::to_vec),
            _ => None,
        };
        if let Some(candidate) = candidate.filter(|name| !is_compound_word(name)) {
            let (start, line) = (self.token_start()?, self.token_line()?);
            self.take()?;
            let compound = match self.peek()? {
                Token::Op("(") => true,
                Token::Word(word) => word.literal().is_some_and(is_compound_word),
                _ => false,
            };
            if compound {
                name = candidate;
            } else {
                self.peeked = None;
                self.at = start;
                self.line = line;
            }
        }
        Ok(Kind::Coproc(name, Box::new(self.command()?)))
    }
}

fn is_compound_word(word: &[u8]) -> bool {
    matches!(word, b"{" | b"if" | b"while" | b"until" | b"for" | b"select" | b"case" | b"[[" | b"function")
}
