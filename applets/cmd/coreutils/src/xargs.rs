//! `xargs [OPTION]... [PROGRAM [ARGUMENT]...]` runs a program with words from standard input as further arguments.
//!
//! Words: `-0 -d CHAR -a FILE -E END -e[END]`. Calls: `-n COUNT -L LINES -l[LINES] -I TEXT -i[TEXT] -s BYTES -x -r -P COUNT
//! --process-slot-var NAME -o`. To see them: `-t -p --show-limits`.
//!
//! Exit status: 0, 1 something else, 123 a call failed, 124 a call ended with 255, 125 a call was killed, 126 and 127 it could
//! not be run.

mod runner;
mod words;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::{ArgMatches, Parser};
use kit::{Applet, Context, Error, Exit, Place, Result, parse_matched};

use runner::Runner;
use words::{Words, delimiter};

/// Arguments from input.
pub const XARGS: Applet =
    Applet { name: "xargs", about: "run a program with arguments from standard input", place: Place::Bin, run };

/// Bytes of arguments a call, unless -s says another number: that of GNU, too.
const BYTES: usize = 128 * 1024;
/// Bytes that the kernel takes at least for arguments and environment: a quarter of the smallest stack it gives.
const MOST: usize = 2 * 1024 * 1024;
/// Bytes of them that POSIX wants left alone.
const SPARE: usize = 2048;

#[derive(Parser)]
#[command(infer_long_args = true, args_override_self = true)]
struct Options {
    /// Words end with a zero byte, and nothing else is special.
    #[arg(short = '0', long, overrides_with = "delimiter")]
    null: bool,
    /// Words end with this character, and nothing else is special.
    #[arg(short, long, value_name = "CHAR", overrides_with = "null")]
    delimiter: Option<String>,
    /// The word that ends the input. Short: -E END or -e[END].
    #[arg(short = 'E', long = "eof", value_name = "END", num_args = 0..=1, default_missing_value = "")]
    eof: Option<OsString>,
    /// No words, no call.
    #[arg(short = 'r', long)]
    no_run_if_empty: bool,
    /// Print each call first.
    #[arg(short = 't', long)]
    verbose: bool,
    /// Ask before each call.
    #[arg(short = 'p', long)]
    interactive: bool,
    /// The program reads the terminal.
    #[arg(short, long)]
    open_tty: bool,
    /// At most so many words a call.
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = at_least_one)]
    max_args: Option<usize>,
    /// At most so many lines a call; a blank at the end of a line joins the next one. Short: -L LINES or -l[LINES].
    #[arg(short = 'L', long, value_name = "LINES", value_parser = at_least_one)]
    max_lines: Option<usize>,
    /// A call a line, with the line in place of this text. Short: -I TEXT or -i[TEXT].
    #[arg(short = 'I', long = "replace", value_name = "TEXT")]
    replace: Option<String>,
    /// At most so many calls at once; 0 is all.
    #[arg(short = 'P', long, value_name = "COUNT", default_value_t = 1)]
    max_procs: usize,
    /// Put the number of the place among those calls into this variable.
    #[arg(long, value_name = "NAME")]
    process_slot_var: Option<OsString>,
    /// At most so many bytes of arguments a call.
    #[arg(short = 's', long, value_name = "BYTES", value_parser = at_least_one)]
    max_chars: Option<usize>,
    /// End when words that belong to one call do not fit.
    #[arg(short = 'x', long)]
    exit: bool,
    /// Print how long calls may be.
    #[arg(long)]
    show_limits: bool,
    /// Words come from this file.
    #[arg(short, long, value_name = "FILE")]
    arg_file: Option<PathBuf>,
    /// The program and its first arguments; echo without one.
    #[arg(trailing_var_arg = true)]
    program: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let usage = |e: Error| if e.is_text() { e } else { e.with_exit(Exit::FAILED) };
    let (mut options, matches): (Options, _) = parse_matched(&XARGS, &optional_values(args)).map_err(usage)?;
    options.keep_last(&matches);
    let input: Box<dyn BufRead> = match &options.arg_file {
        Some(path) if path.as_os_str() != "-" => Box::new(BufReader::new(File::open(path).on("read", path)?)),
        _ => Box::new(io::stdin().lock()),
    };
    let delimiter =
        if options.null { Some(0) } else { options.delimiter.as_deref().map(delimiter).transpose().map_err(usage)? };
    if options.replace.as_deref() == Some("") {
        return Err(usage(Error::usage("the text to replace is empty")));
    }
    let end = options.eof.clone().filter(|end| !end.is_empty());
    let words = Words { input, delimiter, lines: options.replace.is_some(), end };
    let limit = limit(&options)?;
    let mut runner = Runner::new(&options, limit);
    let done = runner.all(words);
    // Running commands are waited for, whatever ended the rest.
    runner.wait_all()?;
    // The status of calls says more than that of what ended them.
    let exit = |e: Error| if runner.exit == Exit::OK { e } else { e.with_exit(runner.exit) };
    done.map(|()| runner.exit).map_err(exit)
}

