//! `grep [OPTION]... PATTERN [FILE]...` prints the lines that match a pattern. `egrep` is `grep -E`, `fgrep` is `grep -F`.
//!
//! Patterns: `-e PATTERN`, `-f FILE`, or the first operand; several, one a line. `-G` basic (as without it), `-E` extended, `-F`
//! plain texts; `-i` letters of either case, `-w` whole words, `-x` whole lines. `-P`, Perl's patterns, is refused.
//! Output: `-c -l -L -o -q -s -n -b -H -h -T -Z -m COUNT -A -B -C COUNT -COUNT --label --color --line-buffered
//! --group-separator --no-group-separator`. Files: `-r -R -d read|recurse|skip -D read|skip --include --exclude
//! --exclude-from --exclude-dir`, `-a -I --binary-files`, `-z` for lines that end with zero bytes.
//!
//! Characters are UTF-8; bytes that are none match themselves alone. A file is binary when its first part has a zero byte.
//! Exit status: 0 a line was selected, 1 none was, 2 something went wrong (unless `-q` and a line was selected).

mod files;
mod options;
mod patterns;
mod print;
mod search;

use std::ffi::OsString;
use std::path::Path;

use kit::{Applet, Context, Exit, Place, Result, parse_matched};

use files::Globs;
use options::{Directories, Options};
use search::Search;

/// Search.
pub const GREP: Applet = Applet { name: "grep", about: "print lines that match a pattern", place: Place::Bin, run };
/// With extended patterns.
pub const EGREP: Applet = Applet { name: "egrep", about: "grep with extended patterns", place: Place::Bin, run };
/// With plain texts.
pub const FGREP: Applet = Applet { name: "fgrep", about: "grep for plain texts", place: Place::Bin, run };

fn run(args: &[OsString]) -> Result<Exit> {
    let name = args.first().map(|a| Path::new(a).file_name().unwrap_or_default().to_owned()).unwrap_or_default();
    let applet = match name.to_str() {
        Some("egrep") => &EGREP,
        Some("fgrep") => &FGREP,
        _ => &GREP,
    };
    let (mut options, matches): (Options, _) = parse_matched(applet, &options::digits(args))?;
    match name.to_str() {
        Some("egrep") => options.extended = true,
        Some("fgrep") => options.fixed = true,
        _ => {}
    }
    options.check()?;
    let mut operands = std::mem::take(&mut options.operands);
    let (pattern, matches_all) = patterns::read(&options, &mut operands)?;
    let globs = Globs::new(&options, &matches)?;
    let recursive = options.directories() == Directories::Recurse;
    let bare = operands.is_empty();
    if bare {
        operands.push(if recursive { "." } else { "-" }.into());
    }
    let several = operands.len() > 1 || (recursive && operands.first().is_some_and(|path| Path::new(path).is_dir()));
    let names = !options.no_filename && (options.with_filename || several);
    let none = options.max_count == Some(0) || (options.invert_match && matches_all);
    if none && !options.files_without_match {
        return Ok(Exit::FAILED);
    }
    let mut search = Search::new(options, pattern, globs, names, bare);
    for path in &operands {
        if search.operand(Path::new(path))? {
            break;
        }
    }
    search.flush().doing("write standard output")?;
    Ok(search.exit())
}

/// Definition of the options, for the table of them.
#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <Options as clap::CommandFactory>::command()
}
