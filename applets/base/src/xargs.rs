//! `xargs [-0] [-r] [-t] [-d CHAR] [-n COUNT] [-L LINES] [-I TEXT] [-P COUNT] [-a FILE] [PROGRAM]...` runs a program with words
//! from standard input as further arguments.
//!
//! Exit status: 0, 123 a call failed, 124 a call ended with 255, 125 a call was killed, 126 and 127 it could not be run.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

/// Arguments from input.
pub const XARGS: Applet =
    Applet { name: "xargs", about: "run a program with arguments from standard input", place: Place::Bin, run };

/// Bytes of arguments a call: POSIX asks for this limit, and the kernel takes 128 KiB on any system.
const BYTES: usize = 128 * 1024 - 4096;

#[derive(Parser)]
struct Options {
    /// Words end with a zero byte, and nothing else is special.
    #[arg(short = '0', long)]
    null: bool,
    /// Words end with this character, and nothing else is special.
    #[arg(short, long, value_name = "CHAR")]
    delimiter: Option<String>,
    /// No words, no call.
    #[arg(short = 'r', long)]
    no_run_if_empty: bool,
    /// Print each call first.
    #[arg(short = 't', long)]
    verbose: bool,
    /// At most so many words a call.
    #[arg(short = 'n', long, value_name = "COUNT")]
    max_args: Option<usize>,
    /// At most so many lines a call.
    #[arg(short = 'L', long, value_name = "LINES")]
    max_lines: Option<usize>,
    /// A call a line, with the line in place of this text.
    #[arg(short = 'I', long = "replace", value_name = "TEXT")]
    replace: Option<String>,
    /// At most so many calls at once; 0 is all.
    #[arg(short = 'P', long, value_name = "COUNT", default_value_t = 1)]
    max_procs: usize,
    /// At most so many bytes of arguments a call.
    #[arg(short = 's', long, value_name = "BYTES")]
    max_chars: Option<usize>,
    /// Words come from this file.
    #[arg(short, long, value_name = "FILE")]
    arg_file: Option<PathBuf>,
    /// The program and its first arguments; echo without one.
    #[arg(trailing_var_arg = true)]
    program: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&XARGS, args)?;
    let mut input = Vec::new();
    match &options.arg_file {
        Some(path) => File::open(path).and_then(|mut f| f.read_to_end(&mut input)).on("read", path)?,
        None => std::io::stdin().read_to_end(&mut input).doing("read standard input")?,
    };
    let program = if options.program.is_empty() { vec!["echo".into()] } else { options.program.clone() };
    let calls = calls(&options, &program, &input)?;
    let mut runner = Runner { options: &options, children: Vec::new(), exit: Exit::OK };
    for words in calls {
        if !runner.start(&words)? {
            break;
        }
    }
    while !runner.children.is_empty() {
        runner.wait_one()?;
    }
    Ok(runner.exit)
}

/// The words of each call.
fn calls(options: &Options, program: &[OsString], input: &[u8]) -> Result<Vec<Vec<OsString>>> {
    let lines = split(options, input)?;
    if let Some(text) = &options.replace {
        let call = |line: &Vec<OsString>| {
            let line = line.join(OsStr::new(" "));
            program.iter().map(|word| replace(word, text, &line)).collect()
        };
        return Ok(lines.iter().map(call).collect());
    }
    let limit = options.max_chars.unwrap_or(BYTES);
    let own: usize = program.iter().map(|w| w.len() + 1).sum();
    let mut calls = Vec::new();
    let (mut words, mut bytes, mut line_count) = (Vec::new(), own, 0);
    for line in lines {
        let full_of_lines = options.max_lines.is_some_and(|max| line_count >= max);
        if full_of_lines {
            calls.push(std::mem::take(&mut words));
            (bytes, line_count) = (own, 0);
        }
        line_count += 1;
        for word in line {
            let full = options.max_args.is_some_and(|max| words.len() >= max) || bytes + word.len() + 1 > limit;
            if full && !words.is_empty() {
                calls.push(std::mem::take(&mut words));
                bytes = own;
            }
            bytes += word.len() + 1;
            if bytes > limit {
                return Err(Error::new("a word is longer than a call may be"));
            }
            words.push(word);
        }
    }
    if !words.is_empty() || (calls.is_empty() && !options.no_run_if_empty) {
        calls.push(words);
    }
    Ok(calls.into_iter().map(|words| program.iter().cloned().chain(words).collect()).collect())
}

