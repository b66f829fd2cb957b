//! Tokens: words, operators, and what stands in front of redirections.

use super::{Parsed, Parser, Peeked};
use crate::ast::{From, Word};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A word.
    Word(Word),
    /// An operator.
    Op(&'static str),
    /// A number or `{name}` with a redirection behind it.
    Io(From),
    /// End of a line.
    Newline,
    /// End of the input.
    End,
}

/// Operators, longer ones before their beginnings.
const OPERATORS: &[&str] = &[
    ";;&", "<<<", "<<-", "&>>", "&&", "||", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "|&", "&>", "&", "|", ";", "<", ">",
    "(", ")",
];

/// Operators that redirect.
pub const REDIRECTIONS: &[&str] = &["<<<", "<<-", "&>>", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "<", ">"];

/// True for bytes that a name may hold.
pub const fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// True for bytes that a name may begin with.
pub const fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// True for a whole name.
pub fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(|first| begins_name(*first)) && text.iter().all(|byte| in_name(*byte))
}

impl Parser {
    /// The next token, without taking it.
    pub(super) fn peek(&mut self) -> Parsed<&Token> {
        if self.peeked.is_none() {
            self.skip_blanks();
            let (start, line) = (self.at, self.line);
            let token = self.lex()?;
            return Ok(&self.peeked.insert(Peeked { token, start, line }).token);
        }
        self.peeked.as_ref().map(|peeked| &peeked.token).ok_or_else(super::nothing)
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Parsed<Token> {
        self.peek()?;
        self.peeked.take().map(|peeked| peeked.token).ok_or_else(super::nothing)
    }

    /// Goes back to the begin of a token that was looked at.
    pub(super) fn put_back(&mut self) {
        if let Some(peeked) = self.peeked.take() {
            self.at = peeked.start;
            self.line = peeked.line;
        }
    }

    /// Begin of the next token in the text.
    pub(super) fn token_start(&mut self) -> Parsed<usize> {
        self.peek()?;
        Ok(self.peeked.as_ref().map_or(self.at, |peeked| peeked.start))
    }

    /// Line of the next token.
    pub(super) fn token_line(&mut self) -> Parsed<u32> {
        self.peek()?;
        Ok(self.peeked.as_ref().map_or(self.line, |peeked| peeked.line))
    }

    /// True when the next token is that operator.
    pub(super) fn is_op(&mut self, op: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?, Token::Op(found) if *found == op))
    }

    /// True, and behind it, when the next token is that operator.
    pub(super) fn eat_op(&mut self, op: &str) -> Parsed<bool> {
        let found = self.is_op(op)?;
        if found {
            self.take()?;
        }
        Ok(found)
    }

    /// True when the next token is that word, written without quotes.
    pub(super) fn is_word(&mut self, wanted: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?, Token::Word(word) if word.literal() == Some(wanted.as_bytes())))
    }

    /// True, and behind it, when the next token is that word.
    pub(super) fn eat_word(&mut self, wanted: &str) -> Parsed<bool> {
        let found = self.is_word(wanted)?;
        if found {
            self.take()?;
        }
        Ok(found)
    }

    /// Takes ends of lines.
    pub(super) fn skip_newlines(&mut self) -> Parsed<()> {
        while *self.peek()? == Token::Newline {
            self.take()?;
        }
        Ok(())
    }

    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.byte() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'#') => {
                    while self.look(0).is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    fn lex(&mut self) -> Parsed<Token> {
        let Some(byte) = self.byte() else { return Ok(Token::End) };
        self.inside = true;
        match byte {
            b'\n' => {
                self.step();
                self.read_documents()?;
                return Ok(Token::Newline);
            }
            b'<' | b'>' if self.look(1) == Some(b'(') => {}
            b'&' | b'|' | b';' | b'<' | b'>' | b'(' | b')' => return Ok(self.operator()),
            b'0'..=b'9' | b'{' => {
                if let Some(from) = self.before_redirection() {
                    return Ok(Token::Io(from));
                }
            }
            _ => {}
        }
        Ok(Token::Word(self.word(self.settings.extglob.get())?))
    }

    fn operator(&mut self) -> Token {
        for op in OPERATORS {
            // A line that ends here has no longer operator.
            let has = op.bytes().enumerate().all(|(at, byte)| self.continued(at) == Some(byte));
            if has {
                for _ in 0..op.len() {
                    self.byte();
                    self.at += 1;
                }
                return Token::Op(op);
            }
        }
        Token::End
    }

    /// The byte `ahead` of the place in an operator: no line is read for more than one that ends in a backslash.
    fn continued(&mut self, ahead: usize) -> Option<u8> {
        let mut at = self.at;
        let mut left = ahead;
        loop {
            while self.text.get(at..at + 2) == Some(b"\\\n") {
                at += 2;
                if at >= self.text.len() {
                    self.fill();
                }
            }
            let byte = self.text.get(at).copied()?;
            if left == 0 {
                return Some(byte);
            }
            left -= 1;
            at += 1;
        }
    }

    /// Digits or `{name}` directly in front of a redirection.
    fn before_redirection(&mut self) -> Option<From> {
        let rest = self.text.get(self.at..)?;
        let line = rest.split(|byte| *byte == b'\n').next()?;
        let (from, len) = if line.first() == Some(&b'{') {
            let end = line.iter().position(|byte| *byte == b'}')?;
            let name = line.get(1..end).filter(|name| is_name(name))?;
            (From::Name(name.to_vec()), end + 1)
        } else {
            let len = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = std::str::from_utf8(line.get(..len)?).ok()?.parse().ok()?;
            (From::Number(number), len)
        };
        matches!(line.get(len)?, b'<' | b'>').then(|| {
            self.at += len;
            from
        })
    }
}
