//! `xargs [-0] [-r] [-t] [-d CHAR] [-n COUNT] [-L LINES] [-I TEXT] [-P COUNT] [-a FILE] [PROGRAM]...` runs a program with words
//! from standard input as further arguments.
//!
//! Exit status: 0, 123 a call failed, 124 a call ended with 255, 125 a call was killed, 126 and 127 it could not be run.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
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
    #[arg(short = 'n', long, value_name = "COUNT", overrides_with_all = ["max_lines", "replace"], value_parser = at_least_one)]
    max_args: Option<usize>,
    /// At most so many lines a call; a blank at the end of a line joins the next one.
    #[arg(short = 'L', long, value_name = "LINES", overrides_with_all = ["max_args", "replace"], value_parser = at_least_one)]
    max_lines: Option<usize>,
    /// A call a line, with the line in place of this text.
    #[arg(short = 'I', long = "replace", value_name = "TEXT", overrides_with_all = ["max_args", "max_lines"])]
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
    let input: Box<dyn BufRead> = match &options.arg_file {
        Some(path) => Box::new(BufReader::new(File::open(path).on("read", path)?)),
        None => Box::new(io::stdin().lock()),
    };
    let delimiter = if options.null { Some(0) } else { options.delimiter.as_deref().map(delimiter).transpose()? };
    if options.replace.as_deref() == Some("") {
        return Err(Error::usage("the text to replace is empty"));
    }
    let words = Words { input, delimiter, lines: options.replace.is_some() };
    let mut runner = Runner { options: &options, children: Vec::new(), exit: Exit::OK };
    let done = runner.all(words);
    // What runs is waited for, whatever ended the rest.
    while !runner.children.is_empty() {
        runner.wait_one()?;
    }
    done.map(|()| runner.exit)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it must be a number from 1 on".into())
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

/// The words of an input, as it comes.
struct Words<R> {
    input: R,
    /// The byte at a word's end, when nothing else is special.
    delimiter: Option<u8>,
    /// A word is a whole line, without the blanks before it.
    lines: bool,
}

impl<R: BufRead> Words<R> {
    /// The next word, and if a line ends with it: not behind a blank.
    fn next(&mut self) -> Result<Option<(OsString, bool)>> {
        let Some(delimiter) = self.delimiter else { return self.quoted() };
        let mut word = Vec::new();
        if self.input.read_until(delimiter, &mut word).doing("read the input")? == 0 {
            return Ok(None);
        }
        word.pop_if(|byte| *byte == delimiter);
        Ok(Some((OsString::from_vec(word), true)))
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.input.fill_buf().doing("read the input")?.first().copied();
        if byte.is_some() {
            self.input.consume(1);
        }
        Ok(byte)
    }

    /// Blanks and ends of lines part words; quotes and backslashes keep them together.
    fn quoted(&mut self) -> Result<Option<(OsString, bool)>> {
        let mut word = None::<Vec<u8>>;
        loop {
            let byte = self.byte()?;
            match byte {
                Some(b' ' | b'\t') if self.lines && word.is_some() => word.get_or_insert_default().extend(byte),
                None | Some(b'\n' | b' ' | b'\t') => match word.take() {
                    Some(word) => return Ok(Some((OsString::from_vec(word), !matches!(byte, Some(b' ' | b'\t'))))),
                    None if byte.is_none() => return Ok(None),
                    None => {}
                },
                Some(b'\\') => word.get_or_insert_default().extend(self.byte()?),
                Some(quote @ (b'"' | b'\'')) => {
                    let word = word.get_or_insert_default();
                    loop {
                        match self.byte()? {
                            Some(byte) if byte == quote => break,
                            Some(byte) if byte != b'\n' => word.push(byte),
                            _ => return Err(Error::new("a quote is not closed; -0 takes words as they are")),
                        }
                    }
                }
                Some(byte) => word.get_or_insert_default().push(byte),
            }
        }
    }
}

struct Runner<'a> {
    options: &'a Options,
    children: Vec<Child>,
    exit: Exit,
}

