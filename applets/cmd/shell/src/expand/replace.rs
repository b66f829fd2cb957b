//! Operations on values: trimming, replacing, substrings, case.

use super::field::{Cell, Mark};
use crate::ast::{Bytes, Index, Op, Param, Word};
use crate::matching::{Pattern, offset};
use crate::shell::{Flow, Shell, shown};
use crate::vars::Value;
use crate::vars::lookup::Got;

impl Shell {
    /// Does to a value what the expansion says.
    pub(super) fn operate(&mut self, param: &Param, name: &[u8], index: Option<&Index>, got: Got) -> Result<Got, Flow> {
        match &param.op {
            Op::Trim { suffix, longest, pattern } => {
                let pattern = self.expand_pattern(pattern)?;
                Ok(each(got, |text| trim(&text, &pattern, *suffix, *longest)))
            }
            Op::Replace { mode, pattern, with } => {
                let pattern = self.expand_pattern(pattern)?;
                let with = self.replacement(with)?;
                Ok(each(got, |text| replace(&text, &pattern, &with, *mode)))
            }
            Op::Substring { offset, length } => self.substring(name, index, got, offset, length.as_ref()),
            Op::Case { kind, all, pattern } => {
                let pattern = match pattern {
                    Some(pattern) => Some(self.expand_pattern(pattern)?),
                    None => None,
                };
                Ok(each(got, |text| super::case::change(&text, *kind, *all, pattern.as_ref())))
            }
            Op::Transform(kind) => self.transform(*kind, name, index, got),
            _ => Ok(got),
        }
    }

    /// Cells of a replacement: an `&` that no quotes protect stands for the match in bash; not in POSIX' shells.
    fn replacement(&mut self, word: &Word) -> Result<Vec<Cell>, Flow> {
        let mut cells = self.expand_cells(word)?;
        if !self.bash || !self.shopt.patsub_replacement {
            for cell in &mut cells {
                if cell.1 != Mark::Empty {
                    cell.1 = Mark::Quoted;
                }
            }
        }
        Ok(cells)
    }

    fn substring(
        &mut self,
        name: &[u8],
        index: Option<&Index>,
        got: Got,
        offset: &Word,
        length: Option<&Word>,
    ) -> Result<Got, Flow> {
        let text = self.arith_word(offset)?;
        let start = self.arith_text(&text)?;
        let length = match length {
            Some(word) => {
                let text = self.arith_word(word)?;
                Some(self.arith_text(&text)?)
            }
            None => None,
        };
        match got {
            Got::Many(texts, joined) => {
                let list = self.numbered(name, index, texts);
                let count = list.last().map_or(0, |(number, _)| number + 1);
                let from = if start < 0 { start + count } else { start };
                let Some(take) = length.map_or(Some(usize::MAX), |len| usize::try_from(len).ok()) else {
                    return self.fail("substring expression < 0");
                };
                let chosen = list.into_iter().filter(|(number, _)| from >= 0 && *number >= from);
                Ok(Got::Many(chosen.take(take).map(|(_, text)| text).collect(), joined))
            }
            Got::One(text) => Ok(Got::One(self.cut_text(&text, start, length)?)),
            Got::Unset => Ok(Got::Unset),
        }
    }

    /// Elements with their numbers; of `$@` the name of the shell is the first.
    fn numbered(&self, name: &[u8], index: Option<&Index>, texts: Vec<Bytes>) -> Vec<(i64, Bytes)> {
        if index.is_none() {
            let all = std::iter::once(self.name.clone()).chain(texts);
            return (0_i64..).zip(all).collect();
        }
        match self.vars.get(name).map(|var| &var.value) {
            Some(Value::List(list)) => list.iter().map(|(n, text)| (*n, text.clone())).collect(),
            _ => (0_i64..).zip(texts).collect(),
        }
    }

    fn cut_text(&self, text: &[u8], start: i64, length: Option<i64>) -> Result<Bytes, Flow> {
        let count = self.characters(text) as i64;
        let from = if start < 0 { start + count } else { start };
        if from < 0 || from > count {
            return Ok(Bytes::new());
        }
        let to = match length {
            None => count,
            Some(len) if len < 0 => {
                if count + len < from {
                    return self.fail(format!("{len}: substring expression < 0"));
                }
                count + len
            }
            Some(len) => from.saturating_add(len).min(count),
        };
        let place = |number: i64| {
            let number = usize::try_from(number).unwrap_or(0);
            if self.bytes_only() { number } else { offset(text, number) }
        };
        Ok(text.get(place(from)..place(to)).unwrap_or_default().to_vec())
    }

