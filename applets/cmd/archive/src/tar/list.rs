//! Lines about members: `-t`, and `-v` with other modes.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use jiff::tz::TimeZone;
use kit::{Context, Error, Result};

use super::choose::Choice;
use super::date;
use super::options::{Mode, Options};
use super::purge;
use super::reader::Reader;
use super::stream;
use crate::files::member::{Kind, Member};
use crate::files::status::Status;
use crate::lines::bits;

/// Least width of owner, group and size.
const WIDTH: usize = 19;

/// Writer of the lines: standard output, standard error where the archive goes to standard output, or `--index-file`.
pub(super) struct Lines<'a> {
    options: &'a Options,
    to: Box<dyn Write>,
    zone: TimeZone,
    width: Cell<usize>,
    time_width: Cell<usize>,
    /// Lines are written at once: others write to the same stream.
    at_once: bool,
}

impl<'a> Lines<'a> {
    /// The lines of a call; `taken` is set when standard output has files or the archive.
    pub(super) fn new(options: &'a Options, taken: bool) -> Result<Self> {
        let to: Box<dyn Write> = match options.line.one("index-file") {
            Some(file) => Box::new(File::create(file).on("make", file)?),
            None if taken => Box::new(io::stderr()),
            None if options.mode == Mode::List => Box::new(kit::out()),
            // A program that we write to may end early: that must not end us.
            None => Box::new(io::stdout()),
        };
        let zone = date::zone(options.line.has("utc"));
        let at_once = options.mode != Mode::List;
        Ok(Self { options, to: Box::new(BufWriter::new(to)), zone, width: Cell::new(WIDTH), time_width: Cell::new(0), at_once })
    }

    /// A line with the name alone, or with `long` with all that `ls -l` shows.
    pub(super) fn line(&mut self, member: &Member, name: &[u8], long: bool) -> Result<()> {
        let mut line = Vec::new();
        if self.options.line.has("block-number") {
            line.extend_from_slice(format!("block {}: ", member.at / 512).as_bytes());
        }
        if long {
            line.extend_from_slice(self.about(member).as_bytes());
        }
        line.extend(self.options.quote.name(name));
        if long {
            let target = self.options.quote.name(&member.link);
            match member.kind {
                Kind::Symlink => line.extend([b" -> ", target.as_slice()].concat()),
                Kind::Hard => line.extend([b" link to ", target.as_slice()].concat()),
                Kind::Label => line.extend_from_slice(b"--Volume Header--"),
                Kind::Rest => line.extend_from_slice(b"--Continued--"),
                Kind::Other(letter) => {
                    line.extend_from_slice(format!(" unknown file type '{}'", char::from(letter)).as_bytes());
                }
                _ => {}
            }
        }
        line.push(b'\n');
        self.to.write_all(&line).doing("write standard output")?;
        if self.at_once { self.flush() } else { Ok(()) }
    }

    /// A line of text.
    pub(super) fn text(&mut self, text: impl std::fmt::Display) -> Result<()> {
        writeln!(self.to, "{text}").doing("write standard output")?;
        if self.at_once { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.to.flush().doing("write standard output")
    }

    fn about(&self, member: &Member) -> String {
        let kind = match member.kind {
            Kind::Directory => 'd',
            Kind::Symlink => 'l',
            Kind::Hard => 'h',
            Kind::Char => 'c',
            Kind::Block => 'b',
            Kind::Fifo => 'p',
            Kind::Label => 'V',
            Kind::Rest => 'M',
            _ => '-',
        };
        let numeric = self.options.line.has("numeric-owner");
        let owner = |name: &[u8], id: i64| match std::str::from_utf8(name) {
            Ok(name) if !name.is_empty() && !numeric => name.to_owned(),
            _ => id.to_string(),
        };
        let owners = format!("{}/{}", owner(&member.user, member.uid), owner(&member.group, member.gid));
        let size = match member.kind {
            Kind::Char | Kind::Block => format!("{},{}", member.major, member.minor),
            _ => member.size.to_string(),
        };
        let width = self.width.get().max(owners.len() + 1 + size.len());
        self.width.set(width);
        let gap = width - owners.len() - size.len();
        let time = date::show(member.mtime, &self.zone, self.options.line.has("full-time"));
        let time_width = self.time_width.get().max(time.len());
        self.time_width.set(time_width);
        format!("{kind}{} {owners}{:gap$}{size} {time:time_width$} ", bits(member.mode), "")
    }
}

/// All members that are wanted.
pub(super) fn list(options: &Options, status: &Status) -> Result<()> {
    let source = stream::open(options)?;
    let mut reader = Reader::new(source);
    reader.ignore_zeros = options.line.has("ignore-zeros");
    let mut lines = Lines::new(options, false)?;
    let mut choice = Choice::new(options);
    let listed = each(options, &mut reader, &mut choice, &mut lines);
    lines.flush()?;
    listed?;
    choice.complain(status);
    if reader.damaged {
        status.fail("the archive was damaged: what could not be read was passed over");
    }
    let bytes = reader.at;
    reader.into_inner().finish()?;
    if options.line.at("totals").is_some() {
        stream::totals("read", bytes);
    }
    Ok(())
}

fn each(options: &Options, reader: &mut Reader<stream::Source>, choice: &mut Choice<'_>, lines: &mut Lines<'_>) -> Result<()> {
    while let Some(member) = reader.next().doing("read the archive")? {
        if choice.of(&member).is_none() {
            continue;
        }
        let name = if options.line.has("show-transformed-names") {
            super::extract::changed(options, &member)?.unwrap_or_default()
        } else {
            member.name.clone()
        };
        lines.line(&member, &name, options.verbose > 0)?;
        if options.incremental
            && options.verbose > 1
            && let Some(list) = purge::list(reader, &member)?
        {
            for (letter, name) in purge::entries(&list) {
                lines.text(format_args!("{} {}", char::from(letter), String::from_utf8_lossy(&options.quote.name(name))))?;
            }
            lines.text("")?;
        }
        if choice.is_done() {
            break;
        }
    }
    Ok(())
}

/// The label, or its comparison with names.
pub(super) fn test_label(options: &Options, status: &Status) -> Result<()> {
    let source = stream::open(options)?;
    let mut reader = Reader::new(source);
    let first = reader.next().doing("read the archive")?;
    let label = first.filter(|member| member.kind == Kind::Label).map(|member| member.name);
    let label = label.or_else(|| reader.global(b"GNU.volume.label")).unwrap_or_default();
    let names: Vec<&[u8]> = options.names().collect();
    if names.is_empty() || options.verbose > 0 {
        let mut lines = Lines::new(options, false)?;
        if !label.is_empty() {
            lines.text(String::from_utf8_lossy(&label))?;
        }
        lines.flush()?;
    }
    if !names.is_empty() && !names.contains(&label.as_slice()) {
        status.differ();
    }
    reader.into_inner().finish()
}

/// Error of what goes on no further.
pub(super) fn stopped() -> Error {
    Error::new("exiting")
}