impl Runner<'_> {
    /// A call as soon as its words are there.
    fn all(&mut self, mut input: Words<impl BufRead>) -> Result<()> {
        let program = if self.options.program.is_empty() { vec!["echo".into()] } else { self.options.program.clone() };
        if let Some(text) = &self.options.replace {
            while let Some((line, _)) = input.next()? {
                let words: Vec<OsString> = program.iter().map(|word| replace(word, text, &line)).collect();
                self.fits(words.iter().map(|word| word.len() + 1).sum())?;
                if !self.start(&words)? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let own: usize = program.iter().map(|word| word.len() + 1).sum();
        let (mut call, mut bytes, mut lines, mut called) = (program.clone(), own, 0, false);
        while let Some((word, ends_line)) = input.next()? {
            let count = call.len() - program.len();
            if count > 0 && bytes + word.len() + 1 > self.limit() {
                if !self.start(&std::mem::replace(&mut call, program.clone()))? {
                    return Ok(());
                }
                (bytes, lines, called) = (own, 0, true);
            }
            bytes += word.len() + 1;
            self.fits(bytes)?;
            call.push(word);
            lines += usize::from(ends_line);
            let full = self.options.max_args.is_some_and(|max| call.len() - program.len() >= max)
                || self.options.max_lines.is_some_and(|max| lines >= max);
            if full {
                if !self.start(&std::mem::replace(&mut call, program.clone()))? {
                    return Ok(());
                }
                (bytes, lines, called) = (own, 0, true);
            }
        }
        if call.len() > program.len() || !(called || self.options.no_run_if_empty) {
            self.start(&call)?;
        }
        Ok(())
    }

    fn limit(&self) -> usize {
        self.options.max_chars.unwrap_or(BYTES)
    }

    fn fits(&self, bytes: usize) -> Result<()> {
        if bytes <= self.limit() { Ok(()) } else { Err(Error::new("a word is longer than a call may be")) }
    }

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

    fn words(input: &[u8], lines: bool) -> Result<Vec<(String, bool)>> {
        let mut words = Words { input, delimiter: None, lines };
        let mut all = Vec::new();
        while let Some((word, ends)) = words.next()? {
            all.push((word.to_string_lossy().into_owned(), ends));
        }
        Ok(all)
    }

    #[test]
    fn quotes_keep_words_together() {
        let found = words(b"a 'b c'\\ d\n\n \"e\"\"f\"\n''", false).unwrap();
        let expected = [("a", false), ("b c d", true), ("ef", true), ("", true)];
        assert_eq!(found, expected.map(|(word, ends)| (word.to_owned(), ends)));
        assert!(words(b"'a", false).is_err());
        assert_eq!(words(b"a \nb\n", false).unwrap()[0], ("a".to_owned(), false), "a blank joins the next line");
    }

    #[test]
    fn lines_lose_quotes_and_keep_blanks() {
        let lines: Vec<String> =
            words(b"  a  b \n\n \n\"c  d\" e\\ f", true).unwrap().into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, ["a  b ", "c  d e f"]);
    }

    #[test]
    fn delimited_words_are_as_they_are() {
        let mut found = Words { input: &b"a b,,'c"[..], delimiter: Some(b','), lines: false };
        let all: Vec<OsString> = std::iter::from_fn(|| found.next().unwrap().map(|(word, _)| word)).collect();
        assert_eq!(all, ["a b", "", "'c"]);
    }

    /// One word; the next one only comes when the first one's call has left its mark.
    struct Late {
        given: bool,
        mark: PathBuf,
    }

    impl io::Read for Late {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl BufRead for Late {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while !self.mark.exists() {
                assert!(std::time::Instant::now() < end, "the first call waits for the end of the input");
                std::thread::yield_now();
            }
            Ok(&[])
        }

        fn consume(&mut self, _: usize) {}

        fn read_until(&mut self, _: u8, to: &mut Vec<u8>) -> io::Result<usize> {
            if self.given {
                return self.fill_buf().map(<[u8]>::len);
            }
            self.given = true;
            to.extend_from_slice(self.mark.as_os_str().as_bytes());
            Ok(to.len())
        }
    }

    #[test]
    fn calls_do_not_wait_for_the_end_of_the_input() {
        let mark = std::env::temp_dir().join(format!("kutties-xargs-{}", std::process::id()));
        let options: Options = parse(&XARGS, &["xargs", "-n1", "-0", "touch"].map(OsString::from)).unwrap();
        let mut runner = Runner { options: &options, children: Vec::new(), exit: Exit::OK };
        runner.all(Words { input: Late { given: false, mark: mark.clone() }, delimiter: Some(0), lines: false }).unwrap();
        while !runner.children.is_empty() {
            runner.wait_one().unwrap();
        }
        std::fs::remove_file(mark).unwrap();
    }

    #[test]
    fn replacing_in_words() {
        assert_eq!(replace(OsStr::new("a{}b{}"), "{}", OsStr::new("X")), "aXbX");
    }
}
