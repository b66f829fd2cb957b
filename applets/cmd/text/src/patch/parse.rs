//! Patches: unified, context and normal form, with the lines of git and others before them.

use std::io::{self, Write};

use super::context::context;

/// A name of a header, and if it says that there is no such file.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub(super) name: Vec<u8>,
    pub(super) missing: bool,
}

/// Another name, by git.
#[derive(Clone, Debug)]
pub(super) struct Rename {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    /// The old name goes.
    pub(super) moves: bool,
}

/// Changes of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct FilePatch {
    pub(super) old: Side,
    pub(super) new: Side,
    /// Name of a line `Index:`.
    pub(super) index: Option<Vec<u8>>,
    pub(super) rename: Option<Rename>,
    pub(super) mode: Option<u32>,
    pub(super) git: bool,
    pub(super) binary: bool,
    pub(super) hunks: Vec<Hunk>,
}

/// Sort of a line in a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Both,
    Old,
    New,
}

/// Lines that take the place of others, with lines around them.
#[derive(Clone, Debug, Default)]
pub(super) struct Hunk {
    /// First line in each file, counted from 1; with no lines of a file the line before.
    pub(super) old: usize,
    pub(super) new: usize,
    /// Lines with their ends.
    pub(super) lines: Vec<(Sort, Vec<u8>)>,
}

impl Hunk {
    /// Lines of one file.
    pub(super) fn side(&self, side: Sort) -> Vec<&[u8]> {
        self.lines.iter().filter(|(sort, _)| *sort == Sort::Both || *sort == side).map(|(_, line)| line.as_slice()).collect()
    }

    /// The change taken back.
    pub(super) fn reversed(&self) -> Self {
        let turn = |sort| match sort {
            Sort::Both => Sort::Both,
            Sort::Old => Sort::New,
            Sort::New => Sort::Old,
        };
        let mut lines: Vec<_> = self.lines.iter().map(|(sort, line)| (turn(*sort), line.clone())).collect();
        // Removed lines stand before added ones.
        let mut at = 0;
        while at < lines.len() {
            let end = lines[at..].iter().position(|(sort, _)| *sort == Sort::Both).map_or(lines.len(), |len| at + len);
            lines[at..end].sort_by_key(|(sort, _)| *sort == Sort::New);
            at = end + 1;
        }
        Self { old: self.new, new: self.old, lines }
    }

    /// Append it in unified form.
    pub(super) fn print(&self, to: &mut Vec<u8>) {
        let (old, new) = (self.side(Sort::Old).len(), self.side(Sort::New).len());
        // Writing to memory can't fail.
        let _ = writeln!(to, "@@ -{},{old} +{},{new} @@", self.old, self.new);
        for (sort, line) in &self.lines {
            to.push(match sort {
                Sort::Both => b' ',
                Sort::Old => b'-',
                Sort::New => b'+',
            });
            to.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                to.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
}

impl FilePatch {
    /// Tell if there was no file before.
    pub(super) fn creates(&self) -> bool {
        self.old.missing || self.hunks.first().is_some_and(|hunk| hunk.old == 0 && hunk.side(Sort::Old).is_empty())
    }

    /// Tell if there is no file any more.
    pub(super) const fn removes(&self) -> bool {
        self.new.missing
    }

    /// Take all back.
    pub(super) fn reverse(&mut self) {
        std::mem::swap(&mut self.old, &mut self.new);
        self.hunks = self.hunks.iter().map(Hunk::reversed).collect();
        if let Some(rename) = &mut self.rename {
            std::mem::swap(&mut rename.from, &mut rename.to);
        }
        self.mode = None;
    }
}

/// Lines of a patch, and the place in them.
pub(super) struct Lines<'a> {
    lines: Vec<&'a [u8]>,
    pub(super) at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn peek(&self, ahead: usize) -> &'a [u8] {
        self.lines.get(self.at + ahead).copied().unwrap_or_default()
    }

    fn next(&mut self) -> &'a [u8] {
        let line = self.peek(0);
        self.at += 1;
        line
    }

    const fn is_done(&self) -> bool {
        self.at >= self.lines.len()
    }
}

pub(super) fn bad(lines: &Lines<'_>, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed patch at line {}: {what}", lines.at + 1))
}

