//! `grep` prints the lines that match a pattern. `egrep` is `grep -E`, `fgrep` is `grep -F`.
//!
//! Exit status: 0 a line matched, 1 none did, 2 something went wrong.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser};
use kit::{Applet, Context, Exit, Place, Result, glob, out, parse};

use pattern::Pattern;

mod patterns;

/// Search.
pub const GREP: Applet = Applet { name: "grep", about: "print lines that match a pattern", place: Place::Bin, run };
/// With extended patterns.
pub const EGREP: Applet = Applet { name: "egrep", about: "grep with extended patterns", place: Place::Bin, run };
/// With plain texts.
pub const FGREP: Applet = Applet { name: "fgrep", about: "grep for plain texts", place: Place::Bin, run };

#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Patterns are extended regular expressions.
    #[arg(short = 'E', long, overrides_with_all = ["fixed", "basic"])]
    extended_regexp: bool,
    /// Patterns are texts.
    #[arg(short = 'F', long = "fixed-strings", overrides_with_all = ["extended_regexp", "basic"])]
    fixed: bool,
    /// Patterns are basic regular expressions, as without it.
    #[arg(short = 'G', long = "basic-regexp", overrides_with_all = ["extended_regexp", "fixed"])]
    basic: bool,
    /// A pattern; may be given again. One pattern a line.
    #[arg(short = 'e', long, value_name = "PATTERN", allow_hyphen_values = true)]
    regexp: Vec<String>,
    /// Take patterns from a file, one a line.
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Letters of either case.
    #[arg(short, long, short_alias = 'y')]
    ignore_case: bool,
    /// The lines that do not match.
    #[arg(short = 'v', long)]
    invert_match: bool,
    /// Whole words.
    #[arg(short, long)]
    word_regexp: bool,
    /// Whole lines.
    #[arg(short = 'x', long)]
    line_regexp: bool,
    /// How many lines match.
    #[arg(short, long)]
    count: bool,
    /// The names of files with a match.
    #[arg(short = 'l', long)]
    files_with_matches: bool,
    /// The names of files without.
    #[arg(short = 'L', long)]
    files_without_match: bool,
    /// Stop after so many lines of a file.
    #[arg(short, long, value_name = "COUNT")]
    max_count: Option<u64>,
    /// The matching parts alone, a line each.
    #[arg(short, long)]
    only_matching: bool,
    /// Print nothing, stop at the first match.
    #[arg(short, long, visible_alias = "silent")]
    quiet: bool,
    /// No messages about files that can't be read.
    #[arg(short = 's', long)]
    no_messages: bool,
    /// With line numbers.
    #[arg(short = 'n', long)]
    line_number: bool,
    /// With the file's name, also for one file.
    #[arg(short = 'H', long, overrides_with = "no_filename")]
    with_filename: bool,
    /// Without the file's name, also for several.
    #[arg(short = 'h', long, overrides_with = "with_filename")]
    no_filename: bool,
    /// So many lines after a match.
    #[arg(short = 'A', long, value_name = "LINES")]
    after_context: Option<usize>,
    /// So many lines before a match.
    #[arg(short = 'B', long, value_name = "LINES")]
    before_context: Option<usize>,
    /// So many lines around a match.
    #[arg(short = 'C', long, value_name = "LINES")]
    context: Option<usize>,
    /// Through folders, without following links in them.
    #[arg(short, long)]
    recursive: bool,
    /// Through folders, following all links.
    #[arg(short = 'R', long)]
    dereference_recursive: bool,
    /// With -r: only files of this name.
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// With -r: not files of this name.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// With -r: not folders of this name.
    #[arg(long, value_name = "GLOB")]
    exclude_dir: Vec<String>,
    /// A file with zero bytes is a text like others.
    #[arg(short = 'a', long)]
    text: bool,
    /// Lines end with zero bytes.
    #[arg(short = 'z', long)]
    null_data: bool,
    /// Print help.
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The pattern, unless -e or -f gave one, and files.
    operands: Vec<OsString>,
}

