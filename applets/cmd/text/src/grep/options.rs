//! Options of grep.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, stdout};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};
use kit::{Error, Result};

/// Treatment of directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Directories {
    /// Read them like files, which fails.
    Read,
    /// Search the files below them.
    Recurse,
    /// Pass over them.
    Skip,
}

/// Treatment of devices, pipes and sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Devices {
    /// Read them.
    Read,
    /// Pass over them.
    Skip,
}

/// Treatment of files that have zero bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Binary {
    /// Say that they match.
    #[value(name = "binary")]
    Told,
    /// Print their lines like those of others.
    Text,
    /// Take them as files without a match.
    WithoutMatch,
}

/// Use of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// In any case.
    #[value(aliases = ["yes", "force"])]
    Always,
    /// In no case.
    #[value(aliases = ["no", "none"])]
    Never,
    /// On a terminal.
    #[value(aliases = ["tty", "if-tty"])]
    Auto,
}

#[derive(Parser)]
#[command(disable_help_flag = true, infer_long_args = true, args_override_self = true)]
pub(super) struct Options {
    /// Patterns are extended regular expressions.
    #[arg(short = 'E', long = "extended-regexp")]
    pub extended: bool,
    /// Patterns are texts.
    #[arg(short = 'F', long = "fixed-strings")]
    pub fixed: bool,
    /// Patterns are basic regular expressions, as without it.
    #[arg(short = 'G', long = "basic-regexp")]
    pub basic: bool,
    /// Refused: patterns of Perl's.
    #[arg(short = 'P', long = "perl-regexp")]
    pub perl: bool,
    /// A pattern; may be given again. One pattern a line.
    #[arg(short = 'e', long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub regexp: Vec<OsString>,
    /// Take patterns from a file, one a line.
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Letters of either case.
    #[arg(short, long, short_alias = 'y', overrides_with = "no_ignore_case")]
    pub ignore_case: bool,
    /// Letters of the case that they have, as without it.
    #[arg(long, overrides_with = "ignore_case")]
    no_ignore_case: bool,
    /// The lines that do not match.
    #[arg(short = 'v', long)]
    pub invert_match: bool,
    /// Whole words.
    #[arg(short, long)]
    pub word_regexp: bool,
    /// Whole lines.
    #[arg(short = 'x', long)]
    pub line_regexp: bool,
    /// Print the number of lines that match.
    #[arg(short, long)]
    pub count: bool,
    /// The names of files with a match.
    #[arg(short = 'l', long, overrides_with = "files_without_match")]
    pub files_with_matches: bool,
    /// The names of files without.
    #[arg(short = 'L', long, overrides_with = "files_with_matches")]
    pub files_without_match: bool,
    /// Stop after so many lines of a file; a negative number stands for no limit.
    #[arg(short, long, value_name = "COUNT", allow_negative_numbers = true)]
    pub max_count: Option<i64>,
    /// The matching parts alone, a line each.
    #[arg(short, long)]
    pub only_matching: bool,
    /// Print nothing, stop at the first match.
    #[arg(short, long, visible_alias = "silent")]
    pub quiet: bool,
    /// No messages about files that can't be read.
    #[arg(short = 's', long)]
    pub no_messages: bool,
    /// With line numbers.
    #[arg(short = 'n', long)]
    pub line_number: bool,
    /// With the number of bytes before the line or the part.
    #[arg(short, long)]
    pub byte_offset: bool,
    /// With the file's name, also for one file.
    #[arg(short = 'H', long, overrides_with = "no_filename")]
    pub with_filename: bool,
    /// Without the file's name, also for several.
    #[arg(short = 'h', long, overrides_with = "with_filename")]
    pub no_filename: bool,
    /// The name of standard input.
    #[arg(long, value_name = "NAME")]
    pub label: Option<OsString>,
    /// A tab before the line.
    #[arg(short = 'T', long)]
    pub initial_tab: bool,
    /// A zero byte behind a file's name.
    #[arg(short = 'Z', long)]
    pub null: bool,
    /// Write each line at once.
    #[arg(long)]
    pub line_buffered: bool,
    /// So many lines after a match.
    #[arg(short = 'A', long, value_name = "LINES")]
    pub after_context: Option<usize>,
    /// So many lines before a match.
    #[arg(short = 'B', long, value_name = "LINES")]
    pub before_context: Option<usize>,
    /// So many lines around a match. Short: -LINES.
    #[arg(short = 'C', long, value_name = "LINES")]
    pub context: Option<usize>,
    /// A line between groups of lines that do not follow one another.
    #[arg(long, value_name = "TEXT", default_value = "--", allow_hyphen_values = true)]
    pub group_separator: OsString,
    /// No such line.
    #[arg(long)]
    pub no_group_separator: bool,
    /// Through directories, without following links in them.
    #[arg(short, long, overrides_with_all = ["dereference_recursive", "directories"])]
    recursive: bool,
    /// Through directories, following all links.
    #[arg(short = 'R', long, overrides_with_all = ["recursive", "directories"])]
    pub dereference_recursive: bool,
    /// Treatment of directories.
    #[arg(short, long, value_name = "ACTION", value_enum, overrides_with_all = ["recursive", "dereference_recursive"])]
    directories: Option<Directories>,
    /// Treatment of devices, pipes and sockets.
    #[arg(short = 'D', long, value_name = "ACTION", value_enum)]
    pub devices: Option<Devices>,
    /// Only files of this name.
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<OsString>,
    /// No files of this name.
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<OsString>,
    /// No files of the names in this file, one a line.
    #[arg(long, value_name = "FILE")]
    pub exclude_from: Vec<PathBuf>,
    /// No directories of this name.
    #[arg(long, value_name = "GLOB")]
    pub exclude_dir: Vec<OsString>,
    /// Treatment of files that have zero bytes.
    #[arg(long, value_name = "TYPE", value_enum)]
    binary_files: Option<Binary>,
    /// A file with zero bytes is a text like others.
    #[arg(short = 'a', long)]
    text: bool,
    /// A file with zero bytes is one without a match.
    #[arg(short = 'I')]
    no_binary: bool,
    /// As without it: bytes stay as they are.
    #[arg(short = 'U', long)]
    binary: bool,
    /// Lines end with zero bytes.
    #[arg(short = 'z', long)]
    pub null_data: bool,
    /// Show what matches in colours.
    #[arg(long, visible_alias = "colour", value_name = "WHEN", value_enum, num_args = 0..=1, require_equals = true,
          default_missing_value = "auto")]
    color: Option<Colour>,
    /// Print help.
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The pattern, unless -e or -f gave one, and files.
    pub operands: Vec<OsString>,
}

