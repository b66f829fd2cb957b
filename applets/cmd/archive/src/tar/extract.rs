//! Members out of an archive into directories: the order of what is done, and what becomes of files that are there.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kit::{Context, Error, Result};

use super::choose::Choice;
use super::content::Whole;
use super::list::Lines;
use super::options::Options;
use super::purge;
use super::reader::Reader;
use super::stream::{self, Source};
use super::transform::Scope;
use crate::files::Backup;
use crate::files::member::{Kind, Member};
use crate::files::names::safe;
use crate::files::names::trimmed;
use crate::files::owners::Owners;
use crate::files::place::Place;
use crate::files::status::{Status, say};
use crate::files::unpack::{Old, Settings, Unpacker, Way};

/// Unpack all members that are wanted.
pub(super) fn extract(options: &Options, status: &Status) -> Result<()> {
    let source = stream::open(options)?;
    let mut reader = Reader::new(source);
    reader.ignore_zeros = options.line.has("ignore-zeros");
    let command = options.line.at("to-command").is_some();
    let to_output = options.line.has("to-stdout") || command;
    let mut lines = Lines::new(options, to_output && !command)?;
    let mut choice = Choice::new(options);
    let mut unpacker = Unpacker::new(settings(options), status);
    let mut work = Work { options, status, told: [false; 2], places: Vec::new(), next_checkpoint: 1 };
    for _ in &choice.bases {
        work.places.push(None);
    }
    let done = work.each(&mut reader, &mut choice, &mut unpacker, &mut lines, to_output);
    // Even what came out of half an archive gets its modes and times.
    for (base, place) in work.places.iter_mut().enumerate() {
        if let Some(place) = place {
            unpacker.finish(base, place);
        }
    }
    lines.flush()?;
    done?;
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

struct Work<'a> {
    options: &'a Options,
    status: &'a Status,
    told: [bool; 2],
    /// Directories that are unpacked into, opened when the first member comes.
    places: Vec<Option<Place>>,
    next_checkpoint: u64,
}

impl Work<'_> {
    fn each(
        &mut self,
        reader: &mut Reader<Source>,
        choice: &mut Choice<'_>,
        unpacker: &mut Unpacker<'_>,
        lines: &mut Lines<'_>,
        to_output: bool,
    ) -> Result<()> {
        while let Some(mut member) = reader.next().doing("read the archive")? {
            stream::checkpoint(&self.options.line, "Read", reader.at / self.options.record, &mut self.next_checkpoint);
            let Some(base) = choice.of(&member) else { continue };
            let Some(name) = self.name(&mut member)? else { continue };
            super::xattrs::keep_wanted(&mut member, self.options);
            if self.options.line.has("interactive") && !agreed("extract", &member.name)? {
                continue;
            }
            if self.options.verbose > 0 {
                let transformed = self.options.line.has("show-transformed-names");
                let shown = if transformed { &name } else { &member.name };
                lines.line(&member, shown, self.options.verbose > 1)?;
            }
            if to_output {
                self.output(reader, &member)?;
            } else {
                let list = if self.options.incremental { purge::list(reader, &member)? } else { None };
                let verbose = self.options.verbose > 0;
                let place = self.place(choice, base)?;
                let done = unpacker.one(reader, &member, &name, (base, place)).and_then(|way| {
                    list.map_or(Ok(()), |list| purge::purge(place, &name, &list, verbose))?;
                    Ok(way)
                });
                match done.on("unpack", OsStr::from_bytes(&name)) {
                    Ok(Way::Done) => {}
                    Ok(Way::Kept(text)) => say(text),
                    Err(e) => self.status.fail(e),
                }
            }
            if choice.is_done() {
                break;
            }
        }
        Ok(())
    }

    /// The name that a member is unpacked by, none when nothing is left of it; its link's target is changed, too.
    fn name(&mut self, member: &mut Member) -> Result<Option<Vec<u8>>> {
        if member.kind == Kind::Label || member.kind == Kind::Rest {
            return Ok(None);
        }
        for (which, text) in [(0, &member.name), (1, &member.link)] {
            let off = safe(text).1;
            let counts = !off.is_empty() && (which == 0 || member.kind == Kind::Hard) && !self.options.absolute;
            if counts && !std::mem::replace(&mut self.told[which], true) {
                let of = ["member names", "hard link targets"][which];
                say(format_args!("Removing leading `{}' from {of}", String::from_utf8_lossy(off)));
            }
        }
        let name = changed(self.options, member)?;
        match member.kind {
            Kind::Hard => {
                let link = self.options.transform.apply(member.link.clone(), Scope::Hard)?;
                member.link = shortened(self.options, &link).unwrap_or_default();
            }
            Kind::Symlink => member.link = self.options.transform.apply(member.link.clone(), Scope::Symlink)?,
            _ => {}
        }
        Ok(name)
    }

    fn place(&mut self, choice: &Choice<'_>, base: usize) -> Result<&mut Place> {
        let slot = self.places.get_mut(base).ok_or_else(|| Error::new("no directory to unpack into"))?;
        let dir = &choice.bases[base];
        if let Some(place) = slot {
            return Ok(place);
        }
        let mut place = if self.options.absolute { Place::anywhere(dir)? } else { Place::new(dir)? };
        // The kernel takes the umask off.
        place.mode = 0o777;
        Ok(slot.insert(place))
    }

    /// A file's bytes to standard output or to a command.
    fn output(&self, reader: &mut Reader<Source>, member: &Member) -> Result<()> {
        if !member.is_file() {
            return Ok(());
        }
        let Some(command) = self.options.line.one("to-command") else {
            let mut out = kit::out();
            io::copy(&mut Whole::new(reader, member), &mut out).doing("unpack to standard output")?;
            return out.flush().doing("write standard output");
        };
        let mut child = super::command::start(command, member, self.options)?;
        let mut input = child.stdin.take();
        let mut from = Whole::new(reader, member);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = from.read(&mut buffer).doing("read the archive")?;
            if read == 0 {
                break;
            }
            // A command that wants no more is none that failed.
            if input.as_mut().is_none_or(|input| input.write_all(&buffer[..read]).is_err()) {
                input = None;
            }
        }
        drop(input);
        let status = child.wait().doing("wait for the command")?;
        if !status.success() && !self.options.line.on("ignore-command-error", "no-ignore-command-error") {
            self.status.fail(format_args!("{}: the command ended with {status}", String::from_utf8_lossy(&member.name)));
        }
        Ok(())
    }
}