/// One search, and what came of it so far.
struct Search {
    options: Options,
    pattern: Pattern,
    names: bool,
    /// Nobody named the working folder, so its name is not printed.
    bare: bool,
    before: usize,
    after: usize,
    out: BufWriter<StdoutLock<'static>>,
    matched: bool,
    failed: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let name = args.first().map(|a| Path::new(a).file_name().unwrap_or_default().to_owned()).unwrap_or_default();
    let applet = if name == "egrep" {
        &EGREP
    } else if name == "fgrep" {
        &FGREP
    } else {
        &GREP
    };
    let mut options: Options = parse(applet, args)?;
    options.extended_regexp |= name == "egrep" && !options.fixed && !options.basic;
    options.fixed |= name == "fgrep" && !options.extended_regexp && !options.basic;
    let mut operands = std::mem::take(&mut options.operands);
    let pattern = patterns::read(&options, &mut operands)?;
    let recursive = options.recursive || options.dereference_recursive;
    let bare = operands.is_empty();
    if bare {
        operands.push(if recursive { "." } else { "-" }.into());
    }
    let names = !options.no_filename && (options.with_filename || operands.len() > 1 || recursive);
    let around = options.context.unwrap_or(0);
    let (before, after) = (options.before_context.unwrap_or(around), options.after_context.unwrap_or(around));
    let mut search = Search { options, pattern, names, bare, before, after, out: out(), matched: false, failed: false };
    for path in operands.iter().map(PathBuf::from) {
        let done = if recursive { search.tree(&path, true)? } else { search.file(&path)? };
        if done {
            break;
        }
    }
    search.out.flush().doing("write standard output")?;
    let quiet_success = search.options.quiet && search.matched;
    Ok(match (search.failed && !quiet_success, search.matched) {
        (true, _) => Exit::USAGE,
        (_, true) => Exit::OK,
        _ => Exit::FAILED,
    })
}

