//! Search in the history: Ctrl-R.

use super::line::Key;

/// A search under way.
#[derive(Debug, Default)]
pub struct Search {
    /// Text that was typed.
    pub wanted: String,
    /// Number of the entry that fits.
    pub found: Option<usize>,
}

/// Effect of a key on a search.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Search,
    /// The entry is taken, and the key is the line's.
    Take,
    /// The line is as before.
    Cancel,
}

impl Search {
    /// Applies a key.
    pub fn press(&mut self, key: Key, history: &[String]) -> Next {
        match key {
            Key::Char(c) => {
                self.wanted.push(c);
                let from = self.found.map_or(history.len(), |at| at + 1);
                self.look(history, from);
            }
            Key::Backspace | Key::Control('h') => {
                self.wanted.pop();
                self.look(history, history.len());
            }
            Key::Control('r') => {
                let from = self.found.unwrap_or(history.len());
                self.look(history, from);
            }
            Key::Control('g' | 'c') => return Next::Cancel,
            _ => return Next::Take,
        }
        Next::Search
    }

    /// Finds the newest entry before `from` that holds what was typed; an older find stays where there is none.
    fn look(&mut self, history: &[String], from: usize) {
        let before = history.get(..from).unwrap_or(history);
        if let Some(at) = before.iter().rposition(|entry| entry.contains(&self.wanted)) {
            self.found = Some(at);
        }
    }

    /// The entry that fits.
    pub fn entry<'a>(&self, history: &'a [String]) -> &'a str {
        self.found.and_then(|at| history.get(at)).map_or("", String::as_str)
    }

    /// Prompt that shows the search.
    pub fn prompt(&self) -> String {
        format!("(search)`{}': ", self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_then_older() {
        let history: Vec<String> = ["mount /a", "ls", "mount /b"].map(str::to_owned).to_vec();
        let mut search = Search::default();
        for c in "mount".chars() {
            assert_eq!(search.press(Key::Char(c), &history), Next::Search);
        }
        assert_eq!(search.entry(&history), "mount /b");
        search.press(Key::Control('r'), &history);
        assert_eq!(search.entry(&history), "mount /a");
        search.press(Key::Control('r'), &history);
        assert_eq!(search.entry(&history), "mount /a");
        assert_eq!(search.press(Key::Control('m'), &history), Next::Take);
        assert_eq!(search.press(Key::Control('g'), &history), Next::Cancel);
    }
}