/// The name of a member as it becomes; none when nothing is left.
pub(super) fn changed(options: &Options, member: &Member) -> Result<Option<Vec<u8>>> {
    let name = options.transform.apply(member.name.clone(), Scope::Name)?;
    Ok(shortened(options, &name))
}

/// Without what leads out of a directory and the parts that `--strip-components` counts, below `--one-top-level`.
fn shortened(options: &Options, name: &[u8]) -> Option<Vec<u8>> {
    let rest = if options.absolute { name } else { safe(name).0 };
    let mut rest = if rest.is_empty() && !name.is_empty() { b"." } else { rest };
    for _ in 0..options.strip {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        rest = &rest[slash..];
        rest = &rest[rest.iter().position(|byte| *byte != b'/')?..];
    }
    if rest.is_empty() {
        return None;
    }
    let Some(top) = top_level(options) else { return Some(rest.to_vec()) };
    let plain = trimmed(rest.strip_prefix(b"./").unwrap_or(rest));
    let inside = plain == top || (plain.starts_with(&top) && plain.get(top.len()) == Some(&b'/'));
    if inside || plain == b"." { Some(if inside { plain.to_vec() } else { top }) } else { Some([&top, &b"/"[..], rest].concat()) }
}

/// Directory of `--one-top-level`: named, or after the archive.
fn top_level(options: &Options) -> Option<Vec<u8>> {
    let named = options.line.one("one-top-level")?;
    if !named.is_empty() {
        return Some(named.as_bytes().to_vec());
    }
    let base = options.archive.as_deref().and_then(Path::file_name)?.as_bytes();
    let ends: [&[u8]; 7] = [b".tar", b".tgz", b".taz", b".tbz2", b".txz", b".tzst", b".tlz"];
    let base = match base.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if base[..dot].ends_with(b".tar") => &base[..dot],
        _ => base,
    };
    Some(ends.iter().find_map(|end| base.strip_suffix(*end)).unwrap_or(base).to_vec())
}

/// Ask before a file is treated: standard input may be the archive, so the terminal is asked.
pub(super) fn agreed(verb: &str, name: &[u8]) -> Result<bool> {
    let terminal = fs::OpenOptions::new().read(true).write(true).open("/dev/tty").on("ask at", "/dev/tty")?;
    (&terminal).write_all(format!("{verb} {}? ", String::from_utf8_lossy(name)).as_bytes()).on("ask at", "/dev/tty")?;
    let mut line = String::new();
    io::BufReader::new(&terminal).read_line(&mut line).on("ask at", "/dev/tty")?;
    Ok(line.trim_start().starts_with(['y', 'Y']))
}

/// Ways of unpacking that a command line asks for.
fn settings(options: &Options) -> Settings {
    let line = &options.line;
    let root = rustix::process::geteuid().is_root();
    let ways = [
        ("keep-old-files", Old::Refuse),
        ("skip-old-files", Old::Skip),
        ("keep-newer-files", Old::Newer),
        ("overwrite", Old::Overwrite),
        ("unlink-first", Old::RemoveFirst),
    ];
    let last = ways.iter().filter_map(|(id, way)| Some((line.at(id)?, *way))).max_by_key(|(at, _)| *at);
    let old = last.map_or(Old::Replace, |(_, way)| way);
    let bytes = |id: &str| line.one(id).map(|text| text.as_bytes().to_vec());
    Settings {
        old,
        umask: crate::files::umask(),
        preserve: line.on_before("preserve-permissions", "no-same-permissions", usize::MAX, root),
        own: line.on_before("same-owner", "no-same-owner", usize::MAX, root) && !line.has("old"),
        touch: line.has("touch"),
        owners: Owners::new(options.ids.owners.numeric),
        keep_links: line.has("keep-directory-symlink"),
        keep_directories: line.on("no-overwrite-dir", "overwrite-dir") || matches!(old, Old::Refuse | Old::Skip),
        remove_trees: line.has("recursive-unlink"),
        backup: bytes("backup").map(|how| Backup { how, suffix: bytes("suffix").unwrap_or_else(|| b"~".to_vec()) }),
        delay: line.on_before("delay-directory-restore", "no-delay-directory-restore", usize::MAX, true),
    }
}
