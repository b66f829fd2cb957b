//! The line being edited, without input or output: keys change it.

/// Key that a person pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character to insert.
    Char(char),
    /// A control character by its letter, such as `a` for Ctrl-A. Enter is `m`, Tab is `i`.
    Control(char),
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// The key that deletes under the cursor.
    Delete,
    /// The key that deletes before the cursor.
    Backspace,
    /// One word back (Alt-B, Ctrl-Left).
    WordLeft,
    /// One word on (Alt-F, Ctrl-Right).
    WordRight,
    /// Something that means nothing here.
    Unknown,
}

/// The text and the cursor, in characters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Line {
    text: Vec<char>,
    cursor: usize,
    cut: Vec<char>,
}

impl Line {
    /// The whole text.
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// The text before the cursor.
    pub fn before(&self) -> String {
        self.text[..self.cursor].iter().collect()
    }

    /// True when nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Another text, cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.text = text.chars().collect();
        self.cursor = self.text.len();
    }

    /// Put a text in place of `len` bytes from byte `start`.
    pub fn replace(&mut self, start: usize, len: usize, with: &str) {
        let text = self.text();
        let (Some(head), Some(tail)) = (text.get(..start), text.get(start + len..)) else { return };
        let head = format!("{head}{with}");
        self.cursor = head.chars().count();
        self.text = head.chars().chain(tail.chars()).collect();
    }

    /// Apply a key that edits or moves; false for keys that are not this line's business.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => {
                self.text.insert(self.cursor, c);
                self.cursor += 1;
            }
            Key::Left | Key::Control('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Control('f') => self.cursor = (self.cursor + 1).min(self.text.len()),
            Key::Home | Key::Control('a') => self.cursor = 0,
            Key::End | Key::Control('e') => self.cursor = self.text.len(),
            Key::WordLeft => self.cursor = self.word_start(),
            Key::WordRight => self.cursor = self.word_end(),
            Key::Backspace | Key::Control('h') if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.cursor);
            }
            Key::Delete | Key::Control('d') if self.cursor < self.text.len() => {
                self.text.remove(self.cursor);
            }
            Key::Backspace | Key::Delete | Key::Control('h' | 'd') => {}
            Key::Control('k') => self.cut(self.cursor, self.text.len()),
            Key::Control('u') => self.cut(0, self.cursor),
            Key::Control('w') => self.cut(self.word_start(), self.cursor),
            Key::Control('y') => {
                let cut = self.cut.clone();
                self.text.splice(self.cursor..self.cursor, cut.iter().copied());
                self.cursor += cut.len();
            }
            Key::Control('t') if self.cursor > 0 && self.text.len() > 1 => {
                let at = self.cursor.min(self.text.len() - 1);
                self.text.swap(at - 1, at);
                self.cursor = at + 1;
            }
            _ => return false,
        }
        true
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.cut = self.text.drain(from..to).collect();
        self.cursor = from;
    }

    fn word_start(&self) -> usize {
        let before = &self.text[..self.cursor];
        let word_end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |at| at + 1);
        before[..word_end].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1)
    }

    fn word_end(&self) -> usize {
        let after = &self.text[self.cursor..];
        let word_start = after.iter().position(|c| !c.is_whitespace()).unwrap_or(after.len());
        let len = after[word_start..].iter().position(|c| c.is_whitespace()).unwrap_or(after.len() - word_start);
        self.cursor + word_start + len
    }

    /// As it is shown, and where the cursor is in that. A character counts as one column; a control character is a blank.
    pub fn shown(&self) -> (impl Iterator<Item = char> + '_, usize) {
        (self.text.iter().map(|c| if c.is_control() { ' ' } else { *c }), self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str, keys: &[Key]) -> Line {
        let mut line = Line::default();
        line.set(text);
        for key in keys {
            line.press(*key);
        }
        line
    }

    #[test]
    fn words_are_cut_and_put_back() {
        let line = typed("echo one  two", &[Key::Control('w'), Key::Control('a'), Key::Control('y')]);
        assert_eq!(line.text(), "twoecho one  ");
        assert_eq!(line.before(), "two");
    }

    #[test]
    fn editing_in_the_middle() {
        assert_eq!(typed("ac", &[Key::Left, Key::Char('b')]).text(), "abc");
        assert_eq!(typed("abc", &[Key::Home, Key::Delete]).text(), "bc");
        assert_eq!(typed("abc", &[Key::Home, Key::Backspace]).text(), "abc");
        assert_eq!(typed("ab cd", &[Key::WordLeft, Key::Control('k')]).text(), "ab ");
        assert_eq!(typed("ab cd", &[Key::Home, Key::WordRight]).before(), "ab");
    }

    #[test]
    fn a_completed_word_replaces_its_beginning() {
        let mut line = typed("cat /et x", &[Key::Left, Key::Left]);
        line.replace(4, 3, "/etc/");
        assert_eq!((line.text().as_str(), line.before().as_str()), ("cat /etc/ x", "cat /etc/"));
    }
}
