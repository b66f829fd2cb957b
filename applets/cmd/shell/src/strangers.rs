//! Entry for the fuzzer: texts of strangers as scripts, patterns and expressions. Nothing is executed.

use std::rc::Rc;

use crate::expand::{brace, escape};
use crate::matching::Pattern;
use crate::parse::{Parser, Settings};
use crate::shell::Shell;

/// Parses a text to its end, and expands what stands in it without running a command.
pub fn script(bytes: &[u8]) {
    let settings: Rc<Settings> = Rc::default();
    settings.extglob.set(true);
    let mut parser = Parser::of_text(bytes, &settings, 1);
    while let Ok(Some(_)) = parser.next_command() {}
    let _ = Parser::of_text(bytes, &settings, 1).whole_text();
    escape::ansi_c(bytes);
    let word = crate::ast::Word::plain(bytes.get(..64).unwrap_or(bytes));
    brace::expand(&word);
}

/// Matches the first line as a pattern with the rest, and evaluates the text as an expression.
///
/// # Panics
/// The two ways to match say different things.
pub fn pattern(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at(at);
    let (first, rest) = (first.get(..200).unwrap_or(first), rest.get(..200).unwrap_or(rest));
    let pattern = Pattern::of_text(first, true, false);
    let fits = pattern.matches(rest);
    assert_eq!(fits, pattern.ends(rest).last().copied().unwrap_or(false));
    pattern.longest_at(rest);
    let plain = !bytes.iter().any(|byte| matches!(byte, b'$' | b'`' | b'[' | b'<' | b'>'));
    if plain {
        let mut shell = Shell::new(b"fuzz".to_vec(), true);
        shell.settings.posix.set(true);
        let _ = shell.arith_quiet(bytes.get(..200).unwrap_or(bytes));
    }
}
