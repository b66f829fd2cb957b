//! Searching for regular expressions.

use pattern::{Meaning, Pattern, Syntax, compile_chars, decode};

use crate::buffer::Pos;
use crate::chars;
use crate::editor::{Done, Editor, Search, Stop};

impl Editor {
    /// Reads an expression; an empty one is the last.
    pub fn set_pattern(&mut self, text: &[u8], forward: bool) -> Done {
        let text = match (&self.search, text.is_empty()) {
            (Some(search), true) => search.text.clone(),
            (None, true) => return Err(Stop::Say("nothing was searched for before".into())),
            _ => text.to_vec(),
        };
        let meaning = Meaning { any_case: self.settings.ignore_case, ..Meaning::default() };
        let pattern = compile_chars(&decode(&text), Syntax::Basic, meaning).map_err(|e| Stop::Say(e.to_string()))?;
        self.search = Some(Search { pattern, text, forward });
        Ok(())
    }

    /// Place of the next match from a place on, in a direction.
    pub fn find_match(&self, from: Pos, forward: bool) -> Done<Pos> {
        let Some(search) = &self.search else { return Err(Stop::Say("nothing was searched for before".into())) };
        let count = self.buffer.len();
        for step in 0..=count {
            let line = if forward { (from.line + step) % count } else { (from.line + count - step % count) % count };
            let wrapped = if forward { from.line + step >= count } else { step > from.line };
            if wrapped && !self.settings.wrap_scan {
                break;
            }
            let text = self.buffer.line(line);
            let found = if forward {
                let at = if step == 0 { from.col + chars::len_at(text, from.col).max(1) } else { 0 };
                first_from(&search.pattern, text, at)?
            } else {
                let before = if step == 0 { from.col } else { usize::MAX };
                last_before(&search.pattern, text, before)?
            };
            if let Some(col) = found {
                return Ok(Pos { line, col });
            }
        }
        Err(Stop::Say(format!("no match: {}", String::from_utf8_lossy(&search.text))))
    }

    /// `n` and `N`.
    pub fn search_again(&self, from: Pos, count: usize, reverse: bool) -> Done<Pos> {
        let forward = self.search.as_ref().is_none_or(|search| search.forward) != reverse;
        (0..count).try_fold(from, |at, _| self.find_match(at, forward))
    }
}

fn first_from(pattern: &Pattern, text: &[u8], at: usize) -> Done<Option<usize>> {
    if at > text.len() || (at == text.len() && at > 0) {
        return Ok(None);
    }
    let found = pattern.find_at(text, at).map_err(|e| Stop::Say(e.to_string()))?;
    Ok(found.map(|found| found.start).filter(|start| *start < text.len().max(1)))
}

fn last_before(pattern: &Pattern, text: &[u8], before: usize) -> Done<Option<usize>> {
    let mut last = None;
    let visited = pattern.each_match(text, |spans| {
        let start = spans.first().and_then(|span| span.as_ref()).map_or(usize::MAX, |span| span.start);
        if start < before && start < text.len().max(1) {
            last = Some(start);
        }
        start < before
    });
    visited.map_err(|e| Stop::Say(e.to_string()))?;
    Ok(last)
}
