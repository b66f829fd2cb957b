//! Files replaced by their packed form, or the other way round: the part that gzip, bzip2, xz and zstd share.
//!
//! An output is made under its own name with mode 0600, and removed when something fails; the input is removed last.

pub(crate) mod level;
mod list;
mod names;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Exit, Result};
use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps, Uid};

use crate::codec::{self, Codec, GzipName, Input, MAGIC, Members, Plain, Sink};

/// Bytes that are moved at once.
const BUFFER: usize = 64 << 10;

/// Treatment of files: a command's options.
pub(crate) struct Job {
    /// Name for messages.
    pub(crate) name: &'static str,
    /// Form that is written, and looked for in names.
    pub(crate) codec: Codec,
    pub(crate) decompress: bool,
    pub(crate) stdout: bool,
    pub(crate) force: bool,
    pub(crate) keep: bool,
    pub(crate) test: bool,
    pub(crate) list: bool,
    pub(crate) recursive: bool,
    pub(crate) verbose: u8,
    pub(crate) quiet: u8,
    pub(crate) level: u32,
    /// End of packed files' names, with its dot.
    pub(crate) suffix: Option<OsString>,
    /// File that is written instead of one beside the input.
    pub(crate) output: Option<PathBuf>,
    /// Put name and time into the stream, or take them from there: gzip.
    pub(crate) names: bool,
    /// Status when a file was left as it is.
    pub(crate) left: Exit,
    /// Status for damaged data.
    pub(crate) damaged: Exit,
}

/// End of one file's treatment.
enum Outcome {
    Done,
    /// Left as it is, for this reason.
    Left(String),
}

impl Job {
    /// A job with nothing asked for.
    pub(crate) const fn new(name: &'static str, codec: Codec) -> Self {
        Self {
            name,
            codec,
            decompress: false,
            stdout: false,
            force: false,
            keep: false,
            test: false,
            list: false,
            recursive: false,
            verbose: 0,
            quiet: 0,
            level: codec.usual_level(),
            suffix: None,
            output: None,
            names: false,
            left: Exit::FAILED,
            damaged: Exit::FAILED,
        }
    }

    /// Treat all files; standard input without any, or for `-`.
    pub(crate) fn run(mut self, files: &[PathBuf]) -> Result<Exit> {
        self.decompress |= self.test || self.list;
        let input = [PathBuf::from("-")];
        let files = if files.is_empty() { &input[..] } else { files };
        if self.list {
            return list::list(&self, files);
        }
        let mut exit = Exit::OK;
        for file in files {
            let done = if file == Path::new("-") { self.stream() } else { self.tree(file) };
            match done {
                Ok(status) => exit = worst(exit, status),
                Err(e) => exit = worst(exit, self.fail(&e)),
            }
        }
        Ok(exit)
    }

    fn fail(&self, e: &Error) -> Exit {
        self.say(format_args!("{e}"));
        e.exit()
    }

    fn say(&self, text: std::fmt::Arguments<'_>) {
        // A closed standard error loses the message.
        let _ = writeln!(io::stderr(), "{}: {text}", self.name);
    }

    /// A file, or with `--recursive` all below a directory.
    fn tree(&self, file: &Path) -> Result<Exit> {
        if !(self.recursive && file.is_dir()) {
            return Ok(match self.one(file)? {
                Outcome::Done => Exit::OK,
                Outcome::Left(reason) => {
                    if self.quiet == 0 {
                        self.say(format_args!("{}: {reason}", file.display()));
                    }
                    self.left
                }
            });
        }
        let mut below: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(file).on("read", file)? {
            below.push(entry.on("read", file)?.path());
        }
        below.sort();
        let mut exit = Exit::OK;
        for entry in below {
            exit = worst(exit, self.tree(&entry).unwrap_or_else(|e| self.fail(&e)));
        }
        Ok(exit)
    }

    /// Standard input to standard output.
    fn stream(&self) -> Result<Exit> {
        let terminal = if self.decompress { io::stdin().is_terminal() } else { io::stdout().is_terminal() };
        if terminal && !self.force && !self.test && self.output.is_none() {
            return Err(Error::new("packed bytes are nothing for a terminal; -f takes it all the same"));
        }
        let place = Path::new("standard input");
        match &self.output {
            Some(output) => {
                let made = self.make(output)?;
                self.convert(Box::new(io::stdin()), BufWriter::new(made), place, None).map(|(_, left)| left)
            }
            None => self.to_output(Box::new(io::stdin()), place, None),
        }
    }

