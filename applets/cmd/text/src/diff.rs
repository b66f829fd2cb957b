//! `diff [-u|-c|-e|-n|-y|-q] [-rNaibwBEZ] [OPTION]... FILE FILE` prints how two files differ, or with `-r` two directories.
//!
//! Lines that both have are found by Myers' algorithm; of several ways to tell the same change the last one is printed, as GNU
//! does. Files with a zero byte are binary, unless `-a` is given. One file may be `-`, standard input. Exit status: 0 the same,
//! 1 different, 2 trouble.
//!
//! Example: `diff -ru old new > change.patch`

mod lines;
mod myers;
mod print;
#[cfg(test)]
mod round_trip;
mod tree;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Context, Exit, Place, Result, parse};
use pattern::{Meaning, Pattern, Syntax, compile_chars, decode};

/// Differences of files.
pub const DIFF: Applet = Applet { name: "diff", about: "print how files differ", place: Place::Bin, run };

#[derive(Parser)]
#[command(disable_version_flag = true, infer_long_args = true)]
struct Options {
    /// Unified form, three lines around.
    #[arg(short)]
    unified: bool,
    /// Unified form with so many lines around.
    #[arg(short = 'U', long = "unified", value_name = "LINES", num_args = 0..=1, require_equals = false, default_missing_value = "3")]
    unified_lines: Option<usize>,
    /// Context form, three lines around.
    #[arg(short)]
    context: bool,
    /// Context form with so many lines around.
    #[arg(short = 'C', long = "context", value_name = "LINES", num_args = 0..=1, default_missing_value = "3")]
    context_lines: Option<usize>,
    /// Script for ed.
    #[arg(short, long)]
    ed: bool,
    /// Form of RCS.
    #[arg(short = 'n', long)]
    rcs: bool,
    /// Side by side.
    #[arg(short = 'y', long)]
    side_by_side: bool,
    /// Columns of -y.
    #[arg(short = 'W', long, value_name = "COLUMNS", default_value_t = 130)]
    width: usize,
    /// No lines that both have, with -y.
    #[arg(long)]
    suppress_common_lines: bool,
    /// Normal form: so it is usual.
    #[arg(long)]
    normal: bool,
    /// Tell if they differ, not how.
    #[arg(short = 'q', long)]
    brief: bool,
    /// Tell if they are the same, too.
    #[arg(short = 's', long)]
    report_identical_files: bool,
    /// Directories with all below them.
    #[arg(short, long)]
    recursive: bool,
    /// Files that are missing are empty.
    #[arg(short = 'N', long)]
    new_file: bool,
    /// The same, for the first directory alone.
    #[arg(long)]
    unidirectional_new_file: bool,
    /// Links are compared themselves.
    #[arg(long)]
    no_dereference: bool,
    /// Not these names.
    #[arg(short = 'x', long, value_name = "PATTERN")]
    exclude: Vec<OsString>,
    /// The same, patterns from a file.
    #[arg(short = 'X', long, value_name = "FILE")]
    exclude_from: Vec<PathBuf>,
    /// Begin with this name.
    #[arg(short = 'S', long, value_name = "NAME")]
    starting_file: Option<OsString>,
    /// Letters of either case are the same.
    #[arg(short, long)]
    ignore_case: bool,
    /// Tabs are the same as the blanks that they stand for.
    #[arg(short = 'E', long)]
    ignore_tab_expansion: bool,
    /// No blanks at the ends of lines.
    #[arg(short = 'Z', long)]
    ignore_trailing_space: bool,
    /// Any number of blanks is the same.
    #[arg(short = 'b', long)]
    ignore_space_change: bool,
    /// No blanks at all.
    #[arg(short = 'w', long)]
    ignore_all_space: bool,
    /// No changes of empty lines alone.
    #[arg(short = 'B', long)]
    ignore_blank_lines: bool,
    /// No changes of lines alone that fit.
    #[arg(short = 'I', long, value_name = "REGEX")]
    ignore_matching_lines: Vec<OsString>,
    /// No carriage returns at the ends of lines.
    #[arg(long)]
    strip_trailing_cr: bool,
    /// All files are text.
    #[arg(short = 'a', long)]
    text: bool,
    /// Name instead of a file's name and time.
    #[arg(short = 'L', long, value_name = "LABEL")]
    label: Vec<OsString>,
    /// Function of each change, as C has it.
    #[arg(short = 'p', long)]
    show_c_function: bool,
    /// The last line before each change that fits.
    #[arg(short = 'F', long, value_name = "REGEX")]
    show_function_line: Option<OsString>,
    /// Tabs as blanks.
    #[arg(short = 't', long)]
    expand_tabs: bool,
    /// A tab before each line's text.
    #[arg(short = 'T', long)]
    initial_tab: bool,
    /// The smallest change, whatever it takes.
    #[arg(short = 'd', long)]
    minimal: bool,
    /// Less effort for large files: always so.
    #[arg(long)]
    speed_large_files: bool,
    /// Version.
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// Files.
    #[arg(num_args = 2, required = true)]
    files: Vec<PathBuf>,
}

/// Options with what follows from them.
struct Setting {
    options: Options,
    /// Lines around changes.
    around: usize,
    ignored: Vec<Pattern>,
    function: Option<Pattern>,
    exclude: Vec<Vec<u8>>,
    /// The options as they were given, for the line before each file of a directory.
    given: Vec<u8>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    compare(args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::USAGE) })
}

fn compare(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&DIFF, &with_numbers(args))?;
    let regex = |text: &OsString| compile_chars(&decode(text.as_encoded_bytes()), Syntax::Basic, Meaning::default());
    let ignored = options.ignore_matching_lines.iter().map(regex).collect::<Result<_>>()?;
    let function = match (&options.show_function_line, options.show_c_function) {
        (Some(text), _) => Some(regex(text)?),
        (None, true) => Some(regex(&"^[[:alpha:]$_]".into())?),
        _ => None,
    };
    let mut exclude: Vec<Vec<u8>> = options.exclude.iter().map(|text| text.as_encoded_bytes().to_vec()).collect();
    for file in &options.exclude_from {
        let text = std::fs::read(file).on("read", file)?;
        exclude.extend(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    let around = options.unified_lines.or(options.context_lines).unwrap_or(3);
    let files = options.files.len();
    let given =
        args.iter().skip(1).take(args.len().saturating_sub(1 + files)).flat_map(|arg| [b" ", arg.as_encoded_bytes()].concat());
    let given = given.collect();
    let setting = Setting { options, around, ignored, function, exclude, given };
    let mut out = kit::out();
    let exit = tree::compare(&setting, &mut out)?;
    out.flush().doing("write standard output")?;
    Ok(exit)
}

/// `-5` as `-U5` or `-C5`, by the form that is asked for.
fn with_numbers(args: &[OsString]) -> Vec<OsString> {
    let is_number = |text: &str| text.len() > 1 && text.starts_with('-') && text[1..].bytes().all(|byte| byte.is_ascii_digit());
    let context = args.iter().any(|arg| arg.to_str().is_some_and(|text| text.starts_with("-c") || text == "-C"));
    let letter = if context { "-C" } else { "-U" };
    let one = |arg: &OsString| match arg.to_str() {
        Some(text) if is_number(text) => format!("{letter}{}", &text[1..]).into(),
        _ => arg.clone(),
    };
    args.iter().map(one).collect()
}