/// All files of a patch.
pub(super) fn parse(text: &[u8]) -> io::Result<Vec<FilePatch>> {
    let mut lines = Lines { lines: text.split_inclusive(|byte| *byte == b'\n').collect(), at: 0 };
    let mut all = Vec::new();
    let mut now = FilePatch::default();
    while !lines.is_done() {
        let line = trimmed(lines.peek(0));
        if line.starts_with(b"diff --git ") {
            finish(&mut all, &mut now);
            now.git = true;
            git_names(&line[11..], &mut now);
            lines.at += 1;
        } else if let Some(name) = line.strip_prefix(b"Index: ") {
            finish(&mut all, &mut now);
            now.index = Some(name.to_vec());
            lines.at += 1;
        } else if line.starts_with(b"--- ") && lines.peek(1).starts_with(b"+++ ") && lines.peek(2).starts_with(b"@@ -") {
            if !now.hunks.is_empty() {
                finish(&mut all, &mut now);
            }
            now.old = side(&line[4..]);
            lines.at += 1;
            now.new = side(&trimmed(lines.next())[4..]);
            while lines.peek(0).starts_with(b"@@ -") {
                let hunk = unified(&mut lines)?;
                now.hunks.push(hunk);
            }
        } else if line.starts_with(b"*** ") && lines.peek(1).starts_with(b"--- ") && lines.peek(2).starts_with(b"***************")
        {
            if !now.hunks.is_empty() {
                finish(&mut all, &mut now);
            }
            now.old = side(&line[4..]);
            lines.at += 1;
            now.new = side(&trimmed(lines.next())[4..]);
            while lines.peek(0).starts_with(b"***************") {
                let hunk = context(&mut lines)?;
                now.hunks.push(hunk);
            }
        } else if let Some(place) = command(line) {
            lines.at += 1;
            let hunk = normal(&mut lines, place)?;
            now.hunks.push(hunk);
        } else {
            extended(line, &mut now);
            lines.at += 1;
        }
    }
    finish(&mut all, &mut now);
    Ok(all)
}

fn finish(all: &mut Vec<FilePatch>, now: &mut FilePatch) {
    let done = std::mem::take(now);
    let creates = done.git && (done.old.missing || done.new.missing);
    if !done.hunks.is_empty() || done.rename.is_some() || done.binary || creates || (done.git && done.mode.is_some()) {
        all.push(done);
    }
}

pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `a/NAME b/NAME`: both names are the same where nothing else is told.
fn git_names(text: &[u8], now: &mut FilePatch) {
    let half = text.len() / 2;
    if text.get(half) == Some(&b' ') {
        now.old.name = text[..half].to_vec();
        now.new.name = text[half + 1..].to_vec();
    }
}

/// Lines of git between `diff --git` and the changes.
fn extended(line: &[u8], now: &mut FilePatch) {
    if !now.git {
        return;
    }
    let mode = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
    if let Some(text) = line.strip_prefix(b"new file mode ") {
        now.old.missing = true;
        now.mode = mode(text).map(|mode| mode & 0o777);
    } else if line.starts_with(b"deleted file mode ") {
        now.new.missing = true;
    } else if let Some(text) = line.strip_prefix(b"new mode ") {
        now.mode = mode(text).map(|mode| mode & 0o777);
    } else if let Some(name) = line.strip_prefix(b"rename from ").or_else(|| line.strip_prefix(b"copy from ")) {
        now.rename = Some(Rename { from: name.to_vec(), to: Vec::new(), moves: line.starts_with(b"rename") });
    } else if let Some(name) = line.strip_prefix(b"rename to ").or_else(|| line.strip_prefix(b"copy to ")) {
        if let Some(rename) = &mut now.rename {
            rename.to = name.to_vec();
        }
    } else if line.starts_with(b"GIT binary patch") {
        now.binary = true;
    }
}

/// A name with or without a time behind a tab; the first second of all stands for a file that is missing.
fn side(text: &[u8]) -> Side {
    let tab = text.iter().position(|byte| *byte == b'\t');
    let name = &text[..tab.unwrap_or(text.len())];
    let name =
        if tab.is_none() { name.split(|byte| *byte == b' ').next().filter(|_| has_time(name)).unwrap_or(name) } else { name };
    let time = tab.and_then(|tab| std::str::from_utf8(&text[tab + 1..]).ok()).unwrap_or_default();
    let seconds = ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S %z"]
        .iter()
        .find_map(|form| jiff::Timestamp::strptime(form, time.trim()).ok())
        .map(jiff::Timestamp::as_second);
    Side { name: name.to_vec(), missing: name == b"/dev/null" || seconds == Some(0) }
}

