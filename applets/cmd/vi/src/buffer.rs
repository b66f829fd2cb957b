//! The text: lines of bytes, and what undo needs.

use std::collections::HashMap;

/// Line without its newline.
pub type Line = Vec<u8>;

/// Place in the text: a line, and a byte in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos {
    pub line: usize,
    pub col: usize,
}

/// Lines that were replaced by others.
#[derive(Debug)]
struct Change {
    at: usize,
    old: Vec<Line>,
    new: Vec<Line>,
}

/// Changes of one command.
#[derive(Debug, Default)]
struct Group {
    changes: Vec<Change>,
    before: Pos,
}

/// Text with its history.
#[derive(Debug)]
pub struct Buffer {
    lines: Vec<Line>,
    /// The last line had its newline, or gets one.
    pub ends: bool,
    pub modified: bool,
    /// There is no line; the one that is kept is not in the file.
    nothing: bool,
    pub marks: HashMap<char, Pos>,
    open: Group,
    undo: Vec<Group>,
    redo: Vec<Group>,
}

impl Buffer {
    pub fn new(text: &[u8]) -> Self {
        let ends = text.is_empty() || text.ends_with(b"\n");
        let body = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = body.split(|c| *c == b'\n').map(<[u8]>::to_vec).collect();
        Self {
            lines,
            ends,
            modified: false,
            nothing: text.is_empty(),
            marks: HashMap::new(),
            open: Group::default(),
            undo: Vec::new(),
            redo: Vec::new(),
        }
    }

    /// Number of lines: at least one.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn line(&self, at: usize) -> &[u8] {
        self.lines.get(at).map_or(&[], Vec::as_slice)
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A file of no bytes.
    pub const fn is_empty(&self) -> bool {
        self.nothing
    }

    /// Replaces lines; all changes go through here.
    pub fn replace(&mut self, at: usize, count: usize, mut new: Vec<Line>) {
        let count = count.min(self.lines.len() - at);
        self.nothing = new.is_empty() && count == self.lines.len();
        if self.nothing {
            new.push(Line::new());
        }
        self.move_marks(at, count, new.len());
        let old = self.lines.splice(at..at + count, new.iter().cloned()).collect();
        self.open.changes.push(Change { at, old, new });
        self.modified = true;
    }

    pub fn set_line(&mut self, at: usize, line: Line) {
        if self.line(at) != line {
            self.replace(at, 1, vec![line]);
        }
    }

    /// Marks behind the lines go with them; those of lines that are gone go too.
    fn move_marks(&mut self, at: usize, old: usize, new: usize) {
        if old == new {
            return;
        }
        self.marks.retain(|_, mark| mark.line < at + new.min(old) || mark.line >= at + old);
        for mark in self.marks.values_mut() {
            if mark.line >= at + old {
                mark.line = mark.line - old + new;
            }
        }
    }

    /// The text between two places, as lines.
    pub fn slice(&self, from: Pos, to: Pos) -> Vec<Line> {
        if from.line == to.line {
            return vec![self.line(from.line)[from.col..to.col.max(from.col)].to_vec()];
        }
        let mut lines = vec![self.line(from.line)[from.col..].to_vec()];
        lines.extend_from_slice(&self.lines[from.line + 1..to.line]);
        lines.push(self.line(to.line)[..to.col].to_vec());
        lines
    }

    /// Removes the text between two places.
    pub fn remove(&mut self, from: Pos, to: Pos) {
        let mut joined = self.line(from.line)[..from.col].to_vec();
        joined.extend_from_slice(&self.line(to.line)[to.col..]);
        self.replace(from.line, to.line - from.line + 1, vec![joined]);
    }

    /// Inserts lines of text at a place, the first and the last joined with what is there; returns the place behind it.
    pub fn insert(&mut self, at: Pos, text: &[Line]) -> Pos {
        let line = self.line(at.line);
        let (head, tail) = (line[..at.col].to_vec(), line[at.col..].to_vec());
        let mut new = text.to_vec();
        let Some(first) = new.first_mut() else { return at };
        first.splice(0..0, head);
        let end = Pos { line: at.line + new.len() - 1, col: new.last().map_or(0, Vec::len) };
        if let Some(last) = new.last_mut() {
            last.extend(tail);
        }
        self.replace(at.line, 1, new);
        end
    }

    /// Begins the changes of a command.
    pub fn begin(&mut self, cursor: Pos) {
        if self.open.changes.is_empty() {
            self.open.before = cursor;
        }
    }

    /// Ends them: undo takes them together. True if there were some.
    pub fn commit(&mut self) -> bool {
        if self.open.changes.is_empty() {
            return false;
        }
        self.undo.push(std::mem::take(&mut self.open));
        self.redo.clear();
        true
    }

    /// Takes back the last command; the place where it was given.
    pub fn undo(&mut self) -> Option<Pos> {
        let group = self.undo.pop()?;
        for change in group.changes.iter().rev() {
            self.move_marks(change.at, change.new.len(), change.old.len());
            self.lines.splice(change.at..change.at + change.new.len(), change.old.iter().cloned());
        }
        let place = place_of(&group, true);
        self.nothing = false;
        self.redo.push(group);
        self.modified = true;
        Some(place)
    }

    /// Does again what was taken back.
    pub fn redo(&mut self) -> Option<Pos> {
        let group = self.redo.pop()?;
        for change in &group.changes {
            self.move_marks(change.at, change.old.len(), change.new.len());
            self.lines.splice(change.at..change.at + change.old.len(), change.new.iter().cloned());
        }
        let place = place_of(&group, false);
        self.nothing = false;
        self.undo.push(group);
        self.modified = true;
        Some(place)
    }

    /// Forgets what could be taken back.
    pub fn forget(&mut self) {
        self.open = Group::default();
        self.undo.clear();
        self.redo.clear();
    }
}

/// The cursor goes where the command was given, if that line changed or lines below it did, else to the first line that changed.
fn place_of(group: &Group, undo: bool) -> Pos {
    let first = group.changes.iter().map(|change| change.at).min().unwrap_or(0);
    let own = group.before.line == first || (undo && group.before.line + 1 == first);
    if own { group.before } else { Pos { line: first, col: 0 } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_taken_back_and_done_again() {
        let mut buffer = Buffer::new(b"one\ntwo\nthree\n");
        buffer.marks.insert('a', Pos { line: 2, col: 0 });
        buffer.remove(Pos { line: 0, col: 2 }, Pos { line: 1, col: 2 });
        assert!(buffer.commit());
        assert_eq!(buffer.lines(), [b"ono".to_vec(), b"three".to_vec()]);
        assert_eq!(buffer.marks[&'a'].line, 1);
        buffer.undo();
        assert_eq!(buffer.lines().len(), 3);
        buffer.redo();
        assert_eq!(buffer.line(0), b"ono");
        buffer.replace(0, 2, Vec::new());
        assert!(buffer.is_empty());
        assert_eq!(buffer.insert(Pos::default(), &[b"a".to_vec(), b"b".to_vec()]), Pos { line: 1, col: 1 });
    }
}