fn replace(word: &OsStr, text: &str, with: &OsStr) -> OsString {
    let mut parts = Vec::new();
    let mut rest = word.as_bytes();
    while let Some(at) = rest.windows(text.len().max(1)).position(|w| w == text.as_bytes()) {
        parts.extend_from_slice(&rest[..at]);
        parts.extend_from_slice(with.as_bytes());
        rest = &rest[at + text.len()..];
    }
    parts.extend_from_slice(rest);
    OsString::from_vec(parts)
}

/// The words, line by line; where lines mean nothing all words are one line each.
fn split(options: &Options, input: &[u8]) -> Result<Vec<Vec<OsString>>> {
    let delimiter = if options.null { Some(0) } else { options.delimiter.as_deref().map(delimiter).transpose()? };
    if let Some(byte) = delimiter {
        let input = input.strip_suffix(&[byte]).unwrap_or(input);
        let words = input.split(|b| *b == byte).map(|w| vec![OsString::from_vec(w.to_vec())]);
        return Ok(if input.is_empty() { Vec::new() } else { words.collect() });
    }
    if options.replace.is_some() {
        let lines = input.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_start).filter(|l| !l.is_empty());
        return Ok(lines.map(|l| vec![OsString::from_vec(l.to_vec())]).collect());
    }
    quoted(input)
}

fn delimiter(text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"\\n" => Ok(b'\n'),
        b"\\t" => Ok(b'\t'),
        b"\\0" => Ok(0),
        b"\\\\" => Ok(b'\\'),
        _ => Err(Error::usage(format!("the delimiter is one character: {text}"))),
    }
}

/// Blanks and ends of lines part words; quotes and backslashes keep them together.
fn quoted(input: &[u8]) -> Result<Vec<Vec<OsString>>> {
    let (mut lines, mut line, mut word) = (Vec::new(), Vec::new(), None::<Vec<u8>>);
    let mut bytes = input.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' | b' ' | b'\t' => {
                line.extend(word.take().map(OsString::from_vec));
                if byte == b'\n' && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
            }
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            b'"' | b'\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next() {
                        Some(b) if b == byte => break,
                        Some(b) if b != b'\n' => word.push(b),
                        _ => return Err(Error::new("a quote is not closed; -0 takes words as they are")),
                    }
                }
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    line.extend(word.map(OsString::from_vec));
    if !line.is_empty() {
        lines.push(line);
    }
    Ok(lines)
}

struct Runner<'a> {
    options: &'a Options,
    children: Vec<Child>,
    exit: Exit,
}

impl Runner<'_> {
    /// Start a call, waiting for room first. False when no more may be started.
    fn start(&mut self, words: &[OsString]) -> Result<bool> {
        let most = if self.options.max_procs == 0 { usize::MAX } else { self.options.max_procs };
        while self.children.len() >= most {
            if !self.wait_one()? {
                return Ok(false);
            }
        }
        if self.options.verbose {
            let line = words.join(OsStr::new(" "));
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{}", line.display());
        }
        let (program, arguments) = words.split_first().ok_or_else(|| Error::new("no program to run"))?;
        let mut command = Command::new(program);
        command.args(arguments);
        if self.options.arg_file.is_none() {
            command.stdin(Stdio::null());
        }
        match command.spawn() {
            Ok(child) => self.children.push(child),
            Err(e) => {
                let exit = if e.kind() == std::io::ErrorKind::NotFound { Exit::NOT_FOUND } else { Exit::NOT_RUN };
                return Err(e).doing(format!("run {}", program.display())).map_err(|e: Error| e.with_exit(exit));
            }
        }
        Ok(true)
    }

    /// Wait for the oldest call. False when it says that no more may follow.
    fn wait_one(&mut self) -> Result<bool> {
        let status = self.children.remove(0).wait().doing("wait for a call")?;
        let (exit, go_on) = meaning(status);
        if exit != Exit::OK && self.exit.0 < exit.0 {
            self.exit = exit;
        }
        Ok(go_on)
    }
}

fn meaning(status: ExitStatus) -> (Exit, bool) {
    match (status.code(), status.signal()) {
        (Some(0), _) => (Exit::OK, true),
        (Some(255), _) => (Exit(124), false),
        (None, Some(_)) => (Exit(125), false),
        _ => (Exit(123), true),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn quotes_keep_words_together() {
        let lines = quoted(b"a 'b c'\\ d\n\n \"e\"\"f\"\n''").unwrap();
        let words = |line: &[OsString]| line.iter().map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>();
        assert_eq!(words(&lines[0]), ["a", "b c d"]);
        assert_eq!(words(&lines[1]), ["ef"]);
        assert_eq!(words(&lines[2]), [""]);
        assert!(quoted(b"'a").is_err());
    }

    #[test]
    fn replacing_in_words() {
        assert_eq!(replace(OsStr::new("a{}b{}"), "{}", OsStr::new("X")), "aXbX");
    }
}
