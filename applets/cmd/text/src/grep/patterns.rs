//! Patterns of a call: from arguments and files.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kit::{Context, Error, Exit, Result};
use pattern::{Extent, Meaning, Pattern, Syntax, compile_list, decode};

use super::options::Options;

/// All patterns as one, and if an empty one among them matches every line.
pub(super) fn read(options: &Options, operands: &mut Vec<OsString>) -> Result<(Pattern, bool)> {
    let mut patterns: Vec<Vec<char>> = Vec::new();
    let lines = |text: &[u8]| text.split(|byte| *byte == b'\n').map(decode).collect::<Vec<_>>();
    for text in &options.regexp {
        patterns.extend(lines(text.as_bytes()));
    }
    for file in &options.file {
        let mut text = content(file).map_err(|e| e.with_exit(Exit::USAGE))?;
        text.pop_if(|byte| *byte == b'\n').map_or_else(|| !text.is_empty(), |_| true).then(|| patterns.extend(lines(&text)));
    }
    if options.regexp.is_empty() && options.file.is_empty() {
        if operands.is_empty() {
            return Err(Error::usage("give a pattern"));
        }
        patterns.extend(lines(operands.remove(0).as_bytes()));
    }
    let syntax = match (options.fixed, options.extended) {
        (true, _) => Syntax::Fixed,
        (_, true) => Syntax::Extended,
        _ => Syntax::Basic,
    };
    let meaning = Meaning { any_case: options.ignore_case, lenient: true, lines: false };
    let extent = match (options.line_regexp, options.word_regexp) {
        (true, _) => Extent::Lines,
        (_, true) => Extent::Words,
        _ => Extent::Anywhere,
    };
    let matches_all = extent == Extent::Anywhere && patterns.iter().any(Vec::is_empty);
    Ok((compile_list(&patterns, syntax, meaning, extent)?, matches_all))
}

fn content(file: &Path) -> Result<Vec<u8>> {
    if file != Path::new("-") {
        return fs::read(file).on("read", file);
    }
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).on("read", file)?;
    Ok(text)
}
