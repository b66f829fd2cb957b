//! `~` and `~user`.

use crate::ast::{Bytes, Part, Word};
use crate::shell::Shell;

impl Shell {
    /// Home directory that a word begins with, and the rest of the word.
    pub(super) fn tilde_at_start(&mut self, word: &Word) -> Option<(Bytes, Word)> {
        let Some(Part::Plain(text)) = word.parts.first() else { return None };
        let behind = text.strip_prefix(b"~")?;
        let end = behind.iter().position(|byte| *byte == b'/').unwrap_or(behind.len());
        // The name must be written out to its end.
        if end == behind.len() && word.parts.len() > 1 {
            return None;
        }
        let mut home = self.home(behind.get(..end)?)?;
        let rest = behind.get(end..)?;
        if home == b"/" && !rest.is_empty() {
            home.clear();
        }
        let mut parts = word.parts.clone();
        parts[0] = Part::Plain(rest.to_vec());
        Some((home, Word { parts }))
    }

    /// An assignment's word with the tildes at its begin and behind colons expanded.
    pub(super) fn tilde_in_assignment(&mut self, word: &Word) -> Word {
        let mut parts = Vec::new();
        for (number, part) in word.parts.iter().enumerate() {
            let Part::Plain(text) = part else {
                parts.push(part.clone());
                continue;
            };
            let last = number + 1 == word.parts.len();
            let pieces: Vec<&[u8]> = text.split(|byte| *byte == b':').collect();
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 {
                    parts.push(Part::Plain(b":".to_vec()));
                }
                let whole = at + 1 < pieces.len() || last;
                let begins = at > 0 || number == 0;
                self.tilde_piece(piece, begins, whole, &mut parts);
            }
        }
        Word { parts }
    }

    /// An argument such as `prefix=~/x` with its tilde expanded, which is bash's habit alone.
    pub(super) fn tilde_in_argument(&mut self, word: &Word) -> Option<Word> {
        if self.posix() {
            return None;
        }
        let Some(Part::Plain(text)) = word.parts.first() else { return None };
        let at = text.iter().position(|byte| *byte == b'=')?;
        let (name, value) = text.split_at_checked(at + 1)?;
        if !crate::parse::is_name(name.get(..at)?) || !value.contains(&b'~') {
            return None;
        }
        let mut parts = word.parts.clone();
        parts[0] = Part::Plain(value.to_vec());
        let mut expanded = self.tilde_in_assignment(&Word { parts });
        expanded.parts.insert(0, Part::Plain(name.to_vec()));
        Some(expanded)
    }

    fn tilde_piece(&mut self, piece: &[u8], begins: bool, whole: bool, parts: &mut Vec<Part>) {
        if let Some(behind) = piece.strip_prefix(b"~").filter(|_| begins) {
            let end = behind.iter().position(|byte| *byte == b'/').unwrap_or(behind.len());
            let (user, rest) = behind.split_at(end);
            if (end < behind.len() || whole)
                && let Some(home) = self.home(user)
            {
                parts.push(Part::Quoted(home));
                parts.push(Part::Plain(rest.to_vec()));
                return;
            }
        }
        parts.push(Part::Plain(piece.to_vec()));
    }

    /// Home directory of a user, or of the caller where the name is empty.
    pub fn home(&mut self, user: &[u8]) -> Option<Bytes> {
        match user {
            b"" => {
                if let Some(home) = self.var(b"HOME") {
                    Some(home)
                } else {
                    let uid = rustix::process::getuid().as_raw().to_string();
                    account(2, uid.as_bytes()).map(|fields| fields[5].clone())
                }
            }
            b"+" => self.var(b"PWD"),
            b"-" => self.var(b"OLDPWD"),
            _ => account(0, user).map(|fields| fields[5].clone()),
        }
    }
}

/// Line of /etc/passwd whose field of that number is that text.
pub fn account(field: usize, text: &[u8]) -> Option<Vec<Bytes>> {
    let file = std::fs::read("/etc/passwd").ok()?;
    let lines = file.split(|byte| *byte == b'\n');
    let split = |line: &[u8]| line.split(|byte| *byte == b':').map(<[u8]>::to_vec).collect();
    let mut accounts = lines.map(split).filter(|fields: &Vec<Bytes>| fields.len() > 6);
    accounts.find(|fields| fields.get(field).is_some_and(|found| found == text))
}
