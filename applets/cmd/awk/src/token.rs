//! Tokens of a program.

use std::rc::Rc;

use crate::escape::unescape;
use crate::tree::Builtin;

/// Word, sign or value of a program.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Text(Rc<[u8]>),
    Regex(Vec<u8>),
    Name(String),
    /// Name with an opening parenthesis directly behind it.
    Called(String),
    Function(Builtin),
    Word(Word),
    Sign(&'static str),
    Newline,
    End,
}

/// Words that build statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Begin,
    Break,
    Case,
    Continue,
    Default,
    Delete,
    Do,
    Else,
    Exit,
    For,
    Function,
    Getline,
    If,
    In,
    Next,
    NextFile,
    Print,
    Printf,
    Return,
    Stop,
    Switch,
    While,
}

const WORDS: &[(&str, Word)] = &[
    ("BEGIN", Word::Begin),
    ("END", Word::Stop),
    ("break", Word::Break),
    ("case", Word::Case),
    ("continue", Word::Continue),
    ("default", Word::Default),
    ("delete", Word::Delete),
    ("do", Word::Do),
    ("else", Word::Else),
    ("exit", Word::Exit),
    ("for", Word::For),
    ("func", Word::Function),
    ("function", Word::Function),
    ("getline", Word::Getline),
    ("if", Word::If),
    ("in", Word::In),
    ("next", Word::Next),
    ("nextfile", Word::NextFile),
    ("print", Word::Print),
    ("printf", Word::Printf),
    ("return", Word::Return),
    ("switch", Word::Switch),
    ("while", Word::While),
];

