//! Files of version control systems that tell which files do not count: `.gitignore` and its kin, for the names below their
//! directory as these systems mean them; `.cvsignore` for those in it alone.

use std::path::Path;

use pattern::{Meaning, Syntax, compile_chars, decode};

use super::items;
use super::pattern::{Pattern, Patterns};

/// Reader of a line.
pub(super) type Add = fn(&mut State, &[u8]);

/// Files with the readers of their lines.
pub(super) const FILES: &[(&str, Add)] = &[(".cvsignore", cvs), (".gitignore", git), (".bzrignore", bzr), (".hgignore", hg)];

/// Patterns of a file, and what its last line about their form told.
#[derive(Default)]
pub(super) struct State {
    all: Vec<Pattern>,
    globs: bool,
}

/// Patterns of a file; none when it can't be read.
pub(super) fn of_file(file: &Path, add: Add) -> Patterns {
    let mut state = State::default();
    for line in items::words(file, b'\n').unwrap_or_default() {
        let line = line.trim_ascii_start();
        if !line.is_empty() && !line.starts_with(b"#") {
            add(&mut state, line);
        }
    }
    Patterns(state.all)
}

/// Words, for the directory alone.
fn cvs(state: &mut State, line: &[u8]) {
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    state.all.extend(words.map(|word| Pattern::ignored(word, false, false)));
}

/// A pattern; behind `!` one of files that count all the same.
fn git(state: &mut State, line: &[u8]) {
    let (text, keeps) = match line {
        [b'!', text @ ..] => (text, true),
        [b'\\', text @ ..] if text.starts_with(b"#") || text.starts_with(b"!") => (text, false),
        text => (text, false),
    };
    state.all.push(Pattern::ignored(text, true, keeps));
}

fn bzr(state: &mut State, line: &[u8]) {
    match line {
        [b'!', text @ ..] => state.all.push(Pattern::ignored(text, true, true)),
        _ => match line.strip_prefix(b"RE:") {
            Some(text) => regular(state, text),
            None => state.all.push(Pattern::ignored(line, true, false)),
        },
    }
}

/// Regular expressions, until a line tells that globs follow.
fn hg(state: &mut State, line: &[u8]) {
    if let Some(form) = line.strip_prefix(b"syntax:") {
        state.globs = form.trim_ascii() == b"glob";
    } else if state.globs {
        state.all.push(Pattern::ignored(line, true, false));
    } else {
        regular(state, line);
    }
}

/// An expression; one that is none fits nothing.
fn regular(state: &mut State, text: &[u8]) {
    if let Ok(pattern) = compile_chars(&decode(text), Syntax::Extended, Meaning::default()) {
        state.all.push(Pattern::regular(pattern));
    }
}