impl Options {
    /// Refuse what does not go together, or is not here.
    pub fn check(&self) -> Result<()> {
        if self.perl {
            return Err(Error::usage("-P is not supported: patterns are basic (-G) or extended (-E)"));
        }
        if [self.extended, self.fixed, self.basic].iter().filter(|given| **given).count() > 1 {
            return Err(Error::usage("of -E, -F and -G there can be one"));
        }
        Ok(())
    }

    pub fn directories(&self) -> Directories {
        match self.directories {
            _ if self.recursive || self.dereference_recursive => Directories::Recurse,
            Some(action) => action,
            None => Directories::Read,
        }
    }

    pub fn binary(&self) -> Binary {
        match self.binary_files {
            _ if self.text => Binary::Text,
            _ if self.no_binary => Binary::WithoutMatch,
            Some(binary) => binary,
            None => Binary::Told,
        }
    }

    pub fn coloured(&self) -> bool {
        match self.color {
            Some(Colour::Always) => true,
            Some(Colour::Auto) => stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb"),
            Some(Colour::Never) | None => false,
        }
    }
}

/// Short options with a value of their own.
const WITH_VALUE: &[u8] = b"efmABCdD";
/// Long ones.
const LONG_WITH_VALUE: &[&str] = &[
    "--regexp",
    "--file",
    "--max-count",
    "--label",
    "--after-context",
    "--before-context",
    "--context",
    "--group-separator",
    "--directories",
    "--devices",
    "--include",
    "--exclude",
    "--exclude-from",
    "--exclude-dir",
    "--binary-files",
];

/// Digits among short options, as in `-3` or `-n12`, as `--context=`: clap knows no such option.
pub(super) fn digits(args: &[OsString]) -> Vec<OsString> {
    let mut made = Vec::with_capacity(args.len());
    let mut args = args.iter();
    made.extend(args.next().cloned());
    while let Some(arg) = args.next() {
        let bytes = arg.as_bytes();
        if bytes == b"--" {
            made.push(arg.clone());
            break;
        }
        let takes_next = if let (Some(b'-'), true) = (bytes.first(), bytes.get(1).is_some_and(|b| *b != b'-')) {
            cluster(arg, &mut made)
        } else {
            made.push(arg.clone());
            LONG_WITH_VALUE.iter().any(|long| arg == *long)
        };
        if takes_next {
            made.extend(args.next().cloned());
        }
    }
    made.extend(args.cloned());
    made
}

/// One argument of short options. True: the next one is a value.
fn cluster(arg: &OsStr, made: &mut Vec<OsString>) -> bool {
    let bytes = arg.as_bytes();
    let end = bytes.iter().position(|byte| WITH_VALUE.contains(byte)).unwrap_or(bytes.len());
    let (letters, value) = bytes.split_at(end);
    let digits: String = letters.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    if digits.is_empty() {
        made.push(arg.to_owned());
    } else {
        made.push(format!("--context={digits}").into());
        let mut rest: Vec<u8> = letters.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect();
        rest.extend_from_slice(value);
        if rest.len() > 1 {
            made.push(OsString::from_vec(rest));
        }
    }
    value.len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_context() {
        let made = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            digits(&args).iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(made(&["grep", "-2", "x"]), ["grep", "--context=2", "x"]);
        assert_eq!(made(&["grep", "-n12e", "-3"]), ["grep", "--context=12", "-ne", "-3"]);
        assert_eq!(made(&["grep", "-e", "-5", "-m1"]), ["grep", "-e", "-5", "-m1"]);
        assert_eq!(made(&["grep", "--", "-5"]), ["grep", "--", "-5"]);
        assert_eq!(made(&["grep", "--regexp", "-5", "-"]), ["grep", "--regexp", "-5", "-"]);
    }
}
