//! Loops.

use sys::descriptor;

use crate::ast::{Bytes, List, Word};
use crate::shell::{Done, Flow, Shell};

/// Outcome of a turn of a loop.
enum Turn {
    /// Go on.
    Next(i32),
    /// Leave the loop.
    Leave(i32),
}

impl Shell {
    /// Runs a loop's body once.
    fn turn(&mut self, body: &List) -> Result<Turn, Flow> {
        self.loops += 1;
        let done = self.list(body, false);
        self.loops = self.loops.saturating_sub(1);
        match done {
            Ok(status) => Ok(Turn::Next(status)),
            Err(Flow::Break(0 | 1)) => Ok(Turn::Leave(self.status)),
            Err(Flow::Continue(0 | 1)) => Ok(Turn::Next(self.status)),
            Err(Flow::Break(more)) => Err(Flow::Break(more - 1)),
            Err(Flow::Continue(more)) => Err(Flow::Continue(more - 1)),
            Err(flow) => Err(flow),
        }
    }

    pub(super) fn while_loop(&mut self, until: bool, condition: &List, body: &List) -> Done {
        let mut status = 0;
        loop {
            // A `break` in the condition is one of this loop.
            self.loops += 1;
            let found = self.condition(condition);
            self.loops = self.loops.saturating_sub(1);
            match found {
                Ok(found) if found == until => return Ok(status),
                Ok(_) => {}
                Err(Flow::Break(0 | 1)) => return Ok(self.status),
                Err(Flow::Continue(0 | 1)) => continue,
                Err(Flow::Break(more)) => return Err(Flow::Break(more - 1)),
                Err(Flow::Continue(more)) => return Err(Flow::Continue(more - 1)),
                Err(flow) => return Err(flow),
            }
            match self.turn(body)? {
                Turn::Next(last) => status = last,
                Turn::Leave(last) => return Ok(last),
            }
        }
    }

    /// Words of a loop; the arguments where there are none.
    fn loop_words(&mut self, words: Option<&[Word]>) -> Result<Vec<Bytes>, Flow> {
        match words {
            Some(words) => self.expand_words(words),
            None => Ok(self.args.clone()),
        }
    }

    pub(super) fn for_loop(&mut self, name: &[u8], words: Option<&[Word]>, body: &List) -> Done {
        let line = self.line;
        let mut status = 0;
        for word in self.loop_words(words)? {
            self.line = line;
            self.run_condition(crate::trap::DEBUG)?;
            if self.set.xtrace && self.bash {
                self.trace_line(&[b"for ", name, b" in ", word.as_slice()].concat())?;
            }
            match self.vars.get(name) {
                Some(var) if var.nameref => self.vars.set(name, word),
                _ => self.set_var(name, word)?,
            }
            match self.turn(body)? {
                Turn::Next(last) => status = last,
                Turn::Leave(last) => return Ok(last),
            }
        }
        Ok(status)
    }

    pub(super) fn arith_loop(&mut self, parts: &[Word; 3], body: &List) -> Done {
        let [first, condition, step] = parts;
        let mut status = 0;
        if self.loop_expression(first)?.is_none() {
            return Ok(1);
        }
        loop {
            if !condition.parts.is_empty() {
                match self.loop_expression(condition)? {
                    None => return Ok(1),
                    Some(0) => return Ok(status),
                    Some(_) => {}
                }
            }
            match self.turn(body)? {
                Turn::Next(last) => status = last,
                Turn::Leave(last) => return Ok(last),
            }
            if self.loop_expression(step)?.is_none() {
                return Ok(1);
            }
        }
    }

    fn loop_expression(&mut self, word: &Word) -> Result<Option<i64>, Flow> {
        let text = self.arith_word(word)?;
        let blank = text.trim_ascii().is_empty();
        if blank { Ok(Some(1)) } else { self.arith_checked(&text) }
    }

    /// `select`: a menu, answers until one leaves the loop.
    pub(super) fn select(&mut self, name: &[u8], words: Option<&[Word]>, body: &List) -> Done {
        let words = self.loop_words(words)?;
        let mut show = true;
        if words.is_empty() {
            return Ok(0);
        }
        loop {
            let mut text = Bytes::new();
            if show {
                for (number, word) in words.iter().enumerate() {
                    text.extend([format!("{}) ", number + 1).as_bytes(), word, b"\n"].concat());
                }
            }
            let prompt = self.var(b"PS3").unwrap_or_else(|| b"#? ".to_vec());
            text.extend(prompt);
            // Nothing is left to ask when standard error is closed.
            let _ = descriptor::write_all(2, &text);
            let Some(line) = crate::builtins::read::plain_line() else {
                let _ = descriptor::write_all(2, b"\n");
                return Ok(1);
            };
            let answer = line.trim_ascii();
            show = answer.is_empty();
            self.set_var(b"REPLY", line.clone())?;
            if show {
                continue;
            }
            let number = crate::arith::decimal(answer).and_then(|n| usize::try_from(n - 1).ok());
            let word = number.and_then(|number| words.get(number)).cloned().unwrap_or_default();
            self.set_var(name, word)?;
            if let Turn::Leave(last) = self.turn(body)? {
                return Ok(last);
            }
        }
    }
}
