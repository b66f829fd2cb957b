//! Search of one input after another.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kit::{Context, Exit, Result, out};
use pattern::Pattern;

use super::files::Globs;
use super::options::{Binary, Options};
use super::print::{Line, Printer};

/// Bytes that are read at once: of those at a file's start a zero byte makes it binary.
const BUFFER: usize = 96 << 10;
/// Width of numbers with -T for an input whose size is not known.
const WIDEST: usize = 19;

/// One search, and what came of it so far.
pub(super) struct Search {
    pub options: Options,
    pub globs: Globs,
    pattern: Pattern,
    /// Nobody named the working directory.
    pub bare: bool,
    before: usize,
    after: usize,
    printer: Printer,
    matched: bool,
    pub failed: bool,
}

/// State of an input while its lines go by.
struct Input<'a> {
    name: &'a OsStr,
    binary: bool,
    number: u64,
    offset: u64,
    count: u64,
    /// Lines that a match would show before it.
    earlier: VecDeque<(u64, u64, Vec<u8>)>,
    last_shown: u64,
    left_after: usize,
}

impl Search {
    pub fn new(options: Options, pattern: Pattern, globs: Globs, names: bool, bare: bool) -> Self {
        let around = options.context.unwrap_or(0);
        let (before, after) = (options.before_context.unwrap_or(around), options.after_context.unwrap_or(around));
        let printer = Printer::new(out(), &options, names);
        Self { options, globs, pattern, bare, before, after, printer, matched: false, failed: false }
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.printer.flush()
    }

    pub fn exit(&self) -> Exit {
        let quiet_success = self.options.quiet && self.matched;
        match (self.failed && !quiet_success, self.matched) {
            (true, _) => Exit::USAGE,
            (_, true) => Exit::OK,
            _ => Exit::FAILED,
        }
    }

    pub fn standard_input(&mut self) -> Result<bool> {
        let name = self.options.label.clone().unwrap_or_else(|| "(standard input)".into());
        let stdin = io::stdin().as_fd().try_clone_to_owned().doing("open standard input")?;
        let file = File::from(stdin);
        let meta = file.metadata().ok();
        let done = self.input(&file, &name, meta.as_ref())?;
        if self.is_limited() {
            // The next program reads on behind the last line that was wanted.
            let _ = self.printer.flush();
        }
        Ok(done)
    }

    /// Tell if the input is left before its end.
    fn is_limited(&self) -> bool {
        self.options.max_count.is_some_and(|most| most >= 0)
    }

    /// Tell if lines are printed, not counted or listed.
    fn shows_lines(&self) -> bool {
        let options = &self.options;
        !(options.files_with_matches || options.files_without_match || options.count || options.quiet)
    }

    /// Search one input line by line. True when there is nothing more to look for.
    pub fn input(&mut self, file: impl Read, name: &OsStr, meta: Option<&Metadata>) -> Result<bool> {
        if self.is_output(meta) {
            self.failed = true;
            self.say_of(Path::new(name), "input file is also the output");
            return Ok(false);
        }
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let end = if self.options.null_data { 0 } else { b'\n' };
        let kind = self.options.binary();
        let has_zero = end != 0 && reader.fill_buf().is_ok_and(|start| start.contains(&0));
        let binary = kind != Binary::Text && has_zero;
        if binary && kind == Binary::WithoutMatch {
            return self.sum_up(name, 0).map(|()| false);
        }
        let size = meta.filter(|meta| meta.is_file()).map(|meta| meta.len().to_string().len());
        self.printer.begin(name, size.unwrap_or(WIDEST));
        let mut input =
            Input { name, binary, number: 0, offset: 0, count: 0, earlier: VecDeque::new(), last_shown: 0, left_after: 0 };
        let mut zapped;
        let reader: &mut dyn BufRead = if binary {
            zapped = BufReader::new(WithoutZeros(reader));
            &mut zapped
        } else {
            &mut reader
        };
        if self.lines(reader, end, &mut input)? {
            return Ok(true);
        }
        self.sum_up(name, input.count)?;
        Ok(false)
    }

