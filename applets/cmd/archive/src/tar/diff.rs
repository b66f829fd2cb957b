//! Members compared with files: `--diff`, and `--verify` after packing.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use kit::{Context, Result};

use super::choose::Choice;
use super::content::Whole;
use super::list::Lines;
use super::options::Options;
use super::reader::Reader;
use super::stream::{self, Source};
use crate::files::member::{Kind, Member};
use crate::files::names::{join, safe};
use crate::files::status::{Status, say};

/// Compare all members that are wanted, or all at all after packing.
pub(super) fn diff(options: &Options, status: &Status, verify: bool) -> Result<()> {
    let mut reader = Reader::new(stream::open(options)?);
    reader.ignore_zeros = options.line.has("ignore-zeros");
    let mut lines = Lines::new(options, false)?;
    let mut choice = Choice::new(options);
    while let Some(member) = reader.next().doing("read the archive")? {
        let base = if verify { Some(choice.bases.len() - 1) } else { choice.of(&member) };
        let Some(base) = base else { continue };
        let name = if options.absolute { member.name.as_slice() } else { safe(&member.name).0 };
        if options.verbose > 0 {
            let shown = [if verify { &b"Verify "[..] } else { b"" }, &member.name].concat();
            lines.line(&member, &shown, options.verbose > 1 && !verify)?;
        }
        let path = join(&choice.bases[base], name);
        let base = choice.bases[base].clone();
        for difference in one(&mut reader, &member, &path, &base, options)? {
            let name = options.quote.name(&member.name);
            lines.text(format_args!("{}: {difference}", String::from_utf8_lossy(&name)))?;
            status.differ();
        }
    }
    lines.flush()?;
    if !verify {
        choice.complain(status);
    }
    if reader.damaged {
        status.fail("the archive was damaged: what could not be read was passed over");
    }
    reader.into_inner().finish()
}

fn one(reader: &mut Reader<Source>, member: &Member, path: &Path, base: &Path, options: &Options) -> Result<Vec<String>> {
    if member.kind == Kind::Label {
        return Ok(Vec::new());
    }
    let follow = options.line.has("dereference");
    let meta = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let meta = match meta.on("look at", path) {
        Ok(meta) => meta,
        Err(e) => {
            say(format_args!("{}: warning: {e}", String::from_utf8_lossy(&member.name)));
            return Ok(vec!["No such file".to_owned()]);
        }
    };
    let mut all = Vec::new();
    let sort = meta.file_type();
    let same_sort = match member.kind {
        Kind::Hard => true,
        Kind::Directory => sort.is_dir(),
        Kind::Symlink => sort.is_symlink(),
        Kind::Char => sort.is_char_device(),
        Kind::Block => sort.is_block_device(),
        Kind::Fifo => sort.is_fifo(),
        _ => sort.is_file(),
    };
    if !same_sort {
        return Ok(vec!["File type differs".to_owned()]);
    }
    match member.kind {
        Kind::Hard => {
            let other = fs::symlink_metadata(join(base, safe(&member.link).0));
            if !other.is_ok_and(|other| (other.dev(), other.ino()) == (meta.dev(), meta.ino())) {
                all.push(format!("Not linked to {}", String::from_utf8_lossy(&member.link)));
            }
            return Ok(all);
        }
        Kind::Symlink => {
            if fs::read_link(path).on("read", path)?.as_os_str().as_bytes() != member.link {
                all.push("Symlink differs".to_owned());
            }
            return Ok(all);
        }
        _ => {}
    }
    if meta.mode() & 0o7777 != member.mode {
        all.push("Mode differs".to_owned());
    }
    let device = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
    if matches!(member.kind, Kind::Char | Kind::Block) && device != (member.major, member.minor) {
        all.push("Device number differs".to_owned());
    }
    if member.is_file() {
        file(reader, member, path, &meta, &mut all, options)?;
    }
    Ok(all)
}

fn file(
    reader: &mut Reader<Source>,
    member: &Member,
    path: &Path,
    meta: &Metadata,
    all: &mut Vec<String>,
    options: &Options,
) -> Result<()> {
    let (uid, gid) = options.ids.owners.of(member);
    let time = (meta.mtime(), if member.mtime.nanos == 0 { 0 } else { meta.mtime_nsec() as u32 });
    for (differs, text) in [
        (meta.uid() != uid, "Uid differs"),
        (meta.gid() != gid, "Gid differs"),
        (time != (member.mtime.seconds, member.mtime.nanos), "Mod time differs"),
    ] {
        if differs {
            all.push(text.to_owned());
        }
    }
    if meta.len() != member.size {
        all.push("Size differs".to_owned());
    } else if !same(&mut Whole::new(reader, member), path)? {
        all.push("Contents differ".to_owned());
    }
    Ok(())
}

fn same(stored: &mut impl Read, path: &Path) -> Result<bool> {
    let mut file = File::open(path).on("open", path)?;
    let (mut a, mut b) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let read = stored.read(&mut a).doing("read the archive")?;
        if read == 0 {
            return Ok(file.read(&mut b[..1]).on("read", path)? == 0);
        }
        match file.read_exact(&mut b[..read]) {
            Ok(()) if a[..read] == b[..read] => {}
            Ok(()) => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(e) => return Err(e).on("read", path),
        }
    }
}
