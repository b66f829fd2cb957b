//! Tokens to a tree: rules, functions and statements.

use std::collections::HashMap;

use crate::token::{Token, Word, tokens};
use crate::tree::{Expr, Function, Pattern, Program, Rule, Slot, Stmt};

/// Deepest nesting of a program. Each level takes some kilobytes of the stack.
const DEEPEST: usize = 2000;

/// State of a program's reader.
pub struct Parser {
    tokens: Vec<(Token, usize)>,
    pub at: usize,
    pub program: Program,
    globals: HashMap<String, usize>,
    functions: HashMap<String, usize>,
    /// Parameters of the function that is read.
    locals: Vec<String>,
    depth: usize,
    pub loops: usize,
    pub in_function: bool,
    pub in_print: bool,
}

/// Reads a program; `globals` are the variables that have fixed numbers.
///
/// # Errors
/// One sentence with the line.
pub fn parse(source: &[u8], globals: &[&str]) -> Result<Program, String> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        program: Program::default(),
        globals: HashMap::new(),
        functions: HashMap::new(),
        locals: Vec::new(),
        depth: 0,
        loops: 0,
        in_function: false,
        in_print: false,
    };
    for name in globals {
        parser.global(name);
    }
    match parser.items().and_then(|()| crate::check::check(&mut parser.program)) {
        Ok(()) => Ok(parser.program),
        Err(e) => Err(format!("cmd. line:{}: {e}", parser.line())),
    }
}

/// Result of reading, or an error of one sentence.
pub type Parsed<T> = Result<T, String>;

impl Parser {
    pub fn peek(&self) -> &Token {
        self.ahead(0)
    }

    pub fn ahead(&self, count: usize) -> &Token {
        self.tokens.get(self.at + count).map_or(&Token::End, |(token, _)| token)
    }

    pub fn skip(&mut self) {
        self.at += 1;
    }

    pub fn back(&mut self) {
        self.at -= 1;
    }

