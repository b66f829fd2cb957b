//! Files of version control systems that tell which files do not count: `.gitignore` and its kin, for the names below their
//! directory as these systems mean them; `.cvsignore` for those in it alone.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use pattern::{Meaning, Pattern, Syntax, compile_chars, decode};

/// Reader of a line.
type Add = fn(&mut State, &[u8]);

/// Files with the readers of their lines.
const FILES: &[(&str, Add)] = &[(".cvsignore", cvs), (".gitignore", git), (".bzrignore", bzr), (".hgignore", hg)];

/// A pattern of such a file.
pub(super) struct Ignored {
    pub(super) text: Vec<u8>,
    /// The last part of a name may fit alone.
    pub(super) tail: bool,
    /// Names that fit count all the same.
    pub(super) keeps: bool,
    /// An expression instead of a text with wildcards.
    pub(super) regular: Option<Rc<Pattern>>,
}

/// Patterns of a file, and what its last line about their form told.
#[derive(Default)]
struct State {
    all: Vec<Ignored>,
    globs: bool,
}

impl State {
    fn push(&mut self, text: &[u8], tail: bool, keeps: bool) {
        self.all.push(Ignored { text: text.to_vec(), tail, keeps, regular: None });
    }

    /// An expression; one that is none fits nothing.
    fn regular(&mut self, text: &[u8]) {
        if let Ok(pattern) = compile_chars(&decode(text), Syntax::Extended, Meaning::default()) {
            self.all.push(Ignored { text: Vec::new(), tail: true, keeps: false, regular: Some(Rc::new(pattern)) });
        }
    }
}

/// Patterns of each such file in a directory that can be read.
pub(super) fn read(directory: &Path) -> Vec<Vec<Ignored>> {
    let patterns = |(name, add): &(&str, Add)| {
        let mut state = State::default();
        for line in fs::read(directory.join(name)).unwrap_or_default().split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_start();
            if !line.is_empty() && !line.starts_with(b"#") {
                add(&mut state, line);
            }
        }
        state.all
    };
    FILES.iter().map(patterns).filter(|all| !all.is_empty()).collect()
}

/// Words, for the directory alone.
fn cvs(state: &mut State, line: &[u8]) {
    for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        state.push(word, false, false);
    }
}

/// A pattern; behind `!` one of files that count all the same.
fn git(state: &mut State, line: &[u8]) {
    match line {
        [b'!', text @ ..] => state.push(text, true, true),
        [b'\\', text @ ..] if text.starts_with(b"#") || text.starts_with(b"!") => state.push(text, true, false),
        text => state.push(text, true, false),
    }
}

fn bzr(state: &mut State, line: &[u8]) {
    match line.strip_prefix(b"RE:") {
        Some(text) => state.regular(text),
        None => git(state, line),
    }
}

/// Regular expressions, until a line tells that globs follow.
fn hg(state: &mut State, line: &[u8]) {
    if let Some(form) = line.strip_prefix(b"syntax:") {
        state.globs = form.trim_ascii() == b"glob";
    } else if state.globs {
        state.push(line, true, false);
    } else {
        state.regular(line);
    }
}