/// Longer ones first: the first that fits is taken.
const SIGNS: &[&str] = &[
    "**=", "**", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", "!~", ">>", "{", "}", "(",
    ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "=",
];

/// All tokens of a program, each with its line.
///
/// # Errors
/// One sentence: a text or a regular expression has no end, or a character begins no token.
pub fn tokens(source: &[u8]) -> Result<Vec<(Token, usize)>, String> {
    let mut lexer = Lexer { source, at: 0, line: 1, found: Vec::new() };
    while lexer.next().map_err(|e| format!("cmd. line:{}: {e}", lexer.line))? {}
    let line = lexer.line;
    lexer.found.extend([(Token::Newline, line), (Token::End, line)]);
    Ok(lexer.found)
}

struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    line: usize,
    found: Vec<(Token, usize)>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn put(&mut self, token: Token) {
        self.found.push((token, self.line));
    }

    /// Reads one token; false at the end.
    fn next(&mut self) -> Result<bool, String> {
        let Some(&c) = self.source.get(self.at) else { return Ok(false) };
        match c {
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\n' => {
                self.put(Token::Newline);
                self.at += 1;
                self.line += 1;
            }
            b'#' => self.at += memchr::memchr(b'\n', &self.source[self.at..]).unwrap_or(self.source.len() - self.at),
            b'\\' if self.peek(1) == b'\n' => self.continued(2),
            b'\\' if self.peek(1) == b'\r' && self.peek(2) == b'\n' => self.continued(3),
            b'"' => self.text()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'/' if self.regex_may_begin() => self.regex()?,
            _ => self.sign()?,
        }
        Ok(true)
    }

    fn continued(&mut self, bytes: usize) {
        self.at += bytes;
        self.line += 1;
    }

    /// Tells a division from a regular expression: behind a value it divides.
    fn regex_may_begin(&self) -> bool {
        match self.found.last().map(|(token, _)| token) {
            Some(Token::Number(_) | Token::Text(_) | Token::Name(_) | Token::Function(_)) => false,
            Some(Token::Sign(sign)) => !matches!(*sign, ")" | "]" | "$" | "++" | "--"),
            _ => true,
        }
    }

    fn sign(&mut self) -> Result<(), String> {
        let rest = &self.source[self.at..];
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(sign.as_bytes())) else {
            return Err(format!("{:?} begins nothing", char::from(rest[0])));
        };
        self.at += sign.len();
        self.put(Token::Sign(match *sign {
            "**" => "^",
            "**=" => "^=",
            sign => sign,
        }));
        Ok(())
    }

    fn word(&mut self) {
        let rest = &self.source[self.at..];
        let len = rest.iter().position(|c| !c.is_ascii_alphanumeric() && *c != b'_').unwrap_or(rest.len());
        let name = String::from_utf8_lossy(&rest[..len]).into_owned();
        self.at += len;
        let token = if let Ok(at) = WORDS.binary_search_by_key(&name.as_str(), |(text, _)| text) {
            Token::Word(WORDS[at].1)
        } else if let Some(function) = Builtin::named(&name) {
            Token::Function(function)
        } else if self.peek(0) == b'(' {
            Token::Called(name)
        } else {
            Token::Name(name)
        };
        self.put(token);
    }

    fn number(&mut self) {
        let rest = &self.source[self.at..];
        if rest[0] == b'0' && matches!(rest.get(1), Some(b'x' | b'X')) {
            let digits = rest[2..].iter().take_while(|c| c.is_ascii_hexdigit()).count();
            if digits > 0 {
                let digit = |c: &u8| f64::from(char::from(*c).to_digit(16).unwrap_or(0));
                let value = rest[2..2 + digits].iter().fold(0.0, |value, c| value * 16.0 + digit(c));
                self.at += 2 + digits;
                self.put(Token::Number(value));
                return;
            }
        }
        // A leading zero means octal, as in C and gawk, where no other digit or point follows.
        let digits = rest.iter().take_while(|c| (b'0'..=b'7').contains(*c)).count();
        if rest[0] == b'0' && digits > 1 && !matches!(rest.get(digits), Some(b'8' | b'9' | b'.' | b'e' | b'E')) {
            let value = rest[..digits].iter().fold(0.0, |value, c| value * 8.0 + f64::from(c - b'0'));
            self.at += digits;
            self.put(Token::Number(value));
            return;
        }
        let (value, len) = crate::number::leading(rest);
        self.at += len.max(1);
        self.put(Token::Number(value));
    }

    fn text(&mut self) -> Result<(), String> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.source.get(self.at) {
                None | Some(b'\n') => return Err("a text has no closing quote".into()),
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut text),
                Some(c) => {
                    text.push(*c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        self.put(Token::Text(text.into()));
        Ok(())
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        if self.peek(1) == b'\n' {
            return self.continued(2);
        }
        let used = unescape(&self.source[self.at..], text);
        self.at += used;
    }

    /// A regular expression keeps its escapes, but for that of the slash.
    fn regex(&mut self) -> Result<(), String> {
        self.at += 1;
        let mut text = Vec::new();
        let mut in_bracket = None;
        loop {
            let Some(&c) = self.source.get(self.at).filter(|c| **c != b'\n') else {
                return Err("a regular expression has no closing slash".into());
            };
            match (c, in_bracket) {
                (b'/', None) => break,
                (b'\\', _) if self.peek(1) == b'/' => self.at += 1,
                (b'\\', _) if self.peek(1) != b'\n' => {
                    text.push(c);
                    self.at += 1;
                }
                (b'[', None) => in_bracket = self.bracket_closes().then(|| self.at + 1 + usize::from(self.peek(1) == b'^')),
                (b']', Some(first)) if self.at > first => in_bracket = None,
                _ => {}
            }
            text.push(self.peek(0));
            self.at += 1;
        }
        self.at += 1;
        self.put(Token::Regex(text));
        Ok(())
    }

    /// Tells if a bracket is closed before the line ends: an open one does not hide the slash.
    fn bracket_closes(&self) -> bool {
        let line = self.source[self.at..].split(|c| *c == b'\n').next().unwrap_or_default();
        line.iter().skip(2 + usize::from(self.peek(1) == b'^')).any(|c| *c == b']')
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn words_are_sorted() {
        assert!(WORDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn slash_divides_behind_a_value() {
        let kinds = |text: &str| tokens(text.as_bytes()).unwrap().into_iter().map(|(token, _)| token).collect::<Vec<_>>();
        assert_eq!(kinds("a/b/c").iter().filter(|t| **t == Token::Sign("/")).count(), 2);
        assert!(kinds("x ~ /a[/]b\\/c/").contains(&Token::Regex(b"a[/]b/c".to_vec())));
        assert!(tokens(b"\"open").is_err() && tokens(b"/open").is_err() && tokens(b"`").is_err());
    }
}