impl Options {
    /// Of -n, -L and -I the last one holds; but -n 1 is what -I does anyway.
    fn keep_last(&mut self, matches: &ArgMatches) {
        let place = |id: &str| matches.indices_of(id).and_then(Iterator::last);
        if self.replace.is_some() {
            self.max_args = self.max_args.filter(|count| *count > 1);
        }
        let (args, lines, replace) = (self.max_args.and(place("max_args")), place("max_lines"), place("replace"));
        let last = args.max(lines).max(replace);
        self.max_args = self.max_args.filter(|_| args == last);
        self.max_lines = self.max_lines.filter(|_| lines == last);
        self.replace = self.replace.take().filter(|_| replace == last);
    }
}

/// Bytes of arguments a call may have beside the environment.
fn limit(options: &Options) -> Result<usize> {
    let environment: usize = std::env::vars_os().map(|(name, value)| name.len() + value.len() + 2).sum();
    let most = MOST.saturating_sub(SPARE + environment);
    let limit = options.max_chars.unwrap_or(BYTES).min(most);
    if options.show_limits {
        let text = format!(
            "The environment takes {environment} bytes.\nPOSIX wants {SPARE} bytes left alone.\n\
             A call may have {most} bytes of arguments, and has at most {limit}.\n"
        );
        io::stderr().write_all(text.as_bytes()).doing("write standard error")?;
    }
    Ok(limit)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it must be a number from 1 on".into())
}

/// Short options with a value of their own.
const WITH_VALUE: &[u8] = b"adEILnPs";
/// Long ones.
const LONG_WITH_VALUE: &[&str] = &["--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-chars", "--process-slot-var"];

/// The short options `-e -i -l` and the long ones `--eof --replace --max-lines`, whose values can be missing, in clap's form.
fn optional_values(args: &[OsString]) -> Vec<OsString> {
    let mut made = Vec::with_capacity(args.len());
    let mut args = args.iter();
    made.extend(args.next().cloned());
    while let Some(arg) = args.next() {
        let bytes = arg.as_bytes();
        let value = match bytes {
            b"--" | b"-" => None,
            [b'-', b'-', ..] => {
                match bytes {
                    b"--replace" => made.push("--replace={}".into()),
                    b"--max-lines" => made.push("--max-lines=1".into()),
                    b"--eof" => made.push("--eof=".into()),
                    _ => made.push(arg.clone()),
                }
                Some(LONG_WITH_VALUE.iter().any(|long| arg == *long))
            }
            [b'-', letters @ ..] => Some(cluster(letters, &mut made)),
            _ => None,
        };
        match value {
            Some(true) => made.extend(args.next().cloned()),
            Some(false) => {}
            None => {
                // The program: what follows is its own.
                if bytes != b"--" {
                    made.push("--".into());
                }
                made.push(arg.clone());
                break;
            }
        }
    }
    made.extend(args.cloned());
    made
}

/// One argument of short options. True: the next one is a value.
fn cluster(letters: &[u8], made: &mut Vec<OsString>) -> bool {
    let special = |byte: &u8| matches!(byte, b'e' | b'i' | b'l') || WITH_VALUE.contains(byte);
    let end = letters.iter().position(special).unwrap_or(letters.len());
    let (plain, rest) = letters.split_at(end);
    let option = |bytes: &[u8]| OsString::from_vec([b"-", bytes].concat());
    let Some((letter @ (b'e' | b'i' | b'l'), value)) = rest.split_first() else {
        made.push(option(letters));
        return rest.len() == 1;
    };
    if !plain.is_empty() {
        made.push(option(plain));
    }
    let (name, missing) = match letter {
        b'e' => ("--eof=", ""),
        b'i' => ("--replace=", "{}"),
        _ => ("--max-lines=", "1"),
    };
    let value = if value.is_empty() { missing.as_bytes() } else { value };
    made.push(OsString::from_vec([name.as_bytes(), value].concat()));
    false
}

/// Names of all options, for the table of them.
#[cfg(test)]
pub(crate) fn names() -> std::collections::BTreeSet<String> {
    let command = <Options as clap::CommandFactory>::command();
    let mut names: std::collections::BTreeSet<String> = ["-e", "-i", "-l", "--help", "--version"].map(str::to_owned).into();
    for arg in command.get_arguments() {
        names.extend(arg.get_short().map(|c| format!("-{c}")));
        names.extend(arg.get_long().map(|long| format!("--{long}")));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_may_be_missing() {
        let made = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            optional_values(&args).iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(made(&["xargs", "-ti", "ls", "-i"]), ["xargs", "-t", "--replace={}", "--", "ls", "-i"]);
        assert_eq!(made(&["xargs", "-l2", "-n", "-e", "ls"]), ["xargs", "--max-lines=2", "-n", "-e", "--", "ls"]);
        assert_eq!(made(&["xargs", "--eof", "--", "ls"]), ["xargs", "--eof=", "--", "ls"]);
    }
}
