//! Output of grep: lines with what stands before them, and colours.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use kit::{Context, Result};
use pattern::Pattern;

use super::options::Options;

/// Colours, as GNU's without GREP_COLORS.
const MATCH: &str = "01;31";
const NAME: &str = "35";
const NUMBER: &str = "32";
const MARK: &str = "36";

/// A line to print.
pub(super) struct Line<'a> {
    pub number: u64,
    /// Bytes of the input before it.
    pub offset: u64,
    pub text: &'a [u8],
    /// It is not there for its neighbours alone.
    pub selected: bool,
}

/// Destination and form of lines.
pub(super) struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    /// Files' names are printed.
    names: bool,
    numbers: bool,
    offsets: bool,
    tab: bool,
    zero: bool,
    only: bool,
    inverted: bool,
    coloured: bool,
    at_once: bool,
    end: u8,
    separator: Option<OsString>,
    /// The input's name, and the width of its numbers with -T.
    name: OsString,
    width: usize,
    /// Something was printed.
    pub shown: bool,
}

impl Printer {
    pub fn new(out: BufWriter<StdoutLock<'static>>, options: &Options, names: bool) -> Self {
        Self {
            out,
            names,
            numbers: options.line_number,
            offsets: options.byte_offset,
            tab: options.initial_tab,
            zero: options.null,
            only: options.only_matching,
            inverted: options.invert_match,
            coloured: options.coloured(),
            at_once: options.line_buffered,
            end: if options.null_data { 0 } else { b'\n' },
            separator: (!options.no_group_separator).then(|| options.group_separator.clone()),
            name: OsString::new(),
            width: 0,
            shown: false,
        }
    }

    /// Another input.
    pub fn begin(&mut self, name: &OsStr, width: usize) {
        name.clone_into(&mut self.name);
        self.width = if self.tab { width } else { 0 };
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The mark between groups of lines.
    pub fn separator(&mut self) -> Result<()> {
        let Some(text) = self.separator.clone() else { return Ok(()) };
        let text = text.as_bytes();
        self.coloured(MARK, text).and_then(|()| self.out.write_all(b"\n")).doing("write standard output")
    }

    /// A line, or the parts of it that match.
    pub fn line(&mut self, line: &Line, pattern: &Pattern) -> Result<()> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        // Lines of the other kind are those that match where the selected ones do not.
        let shows_matches = line.selected != self.inverted;
        if shows_matches && (self.only || self.coloured) {
            pattern.each_match(line.text, |spans| {
                parts.extend(spans.first().cloned().flatten().filter(|span| !span.is_empty()));
                true
            })?;
        }
        let result =
            if self.only { if line.selected { self.parts(line, &parts) } else { Ok(()) } } else { self.whole(line, &parts) };
        result.and_then(|()| if self.at_once { self.out.flush() } else { Ok(()) }).doing("write standard output")
    }

    fn parts(&mut self, line: &Line, parts: &[Range<usize>]) -> io::Result<()> {
        self.shown = true;
        for part in parts {
            let text = &line.text[part.clone()];
            self.head(line.number, line.offset + part.start as u64, b':', !text.is_empty())?;
            self.coloured(MATCH, text)?;
            self.out.write_all(&[self.end])?;
        }
        Ok(())
    }

    fn whole(&mut self, line: &Line, parts: &[Range<usize>]) -> io::Result<()> {
        self.shown = true;
        let mark = if line.selected { b':' } else { b'-' };
        self.head(line.number, line.offset, mark, !line.text.is_empty())?;
        let mut at = 0;
        for part in parts {
            self.out.write_all(&line.text[at..part.start])?;
            self.coloured(MATCH, &line.text[part.clone()])?;
            at = part.end;
        }
        self.out.write_all(&line.text[at..])?;
        self.out.write_all(&[self.end])
    }

    /// Writes what stands before a line.
    fn head(&mut self, number: u64, offset: u64, mark: u8, has_text: bool) -> io::Result<()> {
        if self.names {
            let name = self.name.clone();
            self.coloured(NAME, name.as_bytes())?;
            if self.zero { self.out.write_all(&[0])? } else { self.coloured(MARK, &[mark])? }
        }
        for (wanted, value) in [(self.numbers, number), (self.offsets, offset)] {
            if wanted {
                self.coloured(NUMBER, format!("{value:>width$}", width = self.width).as_bytes())?;
                self.coloured(MARK, &[mark])?;
            }
        }
        let has_head = self.names || self.numbers || self.offsets;
        if self.tab && has_head && has_text { self.out.write_all(b"\t") } else { Ok(()) }
    }

    /// A file's name in a list.
    pub fn name(&mut self, name: &OsStr) -> Result<()> {
        let end = if self.zero { 0 } else { b'\n' };
        let mut write = || {
            self.coloured(NAME, name.as_bytes())?;
            self.out.write_all(&[end])?;
            if self.at_once { self.out.flush() } else { Ok(()) }
        };
        write().doing("write standard output")
    }

    /// Number of lines in an input.
    pub fn count(&mut self, name: &OsStr, count: u64) -> Result<()> {
        let mut write = || {
            if self.names {
                self.coloured(NAME, name.as_bytes())?;
                if self.zero { self.out.write_all(&[0])? } else { self.coloured(MARK, b":")? }
            }
            writeln!(self.out, "{count}")?;
            if self.at_once { self.out.flush() } else { Ok(()) }
        };
        write().doing("write standard output")
    }

    fn coloured(&mut self, colour: &str, text: &[u8]) -> io::Result<()> {
        if !self.coloured {
            return self.out.write_all(text);
        }
        write!(self.out, "\x1b[{colour}m\x1b[K")?;
        self.out.write_all(text)?;
        self.out.write_all(b"\x1b[m\x1b[K")
    }
}