    pub fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line)
    }

    pub fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub fn is_word(&self, word: Word) -> bool {
        *self.peek() == Token::Word(word)
    }

    pub fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { Err(self.wanted(sign)) }
    }

    pub fn wanted(&self, what: &str) -> String {
        format!("{what} is expected, not {}", describe(self.peek()))
    }

    pub fn newlines(&mut self) {
        while *self.peek() == Token::Newline {
            self.at += 1;
        }
    }

    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the program is nested too deeply".into());
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn global(&mut self, name: &str) -> usize {
        if let Some(at) = self.globals.get(name) {
            return *at;
        }
        let at = self.program.globals.len();
        self.program.globals.push(name.to_owned());
        self.globals.insert(name.to_owned(), at);
        at
    }

    pub fn slot(&mut self, name: &str) -> Slot {
        match self.locals.iter().rposition(|local| local == name) {
            Some(at) => Slot::Local(at),
            None => Slot::Global(self.global(name)),
        }
    }

    pub fn function(&mut self, name: &str) -> usize {
        if let Some(at) = self.functions.get(name) {
            return *at;
        }
        let at = self.program.functions.len();
        self.program.functions.push(Function { name: name.to_owned(), ..Function::default() });
        self.functions.insert(name.to_owned(), at);
        at
    }

    fn items(&mut self) -> Parsed<()> {
        loop {
            while matches!(self.peek(), Token::Newline) || self.is(";") {
                self.skip();
            }
            match self.peek() {
                Token::End => return Ok(()),
                Token::Word(Word::Function) => self.definition()?,
                Token::Word(Word::Begin) => {
                    self.skip();
                    let block = self.action()?;
                    self.program.begin.push(Stmt::Block(block));
                }
                Token::Word(Word::Stop) => {
                    self.skip();
                    let block = self.action()?;
                    self.program.has_end = true;
                    self.program.end.push(Stmt::Block(block));
                }
                _ => self.rule()?,
            }
        }
    }

    fn action(&mut self) -> Parsed<Vec<Stmt>> {
        if !self.is("{") {
            return Err(self.wanted("{"));
        }
        self.block()
    }

    fn rule(&mut self) -> Parsed<()> {
        let pattern = if self.is("{") {
            Pattern::Always
        } else {
            let first = self.expression()?;
            if self.take(",") {
                self.newlines();
                Pattern::Range(first, self.expression()?)
            } else {
                Pattern::If(first)
            }
        };
        let action = if self.is("{") {
            Some(self.block()?)
        } else {
            self.statement_ends()?;
            None
        };
        self.program.rules.push(Rule { pattern, action });
        Ok(())
    }

    fn definition(&mut self) -> Parsed<()> {
        self.skip();
        let (Token::Called(name) | Token::Name(name)) = self.next() else {
            self.at -= 1;
            return Err(self.wanted("the name of a function"));
        };
        self.expect("(")?;
        self.newlines();
        let mut params = Vec::new();
        while !self.take(")") {
            match self.next() {
                Token::Name(param) if params.contains(&param) => return Err(format!("{param} is a parameter twice")),
                Token::Name(param) => params.push(param),
                _ => {
                    self.at -= 1;
                    return Err(self.wanted("the name of a parameter"));
                }
            }
            self.newlines();
            if !self.is(")") {
                self.expect(",")?;
                self.newlines();
                if self.is(")") {
                    return Err(self.wanted("the name of a parameter"));
                }
            }
        }
        self.newlines();
        let at = self.function(&name);
        if self.program.functions[at].defined {
            return Err(format!("the function {name} is there twice"));
        }
        if self.globals.contains_key(&name) {
            return Err(format!("{name} is a variable and a function"));
        }
        let count = params.len();
        self.locals = params;
        self.in_function = true;
        let body = self.action()?;
        self.in_function = false;
        self.locals.clear();
        self.program.functions[at] = Function { name, params: count, arrays: vec![false; count], body, defined: true };
        Ok(())
    }

    pub fn block(&mut self) -> Parsed<Vec<Stmt>> {
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            while *self.peek() == Token::Newline || self.is(";") {
                self.skip();
            }
            if self.take("}") {
                return Ok(statements);
            }
            if *self.peek() == Token::End {
                return Err(self.wanted("}"));
            }
            statements.push(self.statement()?);
        }
    }

    pub fn statement_ends(&mut self) -> Parsed<()> {
        match self.peek() {
            Token::Newline | Token::Sign(";") => self.skip(),
            Token::Sign("}") | Token::End => {}
            _ => return Err(self.wanted("the end of the statement")),
        }
        Ok(())
    }

    pub fn statement(&mut self) -> Parsed<Stmt> {
        self.deeper(Self::any_statement)
    }

    fn any_statement(&mut self) -> Parsed<Stmt> {
        let Token::Word(word) = *self.peek() else {
            if self.is("{") {
                return Ok(Stmt::Block(self.block()?));
            }
            let statement = self.simple()?;
            self.statement_ends()?;
            return Ok(statement);
        };
        match word {
            Word::If => self.condition(),
            Word::While => {
                self.skip();
                let test = self.in_parentheses()?;
                Ok(Stmt::While(test, self.loop_body()?))
            }
            Word::Do => self.do_loop(),
            Word::For => self.for_loop(),
            Word::Switch => self.switch(),
            _ => {
                let statement = self.simple()?;
                self.statement_ends()?;
                Ok(statement)
            }
        }
    }

    pub fn in_parentheses(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        self.newlines();
        let test = self.expression()?;
        self.newlines();
        self.expect(")")?;
        Ok(test)
    }
}

/// A token as a person would say it.
fn describe(token: &Token) -> String {
    match token {
        Token::Number(n) => format!("the number {n}"),
        Token::Text(text) => format!("the text {:?}", String::from_utf8_lossy(text)),
        Token::Regex(text) => format!("/{}/", String::from_utf8_lossy(text)),
        Token::Name(name) => name.clone(),
        Token::Called(name) => format!("{name}("),
        Token::Function(function) => function.facts().0.to_owned(),
        Token::Word(word) => format!("{word:?}").to_ascii_lowercase(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::Newline => "the end of the line".into(),
        Token::End => "the end of the program".into(),
    }
}