/// Tell if a name without a tab is followed by a time: some programs put blanks there.
fn has_time(text: &[u8]) -> bool {
    text.windows(6).any(|part| part[0] == b' ' && part[1..5].iter().all(u8::is_ascii_digit) && part[5] == b'-')
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|number| *number < usize::MAX / 4)
}

/// `FIRST` or `FIRST,SECOND`.
pub(super) fn pair(text: &[u8]) -> Option<(usize, Option<usize>)> {
    let mut parts = text.splitn(2, |byte| *byte == b',');
    let first = number(parts.next()?)?;
    match parts.next() {
        Some(second) => Some((first, Some(number(second)?))),
        None => Some((first, None)),
    }
}

fn unified(lines: &mut Lines<'_>) -> io::Result<Hunk> {
    let head = trimmed(lines.peek(0));
    let mut words = head.split(|byte| *byte == b' ').skip(1);
    let mut range = |sign: &[u8]| words.next().and_then(|word| pair(word.strip_prefix(sign)?));
    let (old, new) = range(b"-").zip(range(b"+")).ok_or_else(|| bad(lines, "the place of a change"))?;
    lines.at += 1;
    let (mut left, mut right) = (old.1.unwrap_or(1), new.1.unwrap_or(1));
    let mut hunk = Hunk { old: old.0, new: new.0, lines: Vec::new() };
    while left > 0 || right > 0 {
        let line = lines.peek(0);
        let (sort, text) = match line.first() {
            Some(b' ') => (Sort::Both, &line[1..]),
            Some(b'-') => (Sort::Old, &line[1..]),
            Some(b'+') => (Sort::New, &line[1..]),
            // Mail programs cut blanks at the ends of lines.
            Some(b'\n' | b'\r') => (Sort::Both, line),
            Some(b'\\') => {
                open_end(&mut hunk);
                lines.at += 1;
                continue;
            }
            _ => return Err(bad(lines, "a change is cut off")),
        };
        let too_many = (sort != Sort::New && left == 0) || (sort != Sort::Old && right == 0);
        if too_many {
            return Err(bad(lines, "a change has more lines than told"));
        }
        left -= usize::from(sort != Sort::New);
        right -= usize::from(sort != Sort::Old);
        hunk.lines.push((sort, text.to_vec()));
        lines.at += 1;
    }
    if lines.peek(0).starts_with(b"\\") {
        open_end(&mut hunk);
        lines.at += 1;
    }
    Ok(hunk)
}

/// The last line has no end.
fn open_end(hunk: &mut Hunk) {
    if let Some((_, line)) = hunk.lines.last_mut()
        && line.ends_with(b"\n")
    {
        line.pop();
    }
}

/// Place and letter of a change in normal form.
fn command(line: &[u8]) -> Option<(usize, usize, u8, usize, usize)> {
    let at = line.iter().position(|byte| matches!(byte, b'a' | b'c' | b'd'))?;
    let (old, new) = (pair(&line[..at])?, pair(&line[at + 1..])?);
    Some((old.0, old.1.unwrap_or(old.0), line[at], new.0, new.1.unwrap_or(new.0)))
}

fn normal(lines: &mut Lines<'_>, (old, old_end, letter, new, new_end): (usize, usize, u8, usize, usize)) -> io::Result<Hunk> {
    let mut hunk = Hunk { old, new, lines: Vec::new() };
    for (sort, mark, counts, (first, last)) in
        [(Sort::Old, b'<', letter != b'a', (old, old_end)), (Sort::New, b'>', letter != b'd', (new, new_end))]
    {
        let count = last.checked_sub(first).ok_or_else(|| bad(lines, "the place of a change"))? + 1;
        for _ in 0..if counts { count } else { 0 } {
            match lines.peek(0) {
                [first, b' ', text @ ..] if *first == mark => hunk.lines.push((sort, text.to_vec())),
                _ => return Err(bad(lines, "a change is cut off")),
            }
            lines.at += 1;
        }
        if lines.peek(0).starts_with(b"\\ ") {
            open_end(&mut hunk);
            lines.at += 1;
        }
        if sort == Sort::Old && letter == b'c' && trimmed(lines.next()) != b"---" {
            return Err(bad(lines, "a line of dashes was expected"));
        }
    }
    Ok(hunk)
}
