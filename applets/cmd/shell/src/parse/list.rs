//! Lists, and-or lists and pipelines.

use super::lexer::Token;
use super::{Parsed, Parser};
use crate::ast::{Command, From, Item, List, Pipeline, Redirect, RedirectKind, Word};

/// Words that end a list where a command could begin.
const CLOSING: &[&str] = &["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl Parser {
    /// The whole text as a list.
    ///
    /// # Errors
    /// A text that is no list of commands.
    pub fn whole(&mut self) -> Parsed<List> {
        let list = self.list_until(&[])?;
        match self.peek()?.clone() {
            Token::End => {
                self.documents_at_end();
                Ok(list)
            }
            token => Err(self.unexpected(&token)),
        }
    }

    /// Commands over any number of lines, up to one of the words or operators, which stays.
    pub(super) fn list_until(&mut self, ends: &[&str]) -> Parsed<List> {
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            while self.expand_alias()? {}
            if *self.peek()? == Token::End || self.is_any(ends)? || self.is_separator()? {
                return Ok(List { items });
            }
            items.extend(self.items(false)?);
            if *self.peek()? == Token::Newline {
                continue;
            }
            return Ok(List { items });
        }
    }

    /// The same; an empty list is a mistake.
    pub(super) fn commands_until(&mut self, ends: &[&str]) -> Parsed<List> {
        let list = self.list_until(ends)?;
        if list.items.is_empty() {
            let token = self.peek()?.clone();
            return Err(self.unexpected(&token));
        }
        Ok(list)
    }

    fn is_any(&mut self, ends: &[&str]) -> Parsed<bool> {
        Ok(match self.peek()? {
            Token::Op(op) => ends.contains(op),
            Token::Word(word) => word.literal().is_some_and(|text| ends.iter().any(|end| end.as_bytes() == text)),
            _ => false,
        })
    }

    fn is_separator(&mut self) -> Parsed<bool> {
        Ok(matches!(self.peek()?, Token::Op(";" | "&" | ";;" | ";&" | ";;&" | ")")))
    }

    /// Commands up to the end of the line.
    pub(super) fn items(&mut self, _top: bool) -> Parsed<Vec<Item>> {
        let mut items = Vec::new();
        loop {
            let mut item = self.item()?;
            let background = self.eat_op("&")?;
            item.background = background;
            let more = background || self.eat_op(";")?;
            items.push(item);
            while more && self.expand_alias()? {}
            if !more || !self.begins_command()? {
                return Ok(items);
            }
        }
    }

    /// True when the next token may begin a command.
    fn begins_command(&mut self) -> Parsed<bool> {
        Ok(match self.peek()? {
            Token::End | Token::Newline => false,
            Token::Io(_) => true,
            Token::Op(op) => *op == "(" || super::lexer::REDIRECTIONS.contains(op),
            Token::Word(word) => !word.literal().is_some_and(|text| CLOSING.iter().any(|closing| closing.as_bytes() == text)),
        })
    }

    fn item(&mut self) -> Parsed<Item> {
        let start = self.token_start()?;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let and = if self.eat_op("&&")? {
                true
            } else if self.eat_op("||")? {
                false
            } else {
                break;
            };
            self.skip_newlines()?;
            rest.push((and, self.pipeline()?));
        }
        let text = self.text_since(start)?;
        Ok(Item { first, rest, background: false, text })
    }

    /// Source text from a place up to the next token.
    pub(super) fn text_since(&mut self, start: usize) -> Parsed<Box<[u8]>> {
        let end = self.token_start()?;
        let text = self.text.get(start..end).unwrap_or_default();
        Ok(text.trim_ascii_end().into())
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let mut pipeline = Pipeline { negated: false, timed: None, commands: Vec::new() };
        loop {
            while self.expand_alias()? {}
            if self.eat_word("!")? {
                pipeline.negated = !pipeline.negated;
            } else if pipeline.timed.is_none() && self.eat_word("time")? {
                pipeline.timed = Some(self.eat_word("-p")?);
            } else {
                break;
            }
        }
        let alone = pipeline.timed.is_some() || pipeline.negated;
        if alone && !self.begins_command()? {
            return Ok(pipeline);
        }
        loop {
            let mut command = self.deeper(Self::command)?;
            if self.eat_op("|&")? {
                command.redirects.push(errors_too());
            } else if !self.eat_op("|")? {
                pipeline.commands.push(command);
                return Ok(pipeline);
            }
            pipeline.commands.push(command);
            self.skip_newlines()?;
        }
    }

    /// Takes redirections.
    pub(super) fn redirects(&mut self, command: &mut Command) -> Parsed<()> {
        while let Some(redirect) = self.redirect()? {
            command.redirects.push(redirect);
        }
        Ok(())
    }

    /// Takes one redirection, if there is one.
    pub(super) fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let from = match self.peek()? {
            Token::Io(from) => from.clone(),
            Token::Op(op) if super::lexer::REDIRECTIONS.contains(op) => From::Usual,
            _ => return Ok(None),
        };
        if from != From::Usual {
            self.take()?;
        }
        let Token::Op(op) = self.take()? else { return Ok(None) };
        if op == "<<" || op == "<<-" {
            return self.document(from, op == "<<-").map(Some);
        }
        let kind = match op {
            "<" => RedirectKind::Read,
            ">" => RedirectKind::Write,
            ">|" => RedirectKind::Clobber,
            ">>" => RedirectKind::Append,
            "<>" => RedirectKind::ReadWrite,
            "<&" => RedirectKind::CopyIn,
            ">&" => RedirectKind::CopyOut,
            "&>" => RedirectKind::Both,
            "&>>" => RedirectKind::BothAppend,
            _ => RedirectKind::String,
        };
        match self.take()? {
            Token::Word(word) => Ok(Some(Redirect { from, kind, word, document: None })),
            token => Err(self.unexpected(&token)),
        }
    }
}

/// `2>&1`.
fn errors_too() -> Redirect {
    Redirect { from: From::Number(2), kind: RedirectKind::CopyOut, word: Word::plain(b"1"), document: None }
}
