//! Archives that are changed: `--append`, `--update`, `--catenate` and `--delete`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

use super::choose::Choice;
use super::create::Packer;
use super::items::Item;
use super::options::{Filter, Mode, Options};
use super::reader::Reader;
use super::stream::Target;
use super::writer::Writer;
use crate::codec::{Codec, Input, MAGIC};
use crate::files::names::trimmed;
use crate::files::status::Status;

/// The archive's file: it must be one, and without compression.
fn file(options: &Options) -> Result<&Path> {
    match (&options.archive, &options.filter) {
        (_, Filter::Codec(_) | Filter::Program(_)) => Err(Error::usage("an archive that is compressed can't be changed")),
        (Some(name), Filter::Auto) => Ok(name),
        (None, _) => Err(Error::usage("give the archive with -f: what comes from standard input can't be changed")),
    }
}

fn plain(name: &Path, file: &File) -> Result<()> {
    let mut input = Input::new(file.try_clone().on("read", name)?);
    let start = input.peek(MAGIC).on("read", name)?;
    if Codec::detect(start).is_some() {
        return Err(Error::new(format!("{}: an archive that is compressed can't be changed", name.display())));
    }
    (&*file).rewind().on("read", name)
}

/// Append files, or those that are newer than their member.
pub(super) fn append(options: &Options, status: &Status) -> Result<()> {
    let name = file(options)?;
    let opened = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(name).on("open", name)?;
    plain(name, &opened)?;
    let mut known = std::collections::HashMap::new();
    let end = if opened.metadata().on("look at", name)?.len() == 0 {
        0
    } else {
        let mut reader = Reader::new(io::BufReader::new(opened.try_clone().on("read", name)?));
        while let Some(member) = reader.next().on("read", name)? {
            if options.mode == Mode::Update {
                known.insert(trimmed(&member.name).to_vec(), member.mtime);
            }
        }
        if reader.damaged {
            return Err(Error::new(format!("{}: it is damaged: nothing is appended", name.display())));
        }
        reader.end.unwrap_or(reader.at)
    };
    let mut at_end = opened.try_clone().on("write", name)?;
    at_end.seek(SeekFrom::Start(end)).on("write", name)?;
    let mut packer = Packer::new(options, Target::of_file(at_end), end, status)?;
    packer.known = known;
    packer.all()?;
    let len = packer.finish()?;
    opened.set_len(len).on("write", name)
}

/// Append the members of other archives.
pub(super) fn catenate(options: &Options) -> Result<()> {
    let name = file(options)?;
    let mut opened = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(name).on("open", name)?;
    plain(name, &opened)?;
    let len = opened.metadata().on("look at", name)?.len();
    let end = if len == 0 { 0 } else { end_of(&opened).on("read", name)? };
    opened.seek(SeekFrom::Start(end)).on("write", name)?;
    let mut out = Writer::new(BufWriter::new(opened.try_clone().on("write", name)?), end);
    let mut base = PathBuf::new();
    for item in &options.items {
        match item {
            Item::Directory(dir) => base.push(dir),
            Item::Recursion(_) => {}
            Item::Name(other) => {
                let other = crate::files::names::join(&base, other);
                let from = File::open(&other).on("open", &other)?;
                plain(&other, &from)?;
                let end = end_of(&from).on("read", &other)?;
                (&from).rewind().on("read", &other)?;
                io::copy(&mut (&from).take(end), &mut out).on("append", &other)?;
            }
        }
    }
    out.end(options.record).and_then(|()| out.flush()).on("write", name)?;
    opened.set_len(out.at).on("write", name)
}

/// Place behind the last member.
fn end_of(mut file: &File) -> io::Result<u64> {
    file.rewind()?;
    let mut reader = Reader::new(io::BufReader::new(file));
    while reader.next()?.is_some() {}
    Ok(reader.end.unwrap_or(reader.at))
}

/// Remove members: the rest is written beside the archive, and takes its place when it is whole.
pub(super) fn delete(options: &Options, status: &Status) -> Result<()> {
    let name = file(options)?;
    let opened = File::open(name).on("open", name)?;
    plain(name, &opened)?;
    let mut reader = Reader::new(io::BufReader::new(opened.try_clone().on("read", name)?));
    let mut choice = Choice::new(options);
    let mut kept: Vec<(u64, u64)> = Vec::new();
    let mut open: Option<u64> = None;
    while let Some(member) = reader.next().on("read", name)? {
        let goes = options.names().next().is_some() && choice.of(&member).is_some();
        match (goes, open) {
            (true, Some(from)) => {
                kept.push((from, member.at));
                open = None;
            }
            (false, None) => open = Some(member.at),
            _ => {}
        }
    }
    if reader.damaged {
        return Err(Error::new(format!("{}: it is damaged: nothing is removed", name.display())));
    }
    kept.extend(open.map(|from| (from, reader.end.unwrap_or(reader.at))));
    choice.complain(status);
    replace(options, name, &opened, &kept).on("write", name)
}

fn replace(options: &Options, name: &Path, opened: &File, kept: &[(u64, u64)]) -> io::Result<()> {
    let mut beside = name.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let made = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
    let written = (|| {
        let mut out = Writer::new(BufWriter::new(&made), 0);
        for (from, to) in kept {
            let mut source = opened;
            source.seek(SeekFrom::Start(*from))?;
            io::copy(&mut source.take(to - from), &mut out)?;
        }
        out.end(options.record)?;
        out.flush()?;
        made.set_permissions(fs::Permissions::from_mode(opened.metadata()?.permissions().mode()))?;
        made.sync_all()?;
        fs::rename(&beside, name)
    })();
    if written.is_err() {
        // The archive is as it was.
        let _ = fs::remove_file(&beside);
    }
    written
}
