//! GRUB's shell as text: words, commands, blocks.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The longest configuration, in bytes, and how deep blocks may lie in one another.
const LONGEST: usize = 1 << 20;
const DEPTH: usize = 24;

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// A variable, and whether it stands in double quotes.
    Variable(String, bool),
}

/// A word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Part>);

impl Word {
    /// The text of a word that has no variables and was not quoted.
    fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A name and arguments.
    Simple(Vec<Word>),
    /// Conditions with their blocks, and the block without one.
    If(Vec<(Vec<Command>, Vec<Command>)>, Vec<Command>),
    /// A variable, its values, a block.
    For(String, Vec<Word>, Vec<Command>),
    /// A condition and a block; `true` for `until`.
    While(Vec<Command>, Vec<Command>, bool),
    /// A name and a block.
    Function(String, Rc<Vec<Command>>),
    /// `menuentry` and `submenu`.
    Entry(Vec<Word>, Rc<Vec<Command>>),
    /// The same.
    Menu(Vec<Word>, Rc<Vec<Command>>),
    /// `! command`
    Not(Box<Command>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Word),
    /// A line's end, or a semicolon.
    End,
    Open,
    Close,
}

/// Read a configuration.
pub fn read(text: &str) -> Result<Vec<Command>, String> {
    if text.len() > LONGEST {
        return Err(format!("the configuration is longer than {LONGEST} bytes"));
    }
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens, at: 0 };
    let commands = reader.block(&[], 0)?;
    if reader.at < tokens.len() { Err("the configuration has a } or a word such as fi too many".into()) } else { Ok(commands) }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            '\n' | ';' => {
                chars.next();
                tokens.push(Token::End);
            }
            c if c.is_whitespace() => drop(chars.next()),
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '{' => {
                chars.next();
                tokens.push(Token::Open);
            }
            '}' => {
                chars.next();
                tokens.push(Token::Close);
            }
            _ => tokens.push(Token::Word(word(&mut chars)?)),
        }
    }
    Ok(tokens)
}

type Chars<'a> = core::iter::Peekable<core::str::Chars<'a>>;

fn word(chars: &mut Chars<'_>) -> Result<Word, String> {
    let (mut word, mut text, mut quoted) = (Word::default(), String::new(), false);
    // An empty text in quotes is a word, too.
    let mut any = false;
    while let Some(&c) = chars.peek() {
        if !quoted && (c.is_whitespace() || matches!(c, ';' | '{' | '}')) {
            break;
        }
        chars.next();
        match c {
            '\'' if !quoted => {
                any = true;
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => text.push(c),
                        None => return Err("a ' in the configuration has no end".into()),
                    }
                }
            }
            '"' => {
                any = true;
                quoted = !quoted;
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) if quoted && !matches!(c, '"' | '$' | '\\') => text.extend(['\\', c]),
                Some(c) => text.push(c),
            },
            '$' => {
                let name = variable(chars);
                if name.is_empty() {
                    text.push('$');
                } else {
                    if !text.is_empty() {
                        word.0.push(Part::Text(core::mem::take(&mut text)));
                    }
                    word.0.push(Part::Variable(name, quoted));
                }
            }
            c => text.push(c),
        }
    }
    if quoted {
        return Err("a \" in the configuration has no end".into());
    }
    if !text.is_empty() || (any && word.0.is_empty()) {
        word.0.push(Part::Text(text));
    }
    Ok(word)
}

