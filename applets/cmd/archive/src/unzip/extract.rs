//! Members of a zip archive made into files, checked or printed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use kit::{Context, Error, Exit, Result};
use lzma_rust2::LzmaReader;

use super::Options;
use super::directory::{self, Entry};
use crate::codec::{Codec, Input};
use crate::files::member::{Kind, Member, Time};
use crate::files::names::safe;
use crate::files::owners::Owners;
use crate::files::place::Place;
use crate::files::status::{Status, tell};
use crate::files::unpack::{Old, Settings, Unpacker};

/// Status for an archive that is damaged.
const DAMAGED: u8 = 2;
/// Bytes of a dictionary of LZMA: the largest that xz takes for its levels, eight times.
const MAX_DICTIONARY: u32 = 512 << 20;
/// Bytes of a link's target.
const MAX_LINK: u64 = 64 << 10;

/// Treatment of files that exist already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Ask,
    Replace,
    Keep,
}

struct Work<'a> {
    options: &'a Options,
    file: &'a File,
    status: &'a Status,
    there: There,
    umask: u32,
    unknown: bool,
    said_off: bool,
}

/// Unpack, check or print all members that are wanted.
pub(super) fn all(options: &Options, path: &Path, file: &File, wanted: &[&Entry]) -> Result<Exit> {
    let status = Status::new("unzip", DAMAGED);
    let there = match (options.overwrite, options.never) {
        (true, _) => There::Replace,
        (_, true) => There::Keep,
        _ => There::Ask,
    };
    let mut work = Work { options, file, status: &status, there, umask: crate::files::umask(), unknown: false, said_off: false };
    work.say(format_args!("Archive:  {}", path.display()));
    if options.test {
        for entry in wanted {
            work.check(entry);
        }
        let count = wanted.len();
        if status.exit() == Exit::OK && options.quiet < 2 {
            line(format_args!("No errors detected in compressed data of {}. ({count} files)", path.display()));
        }
    } else if options.pipe || options.console {
        let mut out = kit::out();
        for entry in wanted.iter().filter(|entry| !entry.is_directory()) {
            work.print(entry, &mut out)?;
        }
        out.flush().doing("write standard output")?;
    } else {
        work.unpack(wanted)?;
    }
    let exit = status.exit();
    Ok(if exit == Exit::OK && work.unknown { Exit(81) } else { exit })
}

