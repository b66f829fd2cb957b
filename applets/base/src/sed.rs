//! `sed [-n] [-E] [-i[SUFFIX]] [-s] [-z] [-u] SCRIPT [FILE]...` edits a stream, line by line. POSIX, with GNU's usual additions.
//!
//! Addresses: `N`, `$`, `/RE/I`, `\cREc`, `FIRST~STEP`, `A,B`, `A,+N`, `A,~N`, `0,/RE/`, `!`.
//! Commands: `{ } = a b c d D g G h H i l n N p P q Q r s t T w x y : #`. `s` takes `g p i I m M w FILE` and a number; its
//! replacement knows `& \1`–`\9 \n \t \L \U \l \u \E`.

mod input;
mod parse;
mod program;
mod run;
mod text;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

/// Edit a stream.
pub const SED: Applet = Applet { name: "sed", about: "edit a stream line by line", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Print only what the script prints.
    #[arg(short = 'n', long, visible_alias = "silent")]
    quiet: bool,
    /// Patterns are extended regular expressions.
    #[arg(short = 'E', short_alias = 'r', long)]
    regexp_extended: bool,
    /// A part of the script; may be given again.
    #[arg(short, long, value_name = "SCRIPT", allow_hyphen_values = true)]
    expression: Vec<String>,
    /// A file with a part of the script.
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Change the files themselves; keep the old ones under their names and a suffix. Short: -i[SUFFIX].
    #[arg(long, value_name = "SUFFIX", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    in_place: Option<String>,
    /// Count lines from each file's start.
    #[arg(short, long)]
    separate: bool,
    /// Lines end with zero bytes.
    #[arg(short = 'z', long)]
    null_data: bool,
    /// Write each line at once.
    #[arg(short, long)]
    unbuffered: bool,
    /// The script, unless -e or -f gave one, and files.
    operands: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let args: Vec<OsString> = args.iter().flat_map(in_place).collect();
    let options: Options = parse(&SED, &args)?;
    let mut operands = options.operands.clone().into_iter();
    let mut script = options.expression.join("\n");
    for file in &options.file {
        let text =
            if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
        let text = text.on("read", file)?;
        script = if script.is_empty() { text } else { format!("{script}\n{text}") };
    }
    if options.expression.is_empty() && options.file.is_empty() {
        let first = operands.next().ok_or_else(|| Error::usage("give a script").with_exit(Exit::FAILED))?;
        script = first.to_string_lossy().into_owned();
    }
    let program = parse::parse(&script, options.regexp_extended)?;
    run::run(program, operands.map(PathBuf::from).collect(), &options)
}

/// `-i`, alone, with a suffix or behind other letters, as the long option: clap can't read a short one with an optional value.
fn in_place(arg: &OsString) -> Vec<OsString> {
    let unchanged = || vec![arg.clone()];
    let Some(letters) = arg.to_str().and_then(|a| a.strip_prefix('-')).filter(|a| !a.starts_with('-')) else {
        return unchanged();
    };
    let Some((before, suffix)) = letters.split_once('i') else { return unchanged() };
    if !before.chars().all(|c| "nErsuz".contains(c)) {
        return unchanged();
    }
    let long = if suffix.is_empty() { "--in-place".to_owned() } else { format!("--in-place={suffix}") };
    let mut args = vec![OsString::from(long)];
    if !before.is_empty() {
        args.push(format!("-{before}").into());
    }
    args
}