    /// `${x@Q}` and the like.
    fn transform(&mut self, kind: u8, name: &[u8], index: Option<&Index>, got: Got) -> Result<Got, Flow> {
        use super::{case, escape};
        Ok(match kind {
            b'Q' => each(got, |text| escape::quoted(&text)),
            b'E' => each(got, |text| escape::ansi_c(&text)),
            b'U' => each(got, |text| case::upper(&text)),
            b'L' => each(got, |text| case::lower(&text)),
            b'u' => each(got, |text| case::change(&text, b'^', false, None)),
            b'P' => each(got, |text| crate::editor::prompt::decode(self, &text)),
            b'a' => {
                let flags = self.vars.get(name).map(super::transform::attributes);
                flags.map_or(Got::Unset, Got::One)
            }
            b'A' => super::transform::assignment(self, name, index.is_some()),
            b'K' | b'k' => super::transform::pairs(self, name, index, kind == b'K'),
            _ => return self.fail(format!("{}: bad substitution", shown(name))),
        })
    }
}

/// The same done to each text of a value.
fn each(got: Got, change: impl Fn(Bytes) -> Bytes) -> Got {
    match got {
        Got::Unset => Got::Unset,
        Got::One(text) => Got::One(change(text)),
        Got::Many(texts, joined) => Got::Many(texts.into_iter().map(change).collect(), joined),
    }
}

fn trim(text: &[u8], pattern: &Pattern, suffix: bool, longest: bool) -> Bytes {
    let whole = || text.to_vec();
    if suffix {
        let places = 0..=text.len();
        let fits = |at: &usize| pattern.matches(text.get(*at..).unwrap_or_default());
        let found = if longest { places.into_iter().find(fits) } else { places.rev().find(fits) };
        return found.and_then(|at| text.get(..at)).map_or_else(whole, <[u8]>::to_vec);
    }
    let ends = pattern.ends(text);
    let mut found = ends.iter().enumerate().filter(|(_, end)| **end).map(|(at, _)| at);
    let at = if longest { found.next_back() } else { found.next() };
    at.and_then(|at| text.get(at..)).map_or_else(whole, <[u8]>::to_vec)
}

fn replace(text: &[u8], pattern: &Pattern, with: &[Cell], mode: u8) -> Bytes {
    if pattern.is_empty() && mode != b'#' && mode != b'%' {
        return text.to_vec();
    }
    let put = |to: &mut Bytes, matched: &[u8]| {
        for Cell(byte, mark) in with.iter().filter(|cell| cell.1 != Mark::Empty) {
            match byte {
                b'&' if mark.is_special() => to.extend_from_slice(matched),
                _ => to.push(*byte),
            }
        }
    };
    let mut new = Bytes::new();
    if mode == b'%' {
        let at = (0..=text.len()).find(|at| pattern.matches(text.get(*at..).unwrap_or_default()));
        let Some((head, tail)) = at.and_then(|at| text.split_at_checked(at)) else {
            return text.to_vec();
        };
        new.extend_from_slice(head);
        put(&mut new, tail);
        return new;
    }
    let mut at = 0;
    while at < text.len() || (at == 0 && text.is_empty()) {
        let rest = text.get(at..).unwrap_or_default();
        let found = pattern.longest_at(rest).filter(|len| *len > 0 || mode == b'#' || text.is_empty());
        if let Some((matched, behind)) = found.and_then(|len| rest.split_at_checked(len)) {
            put(&mut new, matched);
            at += matched.len();
            if mode != b'/' {
                new.extend_from_slice(behind);
                return new;
            }
            if matched.is_empty() {
                return new;
            }
            continue;
        }
        if mode == b'#' {
            return text.to_vec();
        }
        let len = crate::matching::character(rest).map_or(1, |(_, len)| len);
        new.extend(rest.iter().take(len));
        at += len;
    }
    new
}
