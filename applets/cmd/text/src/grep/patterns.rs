//! Patterns of a call: from arguments and files.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use kit::{Context, Exit, Result};

use super::Options;
use pattern::{self, Meaning, Pattern, Source, Syntax};

/// All patterns as one.
pub(super) fn read(options: &Options, operands: &mut Vec<OsString>) -> Result<Pattern> {
    let mut patterns: Vec<String> = Vec::new();
    for file in &options.file {
        let text = if file == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(file) };
        patterns.extend(text.on("read", file).map_err(|e| e.with_exit(Exit::USAGE))?.lines().map(str::to_owned));
    }
    patterns.extend(options.regexp.iter().flat_map(|p| p.split('\n')).map(str::to_owned));
    if options.regexp.is_empty() && options.file.is_empty() {
        if operands.is_empty() {
            return Err(kit::Error::usage("give a pattern"));
        }
        patterns.extend(operands.remove(0).to_string_lossy().split('\n').map(str::to_owned));
    }
    let syntax = match (options.fixed, options.extended_regexp) {
        (true, _) => Syntax::Fixed,
        (_, true) => Syntax::Extended,
        _ => Syntax::Basic,
    };
    let meaning = Meaning { any_case: options.ignore_case, lines: false };
    let wrong = |e: String| kit::Error::usage(format!("read the pattern: {e}"));
    let mut source = alternatives(&patterns, syntax, meaning).map_err(wrong)?;
    // The longest match counts where matches are shown alone.
    source.ambiguous &= options.only_matching;
    if options.line_regexp {
        source.text = format!("^(?:{})$", source.text);
    } else if options.word_regexp {
        source.text = format!(r"(?:\b{{start-half}})(?:{})(?:\b{{end-half}})", source.text);
    }
    if let Some(stray) = source.stray {
        // Nothing is left to tell it to when standard error is closed.
        let _ = writeln!(std::io::stderr(), "grep: warning: the backslash before {stray} has no meaning");
    }
    pattern::build(&source, meaning).map_err(wrong)
}

/// Any of the patterns, as one.
fn alternatives(patterns: &[String], syntax: Syntax, meaning: Meaning) -> Result<Source, String> {
    let mut whole = Source { ambiguous: patterns.len() > 1, ..Source::default() };
    // No pattern at all (an empty file) matches nothing.
    if patterns.is_empty() {
        whole.text.push_str("[^\\s\\S]");
    }
    for (at, pattern) in patterns.iter().enumerate() {
        let chars: Vec<char> = pattern.chars().collect();
        let part = pattern::translate(&chars, syntax, meaning, whole.groups)?;
        whole.text.extend([if at > 0 { "|" } else { "" }, "(?:", &part.text, ")"]);
        whole.groups = part.groups;
        whole.recalls |= part.recalls;
        whole.ambiguous |= part.ambiguous;
        whole.stray = whole.stray.or(part.stray);
    }
    Ok(whole)
}
