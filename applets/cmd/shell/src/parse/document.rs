//! Here-documents.

use std::cell::OnceCell;
use std::rc::Rc;

use super::lexer::Token;
use super::{Parsed, Parser, Pending};
use crate::ast::{Bytes, From, Part, Redirect, RedirectKind, Word};

impl Parser {
    /// A here-document's redirection, behind its operator. Its text comes behind the end of the line.
    pub(super) fn document(&mut self, from: From, strip_tabs: bool) -> Parsed<Redirect> {
        let start = self.token_start()?;
        let word = match self.take()? {
            Token::Word(word) => word,
            token => return Err(self.unexpected(&token)),
        };
        let written = self.text.get(start..self.at).unwrap_or_default();
        let quoted = written.iter().any(|byte| matches!(byte, b'\'' | b'"'))
            || written.windows(2).any(|pair| pair[0] == b'\\' && pair[1] != b'\n')
            || written.ends_with(b"\\");
        let delimiter = if quoted { unquoted(&word.parts) } else { without_joins(written) };
        let to = Rc::new(OnceCell::new());
        let document = Some(Rc::clone(&to));
        self.pending.push(Pending { delimiter, quoted, strip_tabs, to });
        Ok(Redirect { from, kind: RedirectKind::Document, word, document })
    }

    /// Reads the texts of the documents that began in the line before.
    pub(super) fn read_documents(&mut self) -> Parsed<()> {
        for pending in std::mem::take(&mut self.pending) {
            let first = self.line;
            let text = self.document_text(&pending);
            let word = if pending.quoted {
                Word { parts: vec![Part::Quoted(text)] }
            } else {
                let mut inner = Self::of_text(&text, &self.settings, first);
                inner.depth = self.depth;
                inner.whole_text()?
            };
            // It is filled here alone.
            let _ = pending.to.set(word);
        }
        Ok(())
    }

    /// Documents whose line is the last one are empty.
    pub(super) fn documents_at_end(&mut self) {
        for pending in self.pending.drain(..) {
            // As above.
            let _ = pending.to.set(Word::default());
        }
    }

    fn document_text(&mut self, pending: &Pending) -> Bytes {
        let mut text = Vec::new();
        while let Some(mut line) = self.whole_line() {
            if pending.strip_tabs {
                let tabs = line.iter().take_while(|byte| **byte == b'\t').count();
                line.drain(..tabs);
            }
            // An end of line behind a backslash is none, for the delimiter too.
            while !pending.quoted && goes_on(&line) {
                let Some(more) = self.whole_line() else { break };
                line.extend(more);
            }
            let bare = line.strip_suffix(b"\n").unwrap_or(&line);
            let ends = if pending.quoted { bare == pending.delimiter } else { without_joins(bare) == pending.delimiter };
            if ends {
                break;
            }
            text.extend_from_slice(&line);
        }
        text
    }

    /// The rest of the line with its end.
    fn whole_line(&mut self) -> Option<Bytes> {
        self.look(0)?;
        let rest = self.text.get(self.at..)?;
        let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let line = rest.get(..len)?.to_vec();
        self.at += len;
        self.line += u32::from(line.ends_with(b"\n"));
        Some(line)
    }
}

/// True for a line whose end a backslash hides.
fn goes_on(line: &[u8]) -> bool {
    let Some(bare) = line.strip_suffix(b"\n") else { return false };
    bare.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Text of a delimiter without its quotes.
fn unquoted(parts: &[Part]) -> Bytes {
    let mut text = Vec::new();
    for part in parts {
        match part {
            Part::Plain(bytes) | Part::Quoted(bytes) => text.extend_from_slice(bytes),
            Part::Double(inner) => text.extend(unquoted(inner)),
            Part::Param(param) => {
                text.push(b'$');
                text.extend_from_slice(&param.name);
            }
            _ => {}
        }
    }
    text
}

fn without_joins(written: &[u8]) -> Bytes {
    let mut text = Vec::new();
    let mut rest = written;
    while let Some((first, behind)) = rest.split_first() {
        if rest.starts_with(b"\\\n") {
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        text.push(*first);
        rest = behind;
    }
    text
}
