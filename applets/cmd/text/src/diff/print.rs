//! Changes in their forms: normal, unified, context, for ed, for RCS, and side by side.

use std::io::{self, Write};
use std::ops::Range;

use super::Setting;
use super::lines::{Text, expanded, numbers};
use super::myers;

/// Lines that take the place of others. Places are counted from 0.
#[derive(Clone, Debug)]
pub(super) struct Change {
    old: Range<usize>,
    new: Range<usize>,
    /// It counts: not all of its lines are ignored.
    counts: bool,
}

/// Two files with their changes.
pub(super) struct Pair<'a> {
    pub(super) setting: &'a Setting,
    pub(super) old: &'a Text,
    pub(super) new: &'a Text,
    /// Lines that tell of the files.
    pub(super) heads: [Vec<u8>; 2],
}

impl Pair<'_> {
    /// All changes.
    pub(super) fn changes(&self) -> Vec<Change> {
        let (a, b) = numbers(self.setting, self.old, self.new);
        let marks = myers::compare(&a, &b, self.setting.options.minimal);
        let mut all = Vec::new();
        let (mut x, mut y) = (0, 0);
        while x < a.len() || y < b.len() {
            let (start_x, start_y) = (x, y);
            while marks.first.get(x).copied().unwrap_or(false) {
                x += 1;
            }
            while marks.second.get(y).copied().unwrap_or(false) {
                y += 1;
            }
            if (x, y) == (start_x, start_y) {
                x += 1;
                y += 1;
                continue;
            }
            let mut change = Change { old: start_x..x, new: start_y..y, counts: true };
            change.counts = !self.is_ignored(&change);
            all.push(change);
        }
        all
    }

    fn is_ignored(&self, change: &Change) -> bool {
        let options = &self.setting.options;
        if !options.ignore_blank_lines && self.setting.ignored.is_empty() {
            return false;
        }
        let blanks = options.ignore_space_change || options.ignore_all_space || options.ignore_trailing_space;
        let ignored = |line: &[u8]| {
            let empty = line.is_empty() || (blanks && line.iter().all(u8::is_ascii_whitespace));
            (options.ignore_blank_lines && empty)
                || self.setting.ignored.iter().any(|pattern| pattern.is_match(line).unwrap_or(false))
        };
        change.old.clone().all(|at| ignored(self.old.line(at))) && change.new.clone().all(|at| ignored(self.new.line(at)))
    }

    /// Print changes in the form that is asked for; false when none counts.
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<bool> {
        let changes = self.changes();
        let any = changes.iter().any(|change| change.counts);
        let options = &self.setting.options;
        if options.side_by_side {
            self.side_by_side(&changes, out)?;
        } else if !any || options.brief {
        } else if options.unified || options.unified_lines.is_some() {
            self.groups(&changes, out, true)?;
        } else if options.context || options.context_lines.is_some() {
            self.groups(&changes, out, false)?;
        } else if options.ed {
            for change in changes.iter().rev().filter(|change| change.counts) {
                self.ed(change, out)?;
            }
        } else if options.rcs {
            for change in changes.iter().filter(|change| change.counts) {
                self.rcs(change, out)?;
            }
        } else {
            for change in changes.iter().filter(|change| change.counts) {
                self.normal(change, out)?;
            }
        }
        Ok(any)
    }

    fn line(&self, out: &mut dyn Write, mark: &str, text: &Text, at: usize) -> io::Result<()> {
        let options = &self.setting.options;
        let line = text.line(at);
        let mark = match (options.initial_tab, mark) {
            (false, mark) => mark.to_owned(),
            (true, mark) => format!("{}\t", mark.trim_end()),
        };
        out.write_all(mark.as_bytes())?;
        if options.expand_tabs {
            out.write_all(&expanded(line))?;
        } else {
            out.write_all(line)?;
        }
        out.write_all(b"\n")?;
        if text.is_open(at) { out.write_all(b"\\ No newline at end of file\n") } else { Ok(()) }
    }

    fn normal(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        let letter = match (change.old.is_empty(), change.new.is_empty()) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        writeln!(out, "{}{letter}{}", place(&change.old), place(&change.new))?;
        for at in change.old.clone() {
            self.line(out, "< ", self.old, at)?;
        }
        if letter == 'c' {
            out.write_all(b"---\n")?;
        }
        for at in change.new.clone() {
            self.line(out, "> ", self.new, at)?;
        }
        Ok(())
    }

    fn ed(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        let letter = match (change.old.is_empty(), change.new.is_empty()) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        writeln!(out, "{}{letter}", place(&change.old))?;
        if change.new.is_empty() {
            return Ok(());
        }
        for at in change.new.clone() {
            out.write_all(&[self.new.line(at), b"\n"].concat())?;
        }
        out.write_all(b".\n")
    }

    fn rcs(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        if !change.old.is_empty() {
            writeln!(out, "d{} {}", change.old.start + 1, change.old.len())?;
        }
        if !change.new.is_empty() {
            writeln!(out, "a{} {}", change.old.end, change.new.len())?;
            for at in change.new.clone() {
                let end: &[u8] = if self.new.is_open(at) { b"" } else { b"\n" };
                out.write_all(&[self.new.line(at), end].concat())?;
            }
        }
        Ok(())
    }

    /// Changes with lines around them, together where these meet.
    fn groups(&self, changes: &[Change], out: &mut dyn Write, unified: bool) -> io::Result<()> {
        let marks = if unified { ["---", "+++"] } else { ["***", "---"] };
        for (mark, head) in marks.iter().zip(&self.heads) {
            out.write_all(&[mark.as_bytes(), b" ", head, b"\n"].concat())?;
        }
        let around = self.setting.around;
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let mut end = 1;
            // Changes that are ignored join a group only when it is near.
            while let (Some(before), Some(next)) = (rest.get(end - 1), rest.get(end)) {
                let reach = if next.counts { 2 * around } else { around };
                if next.old.start - before.old.end > reach {
                    break;
                }
                end += 1;
            }
            let group = &rest[..end];
            rest = &rest[end..];
            if !group.iter().any(|change| change.counts) {
                continue;
            }
            let Some(last) = group.last() else { continue };
            let before = first.old.start.min(first.new.start).min(around);
            let old = first.old.start - before..(last.old.end + around).min(self.old.lines.len());
            let after = old.end - last.old.end;
            let new = first.new.start - before..(last.new.end + after).min(self.new.lines.len());
            if unified { self.unified(group, &old, &new, out)? } else { self.context(group, &old, &new, out)? }
        }
        Ok(())
    }

    /// The last line before a group that fits, behind a blank.
    fn function(&self, before: usize) -> Vec<u8> {
        let Some(pattern) = &self.setting.function else { return Vec::new() };
        let found = (0..before).rev().find(|at| pattern.is_match(self.old.line(*at)).unwrap_or(false));
        let Some(at) = found else { return Vec::new() };
        let line = self.old.line(at);
        [b" ", &line[..line.len().min(40)]].concat()
    }

    fn unified(&self, group: &[Change], old: &Range<usize>, new: &Range<usize>, out: &mut dyn Write) -> io::Result<()> {
        let head = format!("@@ -{} +{} @@", short(old), short(new));
        out.write_all(&[head.as_bytes(), &self.function(old.start), b"\n"].concat())?;
        let mut at = old.start;
        for change in group {
            for common in at..change.old.start {
                self.line(out, " ", self.old, common)?;
            }
            for gone in change.old.clone() {
                self.line(out, "-", self.old, gone)?;
            }
            for come in change.new.clone() {
                self.line(out, "+", self.new, come)?;
            }
            at = change.old.end;
        }
        (at..old.end).try_for_each(|common| self.line(out, " ", self.old, common))
    }

    fn context(&self, group: &[Change], old: &Range<usize>, new: &Range<usize>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&[&b"***************"[..], &self.function(old.start), b"\n"].concat())?;
        let mark = |change: &Change, own: &'static str| if change.old.is_empty() || change.new.is_empty() { own } else { "! " };
        writeln!(out, "*** {} ****", span(old))?;
        if group.iter().any(|change| !change.old.is_empty()) {
            let mut at = old.start;
            for change in group {
                (at..change.old.start).try_for_each(|at| self.line(out, "  ", self.old, at))?;
                change.old.clone().try_for_each(|at| self.line(out, mark(change, "- "), self.old, at))?;
                at = change.old.end;
            }
            (at..old.end).try_for_each(|at| self.line(out, "  ", self.old, at))?;
        }
        writeln!(out, "--- {} ----", span(new))?;
        if group.iter().any(|change| !change.new.is_empty()) {
            let mut at = new.start;
            for change in group {
                (at..change.new.start).try_for_each(|at| self.line(out, "  ", self.new, at))?;
                change.new.clone().try_for_each(|at| self.line(out, mark(change, "+ "), self.new, at))?;
                at = change.new.end;
            }
            (at..new.end).try_for_each(|at| self.line(out, "  ", self.new, at))?;
        }
        Ok(())
    }

    /// Both files in columns, with a mark between them.
    fn side_by_side(&self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        let expand = self.setting.options.expand_tabs;
        let tab = if expand { 1 } else { TAB };
        // The second column begins at a multiple of a tab, three columns behind the end of the first one.
        let second = (self.setting.options.width + tab + 3) / (2 * tab) * tab;
        let half = second.saturating_sub(3).min(self.setting.options.width.saturating_sub(second));
        let mut row = |left: Option<&[u8]>, mark: u8, right: Option<&[u8]>| -> io::Result<()> {
            let mut line = Vec::new();
            let mut column = left.map_or(0, |left| cell(left, half, expand, &mut line));
            if mark != b' ' {
                column = pad(column, (half + second - 1) / 2, expand, &mut line) + 1;
                line.push(mark);
            }
            if let Some(right) = right.filter(|right| !right.is_empty()) {
                pad(column, second, expand, &mut line);
                cell(right, half, expand, &mut line);
            }
            line.push(b'\n');
            out.write_all(&line)
        };
        let common = !self.setting.options.suppress_common_lines;
        let (mut x, mut y) = (0, 0);
        let end = Change { old: self.old.lines.len()..self.old.lines.len(), new: 0..0, counts: true };
        for change in changes.iter().chain([&end]) {
            while x < change.old.start {
                if common {
                    row(Some(self.old.line(x)), b' ', Some(self.new.line(y)))?;
                }
                x += 1;
                y += 1;
            }
            let both = change.old.len().min(change.new.len());
            for at in 0..change.old.len().max(change.new.len()) {
                let left = change.old.clone().nth(at).map(|at| self.old.line(at));
                let right = change.new.clone().nth(at).map(|at| self.new.line(at));
                let mark = if at < both {
                    b'|'
                } else if left.is_some() {
                    b'<'
                } else {
                    b'>'
                };
                row(left, mark, right)?;
            }
            (x, y) = (change.old.end.max(x), change.new.end.max(y));
        }
        Ok(())
    }
}

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Append as much of a line as a column has room for; gives its width.
fn cell(line: &[u8], room: usize, expand: bool, to: &mut Vec<u8>) -> usize {
    let mut column = 0;
    for letter in String::from_utf8_lossy(line).chars() {
        let next = if letter == '\t' { column + TAB - column % TAB } else { column + 1 };
        if next > room {
            break;
        }
        let mut bytes = [0; 4];
        if letter == '\t' && expand {
            to.extend(std::iter::repeat_n(b' ', next - column));
        } else {
            to.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
        }
        column = next;
    }
    column
}

/// Blanks, and tabs unless they are expanded, from one column to another one.
fn pad(from: usize, to: usize, expand: bool, out: &mut Vec<u8>) -> usize {
    let mut at = from;
    while !expand && at / TAB * TAB + TAB <= to {
        out.push(b'\t');
        at = at / TAB * TAB + TAB;
    }
    out.extend(std::iter::repeat_n(b' ', to.saturating_sub(at)));
    to.max(from)
}

/// `FIRST,LAST` counted from 1; for nothing the line before.
fn place(range: &Range<usize>) -> String {
    match range.len() {
        0 => range.start.to_string(),
        1 => (range.start + 1).to_string(),
        _ => format!("{},{}", range.start + 1, range.end),
    }
}

/// The same for the context form.
fn span(range: &Range<usize>) -> String {
    if range.len() < 2 { range.end.to_string() } else { format!("{},{}", range.start + 1, range.end) }
}

/// `FIRST,COUNT` of the unified form.
fn short(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => (range.start + 1).to_string(),
        len => format!("{},{len}", range.start + 1),
    }
}