fn variable(chars: &mut Chars<'_>) -> String {
    let braces = chars.next_if_eq(&'{').is_some();
    let mut name = String::new();
    // Parameters of a function: all of them, and their number.
    if !braces && let Some(c) = chars.next_if(|c| matches!(c, '@' | '*' | '#' | '?')) {
        return c.to_string();
    }
    if !braces && let Some(c) = chars.next_if(char::is_ascii_digit) {
        name.push(c);
        while let Some(c) = chars.next_if(char::is_ascii_digit) {
            name.push(c);
        }
        return name;
    }
    let fits = |c: &char| if braces { *c != '}' && *c != '\n' } else { c.is_ascii_alphanumeric() || *c == '_' || *c == '?' };
    while let Some(c) = chars.next_if(fits) {
        name.push(c);
    }
    if braces {
        chars.next_if_eq(&'}');
    }
    name
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next_is(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.plain() == Some(name))
    }

    fn skip_ends(&mut self) {
        while self.peek() == Some(&Token::End) {
            self.at += 1;
        }
    }

    /// Commands up to one of these words, or up to a closing brace, which stay.
    fn block(&mut self, ends: &[&str], depth: usize) -> Result<Vec<Command>, String> {
        if depth > DEPTH {
            return Err(format!("the configuration's blocks lie more than {DEPTH} deep"));
        }
        let mut commands = Vec::new();
        loop {
            self.skip_ends();
            match self.peek() {
                None | Some(Token::Close) => return Ok(commands),
                Some(Token::Word(word)) if word.plain().is_some_and(|name| ends.contains(&name) || STOPS.contains(&name)) => {
                    return Ok(commands);
                }
                Some(Token::Open) => {
                    // A block by itself.
                    commands.extend(self.braces(depth)?);
                }
                Some(_) => commands.push(self.command(depth)?),
            }
        }
    }

    fn braces(&mut self, depth: usize) -> Result<Vec<Command>, String> {
        self.skip_ends();
        if self.peek() != Some(&Token::Open) {
            return Err("a { is missing in the configuration".into());
        }
        self.at += 1;
        let commands = self.block(&[], depth + 1)?;
        if self.peek() != Some(&Token::Close) {
            return Err("a } is missing in the configuration".into());
        }
        self.at += 1;
        Ok(commands)
    }

    fn expect(&mut self, name: &str) -> Result<(), String> {
        self.skip_ends();
        if !self.next_is(name) {
            return Err(format!("the configuration lacks {name}"));
        }
        self.at += 1;
        Ok(())
    }

    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            words.push(word.clone());
            self.at += 1;
        }
        words
    }

    fn command(&mut self, depth: usize) -> Result<Command, String> {
        if depth > DEPTH {
            return Err(format!("the configuration's blocks lie more than {DEPTH} deep"));
        }
        let name = match self.peek() {
            Some(Token::Word(word)) => word.plain().unwrap_or_default().to_string(),
            _ => String::new(),
        };
        match name.as_str() {
            "if" => self.condition(depth),
            "for" => {
                self.at += 1;
                let mut words = self.words().into_iter();
                let variable = words.next().and_then(|word| word.plain().map(ToString::to_string)).unwrap_or_default();
                let values = words.skip(1).collect();
                self.expect("do")?;
                let body = self.block(&["done"], depth + 1)?;
                self.expect("done")?;
                Ok(Command::For(variable, values, body))
            }
            "while" | "until" => {
                self.at += 1;
                let condition = self.block(&["do"], depth + 1)?;
                self.expect("do")?;
                let body = self.block(&["done"], depth + 1)?;
                self.expect("done")?;
                Ok(Command::While(condition, body, name == "until"))
            }
            "function" => {
                self.at += 1;
                let name = self.words().first().and_then(Word::plain).map(ToString::to_string);
                let name = name.ok_or("a function of the configuration has no name")?;
                Ok(Command::Function(name, Rc::new(self.braces(depth)?)))
            }
            "menuentry" => {
                self.at += 1;
                Ok(Command::Entry(self.words(), Rc::new(self.braces(depth)?)))
            }
            "submenu" => {
                self.at += 1;
                Ok(Command::Menu(self.words(), Rc::new(self.braces(depth)?)))
            }
            "!" => {
                self.at += 1;
                match self.peek() {
                    Some(Token::Word(_)) => Ok(Command::Not(Box::new(self.command(depth + 1)?))),
                    _ => Err("a ! of the configuration has no command behind it".into()),
                }
            }
            _ => Ok(Command::Simple(self.words())),
        }
    }

    fn condition(&mut self, depth: usize) -> Result<Command, String> {
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        // `if`, or `elif`.
        self.at += 1;
        loop {
            let condition = self.block(&["then"], depth + 1)?;
            self.expect("then")?;
            branches.push((condition, self.block(&["elif", "else", "fi"], depth + 1)?));
            if self.next_is("elif") {
                self.at += 1;
                continue;
            }
            if self.next_is("else") {
                self.at += 1;
                otherwise = self.block(&["fi"], depth + 1)?;
            }
            self.expect("fi")?;
            return Ok(Command::If(branches, otherwise));
        }
    }
}

/// Words that can't begin a command.
const STOPS: &[&str] = &["then", "elif", "else", "fi", "do", "done"];