    /// All lines. True when the search is at its end.
    fn lines(&mut self, reader: &mut dyn BufRead, end: u8, input: &mut Input) -> Result<bool> {
        let most = self.options.max_count.and_then(|most| u64::try_from(most).ok());
        let mut line = Vec::new();
        while most.is_none_or(|most| input.count < most || input.left_after > 0) {
            line.clear();
            match reader.read_until(end, &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) => {
                    self.complain(Path::new(input.name), e);
                    break;
                }
            }
            let text = line.strip_suffix(&[end]).unwrap_or(&line);
            input.number += 1;
            let may_match = most.is_none_or(|most| input.count < most);
            if !may_match || self.pattern.is_match(text)? == self.options.invert_match {
                self.other(text, input)?;
            } else {
                input.count += 1;
                self.matched = true;
                if self.options.quiet {
                    return Ok(true);
                }
                if self.options.files_with_matches || self.options.files_without_match || !self.selected(text, input)? {
                    break;
                }
            }
            input.offset += line.len() as u64;
        }
        Ok(false)
    }

    /// A line that is not selected: shown behind one that is, or kept for one to come.
    fn other(&mut self, text: &[u8], input: &mut Input) -> Result<()> {
        if !self.shows_lines() || input.binary {
            return Ok(());
        }
        if input.left_after > 0 {
            input.left_after -= 1;
            input.last_shown = input.number;
            let line = Line { number: input.number, offset: input.offset, text, selected: false };
            return self.printer.line(&line, &self.pattern);
        }
        if self.before > 0 {
            if input.earlier.len() == self.before {
                input.earlier.pop_front();
            }
            input.earlier.push_back((input.number, input.offset, text.to_vec()));
        }
        Ok(())
    }

    /// A line that is selected. False when no more lines of this input are wanted.
    fn selected(&mut self, text: &[u8], input: &mut Input) -> Result<bool> {
        if !self.shows_lines() {
            return Ok(true);
        }
        if input.binary {
            self.printer.flush().doing("write standard output")?;
            self.printer.shown = true;
            // Not one of the messages that -s is about; nothing is left to tell it to when standard error is closed.
            let _ = writeln!(io::stderr(), "grep: {}: binary file matches", Path::new(input.name).display());
            return Ok(false);
        }
        let first = input.earlier.front().map_or(input.number, |(number, ..)| *number);
        let has_context =
            self.options.context.is_some() || self.options.before_context.is_some() || self.options.after_context.is_some();
        if has_context && self.printer.shown && (input.last_shown == 0 || first > input.last_shown + 1) {
            self.printer.separator()?;
        }
        for (number, offset, text) in std::mem::take(&mut input.earlier) {
            self.printer.line(&Line { number, offset, text: &text, selected: false }, &self.pattern)?;
        }
        let line = Line { number: input.number, offset: input.offset, text, selected: true };
        self.printer.line(&line, &self.pattern)?;
        input.last_shown = input.number;
        input.left_after = self.after;
        Ok(true)
    }

    /// The name or the number of lines of an input.
    pub fn sum_up(&mut self, name: &OsStr, count: u64) -> Result<()> {
        let options = &self.options;
        let lists = options.files_with_matches || options.files_without_match;
        if lists {
            let listed = if count > 0 { options.files_with_matches } else { options.files_without_match };
            return if listed && !options.quiet { self.printer.name(name) } else { Ok(()) };
        }
        if options.count && !options.quiet { self.printer.count(name, count) } else { Ok(()) }
    }

    /// Tell if the input is the file that the output goes to: it would grow for ever.
    fn is_output(&self, meta: Option<&Metadata>) -> bool {
        let Some(meta) = meta.filter(|meta| meta.is_file() && self.shows_lines()) else { return false };
        let output = io::stdout().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
        output.is_ok_and(|output| (output.dev(), output.ino()) == (meta.dev(), meta.ino()))
    }

    pub fn complain(&mut self, path: &Path, e: io::Error) {
        let e = Err::<(), _>(e).on("read", path).err();
        self.failed = true;
        if let (false, Some(e)) = (self.options.no_messages, e) {
            // A closed standard error loses the message.
            let _ = writeln!(io::stderr(), "grep: {e}");
        }
    }

    pub fn say_of(&self, path: &Path, what: &str) {
        if !self.options.no_messages {
            // As above.
            let _ = writeln!(io::stderr(), "grep: {}: {what}", path.display());
        }
    }
}

/// An input whose zero bytes are ends of lines: that is how lines of a binary file are told apart.
struct WithoutZeros<R>(R);

impl<R: Read> Read for WithoutZeros<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read(buffer)?;
        buffer.iter_mut().take(len).filter(|byte| **byte == 0).for_each(|byte| *byte = b'\n');
        Ok(len)
    }
}
