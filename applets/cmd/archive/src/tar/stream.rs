//! The archive's bytes: a file or a standard stream, with its compression.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use kit::{Context, Error, Result};

use super::block::{BLOCK, Block};
use super::options::{Filter, Line, Options};
use crate::codec::{Codec, Input, MAGIC, Plain, Sink};
use crate::files::status::say;

/// An archive that is read.
pub(super) struct Source {
    pub(super) read: Box<dyn Read>,
    child: Option<Child>,
}

/// Open the archive, whose compression is told by an option or by its first bytes.
pub(super) fn open(options: &Options) -> Result<Source> {
    let name = options.archive.as_deref();
    let raw: Box<dyn Read> = match name {
        Some(name) => Box::new(File::open(name).on("open", name)?),
        None if io::stdin().is_terminal() => return Err(Error::new("an archive is not read from a terminal; -f names it")),
        None => Box::new(io::stdin()),
    };
    if let Filter::Program(program) = &options.filter {
        let input = match name {
            Some(name) => Stdio::from(File::open(name).on("open", name)?),
            None => Stdio::inherit(),
        };
        let mut child = command(program, true)?.stdin(input).stdout(Stdio::piped()).spawn().on("start", program)?;
        let output = child.stdout.take().ok_or_else(|| Error::new("no output of a program"))?;
        return Ok(Source { read: Box::new(output), child: Some(child) });
    }
    let mut input = Input::new(raw);
    let start = input.peek(BLOCK).doing("read the archive")?;
    let codec = match &options.filter {
        Filter::Codec(codec) => Some(*codec),
        _ => detect(start),
    };
    let read = match codec {
        Some(codec) => codec.reader(input).doing("unpack the archive")?,
        None => Box::new(input),
    };
    Ok(Source { read, child: None })
}

/// Compression of an archive that begins so; a header is never taken for one.
fn detect(start: &[u8]) -> Option<Codec> {
    let is_header = <[u8; BLOCK]>::try_from(start).is_ok_and(|bytes| Block(bytes).holds());
    if is_header { None } else { Codec::detect(&start[..start.len().min(MAGIC)]) }
}

impl Source {
    /// Read what is left, so that a program before a pipe can end, and look at the status of ours.
    pub(super) fn finish(mut self) -> Result<()> {
        // Bytes behind the archive are read and ignored.
        let _ = io::copy(&mut self.read, &mut io::sink());
        drop(self.read);
        self.child.map_or(Ok(()), wait)
    }
}

fn wait(mut child: Child) -> Result<()> {
    let status = child.wait().doing("wait for the program")?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("the program for the compression failed: {status}"))) }
}

fn command(program: &str, unpack: bool) -> Result<Command> {
    let mut words = program.split_whitespace();
    let mut command = Command::new(words.next().ok_or_else(|| Error::usage("give a program"))?);
    command.args(words);
    if unpack {
        command.arg("-d");
    }
    Ok(command)
}

/// An archive that is written.
pub(super) struct Target {
    sink: Box<dyn Sink>,
    child: Option<Child>,
}

/// Make the archive.
pub(super) fn create(options: &Options) -> Result<Target> {
    let name = options.archive.as_deref();
    let file: Box<dyn Write> = match name {
        Some(name) if matches!(options.filter, Filter::Program(_)) => {
            let Filter::Program(program) = &options.filter else { return Err(Error::new("no program")) };
            return through(program, Stdio::from(File::create(name).on("make", name)?));
        }
        Some(name) => Box::new(File::create(name).on("make", name)?),
        None if io::stdout().is_terminal() => {
            return Err(Error::new("an archive is not written to a terminal; -f names a file"));
        }
        None => {
            if let Filter::Program(program) = &options.filter {
                return through(program, Stdio::inherit());
            }
            sys::sigpipe::end_on_closed_pipe();
            Box::new(io::stdout())
        }
    };
    let sink: Box<dyn Sink> = match &options.filter {
        Filter::Codec(codec) => codec.writer(file, codec.usual_level()).doing("pack the archive")?,
        _ => Box::new(Plain(BufWriter::with_capacity(64 << 10, file))),
    };
    Ok(Target { sink, child: None })
}

fn through(program: &str, output: Stdio) -> Result<Target> {
    let mut child = command(program, false)?.stdin(Stdio::piped()).stdout(output).spawn().on("start", program)?;
    let input: ChildStdin = child.stdin.take().ok_or_else(|| Error::new("no input of a program"))?;
    Ok(Target { sink: Box::new(Plain(BufWriter::with_capacity(64 << 10, input))), child: Some(child) })
}

impl Target {
    /// The archive's file itself, for what is appended to it.
    pub(super) fn of_file(file: File) -> Self {
        Self { sink: Box::new(Plain(BufWriter::with_capacity(64 << 10, file))), child: None }
    }

    /// Write the end of the compression.
    pub(super) fn finish(self) -> Result<()> {
        self.sink.finish().doing("write the archive")?;
        self.child.map_or(Ok(()), wait)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.read.read(to)
    }
}

/// Tell the number of bytes of the archive.
pub(super) fn totals(verb: &str, bytes: u64) {
    let unit = (bytes.max(1).ilog2() / 10) as usize;
    let name = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][unit];
    // Hundredths of the unit.
    let part = (u128::from(bytes) * 100) >> (10 * unit);
    // A closed standard error loses the message.
    let _ = writeln!(io::stderr(), "Total bytes {verb}: {bytes} ({}.{:02}{name})", part / 100, part % 100);
}

/// Tell that so many records are done, each time that `--checkpoint` asks for it.
pub(super) fn checkpoint(line: &Line, verb: &str, records: u64, next: &mut u64) {
    if line.at("checkpoint").is_none() && line.at("checkpoint-action").is_none() {
        return;
    }
    let step = line.one("checkpoint").and_then(|text| text.to_str()?.parse().ok()).filter(|step| *step > 0).unwrap_or(10);
    *next = (*next).max(step);
    while *next <= records {
        let actions = line.many("checkpoint-action");
        if actions.is_empty() {
            say(format_args!("{verb} checkpoint {next}"));
        }
        for (_, action) in actions {
            match action.as_encoded_bytes() {
                b"dot" | b"." => {
                    // As above.
                    let _ = write!(io::stderr(), ".");
                }
                action => {
                    let text = action.strip_prefix(b"echo=").map(String::from_utf8_lossy);
                    let text = text.unwrap_or_else(|| format!("{verb} checkpoint %u").into());
                    say(text.replace("%u", &next.to_string()).replace("%s", verb));
                }
            }
        }
        *next += step;
    }
}
