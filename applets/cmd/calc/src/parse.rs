//! Tokens of bc's language to a tree.

use std::collections::HashMap;
use std::rc::Rc;

use crate::token::{Token, Trouble, tokens};
use crate::tree::{Expr, Function, Local, Name, Printed, Stmt};

/// Deepest nesting of a program.
const DEEPEST: usize = 1000;

/// Names that are no variables.
const WORDS: &[&str] = &[
    "auto", "break", "continue", "define", "else", "for", "halt", "if", "length", "limits", "print", "quit", "read", "return",
    "sqrt", "warranty", "while",
];

/// Reader of programs: it keeps the numbers of the names.
#[derive(Debug, Default)]
pub struct Parser {
    names: HashMap<String, Name>,
    pub list: Vec<String>,
    pub tokens: Vec<Token>,
    pub at: usize,
    depth: usize,
    loops: usize,
    in_function: bool,
    /// `quit` was read, which ends all at once, wherever it stands.
    pub quits: bool,
}

/// Result of reading, or trouble.
pub type Parsed<T> = Result<T, Trouble>;

fn wrong<T>(text: impl Into<String>) -> Parsed<T> {
    Err(Trouble::Wrong(text.into()))
}

impl Parser {
    /// Reads all statements of a text, which ends with a line.
    ///
    /// # Errors
    /// It is wrong, or not complete.
    pub fn item(&mut self, source: &[u8]) -> Parsed<Vec<Stmt>> {
        self.tokens = tokens(source)?;
        (self.at, self.depth, self.loops, self.in_function) = (0, 0, 0, false);
        let mut statements = Vec::new();
        loop {
            while self.take(";") || *self.peek() == Token::Newline {
                if *self.peek() == Token::Newline {
                    self.at += 1;
                }
            }
            if *self.peek() == Token::End {
                return Ok(statements);
            }
            statements.push(self.statement()?);
            self.ends()?;
        }
    }

