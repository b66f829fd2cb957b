//! `[[ … ]]`.

use crate::ast::{Bytes, Test, Word};
use crate::builtins::test::{Answer, binary, unary};
use crate::expand::field::{self, Mark};
use crate::shell::{Flow, Shell, shown};

impl Shell {
    /// Value of an expression.
    pub(super) fn test(&mut self, test: &Test) -> Result<bool, Flow> {
        match test {
            Test::Not(inner) => Ok(!self.test(inner)?),
            Test::And(left, right) => Ok(self.test(left)? && self.test(right)?),
            Test::Or(left, right) => Ok(self.test(left)? || self.test(right)?),
            Test::Unary(op, word) => {
                let text = self.expand_text(word)?;
                if self.set.xtrace {
                    let shown = crate::expand::escape::quoted_if_needed(&text);
                    self.trace_line(&[b"[[ ", op.as_slice(), b" ", &shown, b" ]]"].concat())?;
                }
                match unary(self, op, &text) {
                    Answer::Is(found) => Ok(found),
                    Answer::Wrong(message) => self.fail(message),
                }
            }
            Test::Binary(op, left, right) => self.test_two(op, left, right),
        }
    }

    fn test_two(&mut self, op: &[u8], left: &Word, right: &Word) -> Result<bool, Flow> {
        let text = self.expand_text(left)?;
        if self.set.xtrace {
            let other = self.expand_text(right)?;
            let shown = crate::expand::escape::quoted_if_needed(&text);
            self.trace_line(&[b"[[ ", shown.as_slice(), b" ", op, b" ", &other, b" ]]"].concat())?;
        }
        match op {
            b"=" | b"==" | b"!=" => {
                let cells = self.expand_cells(right)?;
                let any_case = self.shopt.nocasematch;
                let pattern = crate::matching::Pattern::new(&cells, true, any_case);
                Ok(pattern.matches(&text) == (op != b"!="))
            }
            b"=~" => self.regex(&text, right),
            b"<" => Ok(text < self.expand_text(right)?),
            b">" => Ok(text > self.expand_text(right)?),
            b"-eq" | b"-ne" | b"-lt" | b"-le" | b"-gt" | b"-ge" => {
                let other = self.expand_text(right)?;
                let (left, right) = (self.arith_text(&text)?, self.arith_text(&other)?);
                Ok(crate::builtins::test::compare(op, left, right))
            }
            _ => {
                let other = self.expand_text(right)?;
                match binary(&text, op, &other) {
                    Answer::Is(found) => Ok(found),
                    Answer::Wrong(message) => self.fail(message),
                }
            }
        }
    }

    /// `=~`: the groups are in BASH_REMATCH. What quotes protect stands for itself.
    fn regex(&mut self, text: &[u8], right: &Word) -> Result<bool, Flow> {
        let cells = self.expand_cells(right)?;
        let mut pattern = Bytes::new();
        for cell in cells.iter().filter(|cell| cell.1 != Mark::Empty) {
            if cell.1 == Mark::Quoted && b".[]{}()*+?^$|\\".contains(&cell.0) {
                pattern.push(b'\\');
            }
            pattern.push(cell.0);
        }
        match search(&pattern, text, self.shopt.nocasematch) {
            Ok(Some(groups)) => {
                self.vars.remove(b"BASH_REMATCH");
                self.set_list(b"BASH_REMATCH", groups)?;
                Ok(true)
            }
            Ok(None) => {
                self.set_list(b"BASH_REMATCH", Vec::new())?;
                Ok(false)
            }
            Err(message) => {
                let shown = shown(&field::text(&cells));
                self.complain(None, format!("{shown}: {message}"));
                Err(Flow::Fail(2))
            }
        }
    }
}

/// Groups of the first match of a POSIX extended regular expression; the whole match is the first.
fn search(pattern: &[u8], text: &[u8], any_case: bool) -> Result<Option<Vec<Bytes>>, String> {
    let meaning = pattern::Meaning { any_case, ..pattern::Meaning::default() };
    let chars = pattern::decode(pattern);
    let compiled = pattern::compile_chars(&chars, pattern::Syntax::Extended, meaning);
    let compiled = compiled.map_err(|e| e.to_string())?;
    let spans = compiled.captures_at(text, 0).map_err(|e| e.to_string())?;
    let group = |span: Option<std::ops::Range<usize>>| span.and_then(|span| text.get(span)).unwrap_or_default().to_vec();
    Ok(spans.map(|spans| spans.into_iter().map(group).collect()))
}