    /// To standard output, or nowhere for a test.
    fn to_output(&self, input: Box<dyn Read>, name: &Path, told: Option<&fs::Metadata>) -> Result<Exit> {
        if self.test {
            let (_, exit) = self.convert(input, io::sink(), name, told)?;
            if self.verbose > 0 {
                self.say(format_args!("{}: OK", name.display()));
            }
            return Ok(exit);
        }
        sys::sigpipe::end_on_closed_pipe();
        self.convert(input, io::stdout(), name, told).map(|(_, exit)| exit)
    }

    fn one(&self, given: &Path) -> Result<Outcome> {
        let (file, opened) = names::open(self, given)?;
        let file = file.as_path();
        let meta = opened.metadata().on("look at", file)?;
        let to_output = self.stdout || self.test;
        if meta.is_dir() {
            return Ok(Outcome::Left("is a directory -- ignored".into()));
        }
        if to_output {
            let exit = self.to_output(Box::new(opened), file, Some(&meta))?;
            return if exit == Exit::OK { Ok(Outcome::Done) } else { Ok(Outcome::Left(GARBAGE.into())) };
        }
        if !meta.is_file() {
            return Ok(Outcome::Left("not a regular file -- ignored".into()));
        }
        if meta.nlink() > 1 && !self.force && !self.keep && self.codec != Codec::Zstd {
            return Ok(Outcome::Left(format!("has {} other links -- unchanged", meta.nlink() - 1)));
        }
        let target = match (&self.output, names::target(self, file)) {
            (Some(output), _) => output.clone(),
            (None, Ok(target)) => target,
            (None, Err(reason)) => return Ok(Outcome::Left(reason)),
        };
        let target = self.told_name(&opened, target).on("read", file)?;
        if target.symlink_metadata().is_ok() && !self.force && !names::agreed(&target) {
            return Ok(Outcome::Left(format!("{} already exists -- not overwritten", target.display())));
        }
        self.replace(file, opened, &meta, &target)
    }

    /// Target with the name that is told in a gzip stream, when it is asked for.
    fn told_name(&self, opened: &File, target: PathBuf) -> io::Result<PathBuf> {
        if !(self.names && self.decompress && self.codec == Codec::Gzip) {
            return Ok(target);
        }
        let mut start = [0; 1024];
        let read = rustix::io::pread(opened, &mut start, 0)?;
        let header = flate2::bufread::GzDecoder::new(&start[..read]);
        let name = header.header().and_then(|header| header.filename()).unwrap_or_default();
        // It is a stranger's word: its last part alone is taken.
        let last = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let fit = !last.is_empty() && last != b"." && last != b"..";
        Ok(if fit { target.with_file_name(OsString::from_vec(last.to_vec())) } else { target })
    }

    fn make(&self, target: &Path) -> Result<File> {
        if self.force && target.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
            fs::remove_file(target).on("remove", target)?;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::open(target, flags, Mode::RUSR | Mode::WUSR).on("make", target)?;
        Ok(made.into())
    }

    fn replace(&self, file: &Path, opened: File, meta: &fs::Metadata, target: &Path) -> Result<Outcome> {
        if self.force && target.symlink_metadata().is_ok_and(|m| (m.dev(), m.ino()) == (meta.dev(), meta.ino())) {
            return Err(Error::new(format!("{}: input and output are one file", file.display())));
        }
        let made = self.make(target)?;
        let output = made.try_clone().on("write", target)?;
        let done = self
            .convert(Box::new(opened), BufWriter::new(output), file, Some(meta))
            .and_then(|(time, exit)| take_over(&made, meta, time).on("finish", target).map(|()| exit));
        let exit = match done {
            Ok(exit) => exit,
            Err(e) => {
                // Half a file must not look like a whole one.
                let _ = fs::remove_file(target);
                return Err(e);
            }
        };
        if self.verbose > 0 {
            let packed = made.metadata().on("look at", target)?.len();
            let (plain, packed) = if self.decompress { (packed, meta.len()) } else { (meta.len(), packed) };
            let verb = if self.keep { "created" } else { "replaced with" };
            self.say(format_args!("{}: {} -- {verb} {}", file.display(), list::ratio(packed, plain), target.display()));
        }
        if !self.keep {
            fs::remove_file(file).on("remove", file)?;
        }
        if exit == Exit::OK { Ok(Outcome::Done) } else { Ok(Outcome::Left(GARBAGE.into())) }
    }