impl Search {
    /// A file, or all files below a folder. True when there is nothing more to look for.
    fn tree(&mut self, path: &Path, given: bool) -> Result<bool> {
        let follow = given || self.options.dereference_recursive;
        let meta = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
        if path == Path::new("-") {
            return self.file(path);
        }
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let any = |globs: &[String]| globs.iter().any(|g| glob::matches(g.as_bytes(), name));
        match meta {
            Err(e) => {
                self.complain(path, &e);
                Ok(false)
            }
            Ok(meta) if meta.is_dir() => {
                if !given && any(&self.options.exclude_dir) {
                    return Ok(false);
                }
                let mut below: Vec<PathBuf> = match fs::read_dir(path) {
                    Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
                    Err(e) => {
                        self.complain(path, &e);
                        return Ok(false);
                    }
                };
                below.sort();
                for path in below {
                    let path = if self.bare { path.strip_prefix(".").map_or(path.clone(), Path::to_owned) } else { path };
                    if self.tree(&path, false)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Ok(meta) if !given && !meta.is_file() => Ok(false),
            Ok(_) => {
                let wanted = self.options.include.is_empty() || any(&self.options.include);
                if wanted && !any(&self.options.exclude) { self.file(path) } else { Ok(false) }
            }
        }
    }

    fn file(&mut self, path: &Path) -> Result<bool> {
        if path == Path::new("-") {
            return self.lines(&mut BufReader::new(std::io::stdin().lock()), "(standard input)");
        }
        let opened = File::open(path).and_then(|f| f.metadata().map(|m| (f, m)));
        match opened {
            Err(e) => self.complain(path, &e),
            Ok((_, meta)) if meta.is_dir() => self.say_of(path, "is a directory"),
            Ok((file, _)) => return self.lines(&mut BufReader::with_capacity(1 << 16, file), &path.to_string_lossy()),
        }
        Ok(false)
    }

    /// Search one input line by line.
    fn lines(&mut self, input: &mut dyn BufRead, name: &str) -> Result<bool> {
        let end = if self.options.null_data { 0 } else { b'\n' };
        let reads_text = self.options.text || self.options.null_data;
        let binary = !reads_text && input.fill_buf().is_ok_and(|start| start.contains(&0));
        let list = self.options.files_with_matches || self.options.files_without_match;
        let shows_lines = !(list || self.options.count || self.options.quiet);
        let mut earlier: std::collections::VecDeque<(u64, Vec<u8>)> = std::collections::VecDeque::new();
        let (mut number, mut count, mut last_shown, mut left_after) = (0u64, 0u64, 0u64, 0usize);
        let mut line = Vec::new();
        while self.options.max_count.is_none_or(|max| count < max || left_after > 0) {
            line.clear();
            match input.read_until(end, &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) => {
                    self.complain(Path::new(name), &e);
                    break;
                }
            }
            number += 1;
            let text = line.strip_suffix(&[end]).unwrap_or(&line);
            let may_match = self.options.max_count.is_none_or(|max| count < max);
            if !may_match || self.pattern.is_match(text)? == self.options.invert_match {
                if left_after > 0 && shows_lines {
                    left_after -= 1;
                    last_shown = number;
                    self.print(name, number, text, '-')?;
                } else if self.before > 0 && shows_lines {
                    earlier.push_back((number, text.to_vec()));
                    if earlier.len() > self.before {
                        earlier.pop_front();
                    }
                }
                continue;
            }
            count += 1;
            self.matched = true;
            if self.options.quiet {
                return Ok(true);
            }
            if list {
                break;
            }
            if !shows_lines {
                continue;
            }
            if binary {
                self.out.flush().doing("write standard output")?;
                self.say_of(Path::new(name), "binary file matches");
                break;
            }
            let first = earlier.front().map_or(number, |(n, _)| *n);
            if (self.before > 0 || self.after > 0) && last_shown > 0 && first > last_shown + 1 {
                writeln!(self.out, "--").doing("write standard output")?;
            }
            for (n, text) in std::mem::take(&mut earlier) {
                self.print(name, n, &text, '-')?;
            }
            self.print_match(name, number, text)?;
            last_shown = number;
            left_after = self.after;
        }
        self.sum_up(name, count)?;
        Ok(false)
    }

    fn sum_up(&mut self, name: &str, count: u64) -> Result<()> {
        let listed = (self.options.files_with_matches && count > 0) || (self.options.files_without_match && count == 0);
        if listed {
            writeln!(self.out, "{name}").doing("write standard output")
        } else if self.options.count && !self.options.files_with_matches && !self.options.files_without_match {
            let head = if self.names { format!("{name}:") } else { String::new() };
            writeln!(self.out, "{head}{count}").doing("write standard output")
        } else {
            Ok(())
        }
    }

    fn print_match(&mut self, name: &str, number: u64, text: &[u8]) -> Result<()> {
        if !self.options.only_matching {
            return self.print(name, number, text, ':');
        }
        if self.options.invert_match {
            return Ok(());
        }
        let mut parts = Vec::new();
        self.pattern.each_match(text, |spans| {
            parts.extend(spans.first().cloned().flatten().filter(|span| !span.is_empty()));
            true
        })?;
        parts.into_iter().try_for_each(|part| self.print(name, number, &text[part], ':'))
    }

    fn print(&mut self, name: &str, number: u64, text: &[u8], mark: char) -> Result<()> {
        let mut head = String::new();
        if self.names {
            head.extend([name, mark.encode_utf8(&mut [0; 4])]);
        }
        if self.options.line_number {
            head.extend([number.to_string().as_str(), mark.encode_utf8(&mut [0; 4])]);
        }
        let end: &[u8] = if self.options.null_data { b"\0" } else { b"\n" };
        let mut write = || {
            self.out.write_all(head.as_bytes())?;
            self.out.write_all(text)?;
            self.out.write_all(end)
        };
        write().doing("write standard output")
    }

    fn complain(&mut self, path: &Path, e: &std::io::Error) {
        let e = Err::<(), _>(e.to_string()).on("read", path).err();
        self.failed = true;
        if let (false, Some(e)) = (self.options.no_messages, e) {
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(std::io::stderr(), "grep: {e}");
        }
    }

    fn say_of(&mut self, path: &Path, what: &str) {
        if !self.options.no_messages {
            // As above.
            let _ = writeln!(std::io::stderr(), "grep: {}: {what}", path.display());
        }
    }
}