impl Work<'_> {
    fn say(&self, text: std::fmt::Arguments<'_>) {
        if self.options.quiet == 0 && !self.options.pipe {
            line(text);
        }
    }

    /// Data of a member, which ends with an error unless length and checksum are as told.
    fn data(&mut self, entry: &Entry) -> io::Result<Option<Checked>> {
        let known = matches!(entry.method, 0 | 8 | 12 | 14 | 93 | 95);
        if entry.encrypted || !known {
            self.unknown = true;
            let why = if entry.encrypted { "it is encrypted" } else { "its method is not known" };
            tell("unzip", format_args!("{}: {why}: skipped", String::from_utf8_lossy(&entry.name)));
            return Ok(None);
        }
        content(self.file, entry).map(Some)
    }

    fn check(&mut self, entry: &Entry) {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let done = self.data(entry).and_then(|data| match data {
            Some(mut data) => io::copy(&mut data, &mut io::sink()).map(|_| true),
            None => Ok(false),
        });
        match done {
            Ok(true) if entry.is_directory() => self.say(format_args!("    testing: {name:<22}   OK")),
            Ok(true) => self.say(format_args!("    testing: {name:<22}   OK")),
            Ok(false) => {}
            Err(e) => self.status.fail(format_args!("{name}: {e}")),
        }
    }

    fn print(&mut self, entry: &Entry, out: &mut impl Write) -> Result<()> {
        let name = OsStr::from_bytes(&entry.name);
        let data = match self.data(entry).on("unpack", name) {
            Ok(data) => data,
            Err(e) => {
                self.status.fail(e);
                return Ok(());
            }
        };
        let Some(mut data) = data else { return Ok(()) };
        if self.options.console && self.options.quiet == 0 {
            writeln!(out, "  inflating: {}  ", name.display()).doing("write standard output")?;
        }
        let mut buffer = vec![0; 64 << 10];
        loop {
            match data.read(&mut buffer).on("unpack", name) {
                Ok(0) => return Ok(()),
                Ok(read) => out.write_all(&buffer[..read]).doing("write standard output")?,
                Err(e) => {
                    self.status.fail(e);
                    return Ok(());
                }
            }
        }
    }

    fn unpack(&mut self, wanted: &[&Entry]) -> Result<()> {
        let dir = self.options.directory.as_deref().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).on("make", dir)?;
        let mut place = Place::new(dir)?;
        place.mode = 0o777;
        let settings = Settings {
            old: Old::Replace,
            // Modes that are stored hold as they are, but for set-ID and sticky bits.
            umask: 0,
            preserve: self.options.keep_bits,
            own: false,
            touch: self.options.no_times > 1,
            owners: Owners::new(true),
            keep_links: true,
            keep_directories: true,
            remove_trees: false,
            backup: None,
            delay: true,
        };
        let mut unpacker = Unpacker::new(settings, self.status);
        for entry in wanted {
            if let Err(e) = self.one(entry, &mut unpacker, &mut place) {
                self.status.fail(e);
            }
        }
        unpacker.finish(0, &place);
        Ok(())
    }

    fn one(&mut self, entry: &Entry, unpacker: &mut Unpacker<'_>, place: &mut Place) -> Result<()> {
        let (mut name, off) = safe(&entry.name);
        if !off.is_empty() && !std::mem::replace(&mut self.said_off, true) {
            tell("unzip", "names lose their root and all up to their last ..");
        }
        if self.options.junk {
            name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        }
        if name.is_empty() || (self.options.junk && entry.is_directory()) {
            return Ok(());
        }
        let shown = OsStr::from_bytes(name);
        let kind = match () {
            () if entry.is_directory() => Kind::Directory,
            () if entry.is_link() => Kind::Symlink,
            () => Kind::File,
        };
        let usual = if kind == Kind::Directory { 0o777 } else { 0o666 } & !self.umask;
        let mut member = Member {
            kind,
            mode: entry.mode.unwrap_or(usual) & 0o7777,
            mtime: Time { seconds: entry.seconds(), nanos: 0 },
            size: entry.size,
            ..Member::default()
        };
        let is_there = place.spot(name, true).on("unpack", shown)?.stat().is_ok();
        if kind != Kind::Directory && is_there && !self.replaces(&String::from_utf8_lossy(name))? {
            return Ok(());
        }
        let Some(mut data) = self.data(entry).on("unpack", shown)? else { return Ok(()) };
        let word = match (kind, entry.method) {
            (Kind::Directory, _) => "   creating",
            (Kind::Symlink, _) => "    linking",
            (_, 0) => " extracting",
            _ => "  inflating",
        };
        if kind != Kind::Directory || !is_there {
            self.say(format_args!("{word}: {}", shown.display()));
        }
        if kind == Kind::Symlink {
            if entry.size > MAX_LINK {
                return Err(Error::new(format!("{}: the link is too long", shown.display())));
            }
            data.read_to_end(&mut member.link).on("unpack", shown)?;
            member.size = 0;
        }
        let done = unpacker.one(&mut data, &member, name, (0, place)).on("unpack", shown).map(|_| ());
        if done.is_err() && kind == Kind::File && data.failed() {
            // Half a file must not look like a whole one.
            let spot = place.spot(name, false).on("remove", shown)?;
            rustix::fs::unlinkat(&spot.parent, &spot.name, rustix::fs::AtFlags::empty()).on("remove", shown)?;
        }
        done
    }

    /// Tell if a file that is there goes; asks where somebody may be there.
    fn replaces(&mut self, name: &str) -> Result<bool> {
        match self.there {
            There::Replace => return Ok(true),
            There::Keep => return Ok(false),
            There::Ask => {}
        }
        loop {
            let mut out = io::stderr();
            write!(out, "replace {name}? [y]es, [n]o, [A]ll, [N]one, [r]ename: ").doing("write standard error")?;
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line).doing("read standard input")?;
            match line.trim().chars().next() {
                Some('y') => return Ok(true),
                Some('n') => return Ok(false),
                Some('A') => {
                    self.there = There::Replace;
                    return Ok(true);
                }
                Some('N') => {
                    self.there = There::Keep;
                    return Ok(false);
                }
                _ if read == 0 || !io::stdin().is_terminal() => {
                    writeln!(out, " NULL\n(EOF or read error, treating as \"[N]one\" ...)").doing("write standard error")?;
                    self.there = There::Keep;
                    return Ok(false);
                }
                _ => {}
            }
        }
    }
}