    /// Move all bytes; gives the time that the stream tells, and the status when it was followed by garbage.
    fn convert<W: Write + 'static>(
        &self,
        input: Box<dyn Read>,
        to: W,
        name: &Path,
        told: Option<&fs::Metadata>,
    ) -> Result<(Option<u32>, Exit)> {
        if self.decompress {
            return self.unpack(input, to, name).map_err(|e| e.with_exit(self.damaged));
        }
        let sink = match self.codec {
            Codec::Gzip => {
                let told = told.filter(|_| self.names);
                let file_name = told.and(name.file_name()).unwrap_or_default();
                let time = told.map_or(0, |meta| u32::try_from(meta.mtime()).unwrap_or(0));
                codec::gzip(to, self.level, &GzipName { name: file_name.as_bytes().to_vec(), time })
            }
            codec => codec.writer(to, self.level).on("pack", name)?,
        };
        pump(&mut BufReader::with_capacity(BUFFER, input), sink, name, "pack")?;
        Ok((None, Exit::OK))
    }

    fn unpack<W: Write + 'static>(&self, input: Box<dyn Read>, to: W, name: &Path) -> Result<(Option<u32>, Exit)> {
        let mut input = Input::new(input);
        let start = input.peek(MAGIC).on("read", name)?;
        let found = Codec::detect(start).filter(|found| self.takes(*found));
        let sink = Box::new(Plain(BufWriter::with_capacity(BUFFER, to)));
        match found.unwrap_or(self.codec) {
            codec @ (Codec::Gzip | Codec::Bzip2 | Codec::Zstd) if found.is_some() => {
                let mut members = Members::new(codec, input).on("unpack", name)?;
                pump(&mut members, sink, name, "unpack")?;
                let time = members.told.as_ref().map(|(_, time)| *time).filter(|time| self.names && *time > 0);
                let exit = self.after_end(members.garbage, codec, name)?;
                Ok((time, exit))
            }
            _ if found.is_none() && self.force && self.stdout => {
                pump(&mut input, sink, name, "copy")?;
                Ok((None, Exit::OK))
            }
            codec => {
                let mut reader = codec.reader(input).on("unpack", name)?;
                pump(&mut reader, sink, name, "unpack")?;
                Ok((None, Exit::OK))
            }
        }
    }

    /// Status for what follows the last stream: zstd takes it for damage, the others pass over it.
    fn after_end(&self, garbage: bool, codec: Codec, name: &Path) -> Result<Exit> {
        match codec {
            _ if !garbage => Ok(Exit::OK),
            Codec::Zstd => Err(Error::new(format!("unpack {}: unsupported format behind the end", name.display()))),
            _ => {
                if self.quiet == 0 {
                    self.say(format_args!("{}: {GARBAGE}", name.display()));
                }
                // bzip2 has no status for a warning.
                Ok(if self.left == Exit::FAILED { Exit::OK } else { self.left })
            }
        }
    }

    /// Tell if this command unpacks the form.
    fn takes(&self, found: Codec) -> bool {
        match self.codec {
            Codec::Gzip => matches!(found, Codec::Gzip | Codec::Compress),
            Codec::Xz => matches!(found, Codec::Xz | Codec::Lzma),
            Codec::Zstd => matches!(found, Codec::Zstd | Codec::Gzip | Codec::Xz | Codec::Lzma),
            own => found == own,
        }
    }
}

/// Warning about bytes behind the last stream.
const GARBAGE: &str = "trailing garbage ignored";

/// Worse one of two: an error over a warning.
const fn worst(a: Exit, b: Exit) -> Exit {
    match (a, b) {
        (Exit::FAILED, _) | (_, Exit::FAILED) => Exit::FAILED,
        (Exit::OK, other) | (other, _) => other,
    }
}

/// All bytes from one to the other, and the end.
fn pump(from: &mut dyn Read, mut to: Box<dyn Sink>, name: &Path, verb: &str) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            // Bytes that came out before stay: they may be all that is left of the data.
            Err(e) => {
                let _ = to.flush();
                return Err(e).on(verb, name);
            }
            Ok(read) => read,
        };
        to.write_all(&buffer[..read]).doing("write the output")?;
    }
    to.finish().doing("write the output")
}

/// Owner, mode and times of the input for the output, in that order: a change of the owner clears bits of the mode.
fn take_over(made: &File, meta: &fs::Metadata, told: Option<u32>) -> io::Result<()> {
    let group = Some(Gid::from_raw(meta.gid()));
    // Only root can give a file away; a group that can't be kept must not get the old group's rights.
    let same =
        rustix::fs::fchown(made, Some(Uid::from_raw(meta.uid())), group).is_ok() || rustix::fs::fchown(made, None, group).is_ok();
    let kept = if same { 0o7777 } else { 0o707 };
    rustix::fs::fchmod(made, Mode::from_raw_mode(meta.mode() & kept))?;
    let at = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let modified = told.map_or(at(meta.mtime(), meta.mtime_nsec() as _), |told| at(i64::from(told), 0));
    let times = Timestamps { last_access: at(meta.atime(), meta.atime_nsec() as _), last_modification: modified };
    Ok(rustix::fs::futimens(made, &times)?)
}
