//! Simple commands, definitions of functions, and aliases.

use super::lexer::Token;
use super::{Parsed, Parser};
use crate::ast::{Arg, Command, Kind, List, Simple};

/// Commands whose arguments may be assignments.
const DECLARING: &[&[u8]] = &[b"declare", b"export", b"local", b"readonly", b"typeset"];

impl Parser {
    /// A simple command or a definition `name() …`.
    pub(super) fn simple(&mut self, line: u32) -> Parsed<Command> {
        let start = self.token_start()?;
        let mut simple = Simple::default();
        let mut command = Command { kind: Kind::Brace(List::default()), redirects: Vec::new(), line };
        let mut declares = false;
        loop {
            if let Some(redirect) = self.redirect()? {
                command.redirects.push(redirect);
                continue;
            }
            let Token::Word(_) = self.peek()? else { break };
            if simple.words.is_empty() || declares {
                self.put_back();
                if let Some(assign) = self.assignment()? {
                    if simple.words.is_empty() {
                        simple.assigns.push(assign);
                    } else {
                        simple.words.push(Arg::Assign(assign));
                    }
                    continue;
                }
            }
            if simple.words.is_empty() || self.follows_alias() {
                while self.expand_alias()? {}
                if !matches!(self.peek()?, Token::Word(_)) {
                    continue;
                }
            }
            let Token::Word(word) = self.take()? else { break };
            if simple.words.is_empty() {
                let name = word.literal().unwrap_or_default();
                declares = DECLARING.contains(&name);
            } else if let [Arg::Word(first)] = simple.words.as_slice() {
                // `command export a=b` and `builtin …` declare too.
                let prefix = matches!(first.literal(), Some(b"command" | b"builtin"));
                declares |= prefix && word.literal().is_some_and(|name| DECLARING.contains(&name));
            }
            let first = simple.words.is_empty() && simple.assigns.is_empty();
            let name = word.literal().map(<[u8]>::to_vec);
            simple.words.push(Arg::Word(word));
            if let (true, true, Some(name)) = (first, command.redirects.is_empty(), name)
                && self.is_op("(")?
            {
                return self.definition(name, start, line);
            }
        }
        if simple.words.is_empty() && simple.assigns.is_empty() && command.redirects.is_empty() {
            let token = self.peek()?.clone();
            return Err(self.unexpected(&token));
        }
        simple.text = self.text_since(start)?;
        command.kind = Kind::Simple(simple);
        Ok(command)
    }

    /// `()` and the body of a function.
    fn definition(&mut self, name: Vec<u8>, start: usize, line: u32) -> Parsed<Command> {
        self.take()?;
        if !self.eat_op(")")? {
            let token = self.peek()?.clone();
            return Err(self.unexpected(&token));
        }
        if name.iter().any(|byte| b"=$`\"'".contains(byte)) {
            return Err(self.wrong("syntax error: bad function name"));
        }
        let kind = self.function_body(name, start)?;
        Ok(Command { kind, redirects: Vec::new(), line })
    }

    /// True when the next token is the first one behind an alias that ends in a blank.
    fn follows_alias(&mut self) -> bool {
        let Some(end) = self.alias_next else { return false };
        let start = self.peeked.as_ref().map_or(self.at, |peeked| peeked.start);
        if start < end {
            return false;
        }
        self.alias_next = None;
        true
    }

    /// Puts the text of an alias in place of the next token; false when it is none.
    pub(super) fn expand_alias(&mut self) -> Parsed<bool> {
        if !self.settings.expand_aliases.get() || self.settings.aliases.borrow().is_empty() {
            return Ok(false);
        }
        let Token::Word(word) = self.peek()? else { return Ok(false) };
        let Some(name) = word.literal().map(<[u8]>::to_vec) else { return Ok(false) };
        let start = self.token_start()?;
        self.active.retain(|(_, end)| *end > start);
        if self.active.iter().any(|(active, _)| *active == name) {
            return Ok(false);
        }
        let Some(value) = self.settings.aliases.borrow().get(&name).cloned() else {
            return Ok(false);
        };
        let end = self.at;
        self.put_back();
        self.text.splice(start..end, value.iter().copied());
        let grown = value.len() as isize - (end - start) as isize;
        for (_, place) in &mut self.active {
            *place = place.saturating_add_signed(grown);
        }
        self.active.push((name, start + value.len()));
        self.alias_next = match value.last() {
            Some(b' ' | b'\t') => Some(start + value.len()),
            _ => self.alias_next.map(|place| place.saturating_add_signed(grown)),
        };
        Ok(true)
    }
}