/// Data of a member by its method.
pub(super) fn content(file: &File, entry: &Entry) -> io::Result<Checked> {
    let mut part = Part { file: file.try_clone()?, at: directory::data_at(file, entry)?, left: entry.packed };
    let from: Box<dyn Read> = match entry.method {
        0 => Box::new(part),
        12 => Codec::Bzip2.reader(Input::new(part))?,
        14 => lzma(&mut part, entry.size).map(|read| Box::new(read) as Box<dyn Read>)?,
        93 => Codec::Zstd.reader(Input::new(part))?,
        95 => Codec::Xz.reader(Input::new(part))?,
        _ => Box::new(flate2::bufread::DeflateDecoder::new(BufReader::with_capacity(64 << 10, part))),
    };
    Ok(Checked { from, crc: flate2::Crc::new(), left: entry.size, sum: entry.sum, done: false })
}

/// LZMA with the header that it has in zip archives: two bytes of a version, the length of the properties, and these.
fn lzma(part: &mut Part, size: u64) -> io::Result<LzmaReader<BufReader<Part>>> {
    let mut header = [0; 9];
    part.read_exact(&mut header)?;
    let [_, _, 5, 0, properties, dictionary @ ..] = header else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "malformed LZMA properties"));
    };
    let dictionary = u32::from_le_bytes(dictionary);
    if dictionary > MAX_DICTIONARY {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it needs too much memory"));
    }
    let rest = Part { file: part.file.try_clone()?, ..*part };
    LzmaReader::new_with_props(BufReader::new(rest), size, properties, dictionary, None)
}

/// A message that belongs to what was asked for.
fn line(text: std::fmt::Arguments<'_>) {
    // A closed standard output loses the message.
    let _ = writeln!(io::stdout(), "{text}");
}

/// A part of a file.
struct Part {
    file: File,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let len = to.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut to[..len], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Data that must be as long as told and have the checksum that is told: no more bytes come out, whatever is packed.
pub(super) struct Checked {
    from: Box<dyn Read>,
    crc: flate2::Crc,
    left: u64,
    sum: u32,
    done: bool,
}

impl Checked {
    /// Tell if not all came out as it should.
    const fn failed(&self) -> bool {
        !self.done
    }

    fn end(&mut self) -> io::Result<usize> {
        if !self.done {
            if self.from.read(&mut [0])? > 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than the list tells"));
            }
            if self.crc.sum() != self.sum {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "bad CRC"));
            }
            self.done = true;
        }
        Ok(0)
    }
}

impl Read for Checked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return self.end();
        }
        let len = to.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.from.read(&mut to[..len])?;
        if read == 0 && len > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than the list tells"));
        }
        self.crc.update(&to[..read]);
        self.left -= read as u64;
        if self.left == 0 {
            // A reader of exactly so many bytes learns of damage here.
            self.end()?;
        }
        Ok(read)
    }
}