    pub fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    pub fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { self.unexpected(&format!("{sign} is expected")) }
    }

    pub fn unexpected<T>(&self, what: &str) -> Parsed<T> {
        match self.peek() {
            Token::End => Err(Trouble::More),
            Token::Newline => wrong(format!("{what} before the end of the line")),
            Token::Number(text) | Token::Text(text) => wrong(format!("{what} before {}", String::from_utf8_lossy(text))),
            Token::Name(name) => wrong(format!("{what} before {name}")),
            Token::Sign(sign) => wrong(format!("{what} before {sign}")),
        }
    }

    fn newlines(&mut self) {
        while *self.peek() == Token::Newline {
            self.at += 1;
        }
    }

    fn ends(&mut self) -> Parsed<()> {
        match self.peek() {
            Token::Newline | Token::Sign(";" | "}") | Token::End => Ok(()),
            // A block ends itself.
            _ if self.at > 0 && self.tokens[self.at - 1] == Token::Sign("}") => Ok(()),
            _ => self.unexpected("the statement must end"),
        }
    }

    fn number_of(&mut self, name: String) -> Name {
        let next = self.list.len();
        *self.names.entry(name).or_insert_with_key(|name| {
            self.list.push(name.clone());
            next
        })
    }

    pub fn name(&mut self) -> Parsed<Name> {
        let Token::Name(name) = self.peek().clone() else { return self.unexpected("a name is expected") };
        if WORDS.contains(&name.as_str()) {
            return self.unexpected("a name is expected");
        }
        self.at += 1;
        Ok(self.number_of(name))
    }

    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return wrong("the program is nested too deeply");
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn block(&mut self) -> Parsed<Vec<Stmt>> {
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            while self.take(";") || *self.peek() == Token::Newline {
                self.newlines();
            }
            if self.take("}") {
                return Ok(statements);
            }
            statements.push(self.statement()?);
            self.ends()?;
        }
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        self.deeper(Self::any_statement)
    }

    fn any_statement(&mut self) -> Parsed<Stmt> {
        if self.is("{") {
            return Ok(Stmt::Block(self.block()?));
        }
        if let Token::Text(text) = self.peek().clone() {
            self.at += 1;
            return Ok(Stmt::Text(text));
        }
        let Token::Name(word) = self.peek().clone() else { return self.shown() };
        if !WORDS.contains(&word.as_str()) || matches!(word.as_str(), "length" | "sqrt" | "read") {
            return self.shown();
        }
        self.at += 1;
        match word.as_str() {
            "if" => self.condition(),
            "while" => {
                self.expect("(")?;
                let test = self.expression()?;
                self.expect(")")?;
                Ok(Stmt::While(Some(test), self.loop_body()?, None))
            }
            "for" => self.for_loop(),
            "print" => self.print(),
            "define" => self.define(),
            "break" | "continue" if self.loops == 0 => wrong(format!("{word} stands outside of a loop")),
            "break" => Ok(Stmt::Break),
            "continue" => Ok(Stmt::Continue),
            "halt" => Ok(Stmt::Halt),
            "quit" => {
                self.quits = true;
                Ok(Stmt::Halt)
            }
            "return" if !self.in_function => wrong("return stands outside of a function"),
            "return" => {
                let bare = matches!(self.peek(), Token::Newline | Token::Sign(";" | "}") | Token::End);
                Ok(Stmt::Return(if bare { None } else { Some(self.expression()?) }))
            }
            "limits" => Ok(Stmt::Text(b"BC_BASE_MAX     = 999999999\nBC_DIM_MAX      = none\nBC_SCALE_MAX    = none\n".to_vec())),
            "warranty" => Ok(Stmt::Text(b"There is no warranty.\n".to_vec())),
            _ => {
                self.at -= 1;
                self.unexpected("a statement is expected")
            }
        }
    }

    /// An expression as a statement: it is shown unless it is an assignment.
    fn shown(&mut self) -> Parsed<Stmt> {
        let e = self.expression()?;
        let shown = !matches!(e, Expr::Assign(..));
        Ok(Stmt::Expr(e, shown))
    }

    fn body(&mut self) -> Parsed<Vec<Stmt>> {
        self.newlines();
        if self.is(";") {
            return Ok(Vec::new());
        }
        if *self.peek() == Token::End {
            return Err(Trouble::More);
        }
        Ok(vec![self.statement()?])
    }

    fn loop_body(&mut self) -> Parsed<Vec<Stmt>> {
        self.loops += 1;
        let body = self.body()?;
        self.loops -= 1;
        Ok(body)
    }

    fn condition(&mut self) -> Parsed<Stmt> {
        self.expect("(")?;
        let test = self.expression()?;
        self.expect(")")?;
        let yes = self.body()?;
        let before = self.at;
        // An else may stand behind a semicolon or on a line below.
        self.take(";");
        self.newlines();
        if self.take_word("else") {
            return Ok(Stmt::If(test, yes, self.body()?));
        }
        self.at = before;
        Ok(Stmt::If(test, yes, Vec::new()))
    }

    fn for_loop(&mut self) -> Parsed<Stmt> {
        self.expect("(")?;
        let first = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        let test = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        let step = if self.is(")") { None } else { Some(self.expression()?) };
        self.expect(")")?;
        let body = self.loop_body()?;
        let mut statements: Vec<Stmt> = first.into_iter().map(|e| Stmt::Expr(e, false)).collect();
        statements.push(Stmt::While(test, body, step));
        Ok(Stmt::Block(statements))
    }

    fn print(&mut self) -> Parsed<Stmt> {
        let mut parts = Vec::new();
        loop {
            if let Token::Text(text) = self.peek().clone() {
                self.at += 1;
                parts.push(Printed::Text(unescaped(&text)));
            } else {
                parts.push(Printed::Value(self.expression()?));
            }
            if !self.take(",") {
                return Ok(Stmt::Print(parts));
            }
        }
    }

    fn define(&mut self) -> Parsed<Stmt> {
        let void = self.is_word("void") && matches!(self.tokens.get(self.at + 1), Some(Token::Name(_)));
        self.at += usize::from(void);
        let name = self.name()?;
        self.expect("(")?;
        let params = self.locals(")")?;
        self.expect(")")?;
        self.newlines();
        self.expect("{")?;
        self.newlines();
        let mut autos = Vec::new();
        while self.take_word("auto") {
            autos.extend(self.locals(";")?);
            while self.take(";") || *self.peek() == Token::Newline {
                self.newlines();
            }
        }
        // The brace that was taken opens the body.
        self.at -= 1;
        self.tokens[self.at] = Token::Sign("{");
        let outer = (self.loops, self.in_function);
        (self.loops, self.in_function) = (0, true);
        let body = self.block()?;
        (self.loops, self.in_function) = outer;
        Ok(Stmt::Define(Rc::new(Function { name, void, params, autos, body })))
    }

    fn locals(&mut self, end: &str) -> Parsed<Vec<Local>> {
        let mut locals = Vec::new();
        while !self.is(end) && *self.peek() != Token::Newline {
            let shared = self.take("*");
            let name = self.name()?;
            let array = self.take("[");
            if array {
                self.expect("]")?;
            }
            locals.push(Local { name, array, shared });
            if !self.take(",") {
                break;
            }
        }
        Ok(locals)
    }
}

/// The escapes of `print`.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [c, tail @ ..] = rest {
        rest = tail;
        let (b'\\', [escape, tail @ ..]) = (c, tail) else {
            out.push(*c);
            continue;
        };
        rest = tail;
        match escape {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'q' => out.push(b'"'),
            b'e' | b'\\' => out.push(b'\\'),
            c => out.extend([b'\\', *c]),
        }
    }
    out
}
