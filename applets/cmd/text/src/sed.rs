//! `sed [-n] [-E] [-i[SUFFIX]] [-s] [-z] [-u] [-l COLUMNS] SCRIPT [FILE]...` edits a stream, line by line. POSIX, with GNU's usual
//! additions.
//!
//! Addresses: `N`, `$`, `/RE/I`, `/RE/M`, `\cREc`, `FIRST~STEP`, `A,B`, `A,+N`, `A,~N`, `0,/RE/`, `0r`, `!`.
//! Commands: `{ } = a b c d D e F g G h H i l n N p P q Q r R s t T v w W x y z : #`. `s` takes `e g p i I m M w FILE` and a number; its
//! replacement knows `& \1`–`\9 \L \U \l \u \E`. Patterns, also between brackets, replacements, the lists of `y` and texts know
//! `\a \f \n \r \t \v \cX \dNNN \oNNN \xHH`. Patterns may have back-references. With `--posix`
//! all that POSIX does not tell of is a mistake or a plain character, and `N` without a next line prints nothing. `--debug` is refused.

mod escape;
mod input;
mod output;
mod parse;
mod program;
mod range;
mod replace;
mod run;
mod scan;
mod text;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse_matched};

/// Edit a stream.
pub const SED: Applet = Applet { name: "sed", about: "edit a stream line by line", place: Place::Bin, run };

#[derive(Parser)]
#[command(infer_long_args = true, args_override_self = true)]
struct Options {
    /// Print only what the script prints.
    #[arg(short = 'n', long, visible_alias = "silent")]
    quiet: bool,
    /// Patterns are extended regular expressions.
    #[arg(short = 'E', short_alias = 'r', long)]
    regexp_extended: bool,
    /// A part of the script; may be given again.
    #[arg(short, long, value_name = "SCRIPT", allow_hyphen_values = true)]
    expression: Vec<OsString>,
    /// A file with a part of the script.
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Change the files themselves; keep the old ones under their names and a suffix, in which * stands for the name. Short: -i[SUFFIX].
    #[arg(long, value_name = "SUFFIX", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    in_place: Option<String>,
    /// Count lines from each file's start.
    #[arg(short, long)]
    separate: bool,
    /// Lines end with zero bytes.
    #[arg(short = 'z', long, visible_alias = "zero-terminated")]
    null_data: bool,
    /// Write each line at once.
    #[arg(short, long)]
    unbuffered: bool,
    /// Columns of a line of the command l; 0 stands for no limit.
    #[arg(short, long, value_name = "COLUMNS", default_value_t = 70)]
    line_length: usize,
    /// With -i: edit the file that a symbolic link leads to, not the link.
    #[arg(long)]
    follow_symlinks: bool,
    /// Scripts may not run programs, nor read or write files but those that are named: no e, r and w.
    #[arg(long)]
    sandbox: bool,
    /// Only what POSIX tells of: no additions of GNU's.
    #[arg(long)]
    posix: bool,
    /// As without it: bytes stay as they are.
    #[arg(short, long)]
    binary: bool,
    /// The script, unless -e or -f gave one, and files.
    operands: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let args: Vec<OsString> = args.iter().flat_map(in_place).collect();
    let (options, matches): (Options, _) =
        parse_matched(&SED, &args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::FAILED) })?;
    let mut operands = options.operands.clone().into_iter();
    let mut parts = Vec::new();
    let places = |id: &str| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
    for (place, part) in places("expression").into_iter().zip(&options.expression) {
        parts.push((place, part.as_encoded_bytes().to_vec()));
    }
    for (place, file) in places("file").into_iter().zip(&options.file) {
        parts.push((place, script(file)?));
    }
    if parts.is_empty() {
        let first = operands.next().ok_or_else(|| Error::usage("give a script").with_exit(Exit::FAILED))?;
        parts.push((0, first.as_encoded_bytes().to_vec()));
    }
    // In the order in which they were given.
    parts.sort_by_key(|(place, _)| *place);
    let parts: Vec<Vec<u8>> = parts.into_iter().map(|(_, part)| part).collect();
    if options.in_place.is_some() && operands.len() == 0 {
        return Err(Error::usage("-i edits files: name one").with_exit(Exit::FAILED));
    }
    let rules = scan::Rules { sandbox: options.sandbox, posix: options.posix };
    let program = parse::parse(&parts.join(&b'\n'), options.regexp_extended, rules)?;
    run::run(program, operands.map(PathBuf::from).collect(), &options)
}

/// The script in a file, without the last line's end.
fn script(file: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut text).on("read", file)?;
    } else {
        text = std::fs::read(file).on("read", file)?;
    }
    text.pop_if(|b| *b == b'\n');
    Ok(text)
}

/// `-i`, alone, with a suffix or behind other letters, as the long option: clap can't read a short one with an optional value.
fn in_place(arg: &OsString) -> Vec<OsString> {
    let unchanged = || vec![arg.clone()];
    let Some(letters) = arg.to_str().and_then(|a| a.strip_prefix('-')).filter(|a| !a.starts_with('-')) else {
        return unchanged();
    };
    let Some((before, suffix)) = letters.split_once('i') else { return unchanged() };
    if !before.chars().all(|c| "bnErsuz".contains(c)) {
        return unchanged();
    }
    let long = if suffix.is_empty() { "--in-place".to_owned() } else { format!("--in-place={suffix}") };
    let mut args = vec![OsString::from(long)];
    if !before.is_empty() {
        args.push(format!("-{before}").into());
    }
    args
}

/// Definition of the options, for the table of them.
#[cfg(test)]
pub(super) fn command() -> clap::Command {
    <Options as clap::CommandFactory>::command()
}
