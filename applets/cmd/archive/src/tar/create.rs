//! Files into an archive: the walk over directories.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

use super::content;
use super::items::Item;
use super::list::Lines;
use super::options::{Mode, Options};
use super::pattern::Patterns;
use super::snapshot::Snapshot;
use super::stream::{self, Target};
use super::tags::{self, Tag};
use super::transform::Scope;
use super::writer::{self, Format, Writer};
use super::xattrs;
use crate::files::member::{Kind, Member, Time};
use crate::files::names::trimmed;
use crate::files::names::{join, safe};
use crate::files::status::{Status, say};

/// Files that have several names: device and inode, with the first name and the names that were not seen yet.
type Links = HashMap<(u64, u64), (Vec<u8>, u64)>;

/// An archive that is being packed.
pub(super) struct Packer<'a> {
    pub(super) options: &'a Options,
    out: Writer<Target>,
    lines: Lines<'a>,
    pub(super) status: &'a Status,
    links: Links,
    /// Patterns of files in the directories that the walk is in.
    pub(super) ignored: Vec<(usize, Patterns)>,
    /// Device and inode of the archive itself.
    pub(super) own: Option<(u64, u64)>,
    /// Times of members that are there already: `--update`.
    pub(super) known: HashMap<Vec<u8>, Time>,
    /// Files that are removed at the end.
    packed: Vec<(PathBuf, bool)>,
    pub(super) umask: u32,
    told: [bool; 3],
    next_checkpoint: u64,
    pub(super) recursion: bool,
    pub(super) snapshot: Snapshot,
    /// List of the directory that is packed next: of incremental archives.
    pub(super) next_list: Option<Vec<u8>>,
}

impl<'a> Packer<'a> {
    /// A packer that goes on at a place in an archive.
    pub(super) fn new(options: &'a Options, target: Target, at: u64, status: &'a Status) -> Result<Self> {
        let line = &options.line;
        let fresh = line.number::<u64>("level")? == Some(0);
        let devices = line.on_before("check-device", "no-check-device", usize::MAX, true);
        let snapshot = Snapshot::read(line.one("listed-incremental"), options.newer, fresh, devices)?;
        let own = options.archive.as_deref().and_then(|name| fs::metadata(name).ok());
        Ok(Self {
            options,
            out: Writer::new(target, at),
            lines: Lines::new(options, options.archive.is_none())?,
            status,
            links: HashMap::new(),
            ignored: Vec::new(),
            own: own.filter(Metadata::is_file).map(|meta| (meta.dev(), meta.ino())),
            known: HashMap::new(),
            packed: Vec::new(),
            umask: crate::files::umask(),
            told: [false; 3],
            next_checkpoint: 1,
            recursion: true,
            snapshot,
            next_list: None,
        })
    }

    /// All names of the command line.
    pub(super) fn all(&mut self) -> Result<()> {
        let mut base = PathBuf::new();
        for item in &self.options.items {
            match item {
                Item::Recursion(on) => self.recursion = *on,
                Item::Directory(dir) => {
                    base.push(dir);
                    if !base.is_dir() {
                        return Err(Error::new(format!("enter {}: no such directory", base.display())));
                    }
                }
                Item::Name(name) if self.options.incremental => self.increment(&join(&base, name), name)?,
                Item::Name(name) => self.tree(&join(&base, name), name, None)?,
            }
        }
        Ok(())
    }

    /// The label, and records for all members.
    pub(super) fn begin(&mut self) -> Result<()> {
        let mut all = Vec::new();
        if let Some(label) = self.options.line.one("label") {
            let label = label.as_bytes().to_vec();
            if self.options.format == Format::Pax {
                all.push((b"GNU.volume.label".to_vec(), label));
            } else {
                let member = Member { name: label, kind: Kind::Label, mtime: Time::now(), ..Member::default() };
                self.put(&member)?;
            }
        }
        let pax = &self.options.pax;
        all.extend(pax.all.iter().cloned());
        let global = writer::PaxOptions { all, name: pax.name.clone(), ..writer::PaxOptions::default() };
        if self.options.format == Format::Pax {
            self.out.write_all(&writer::global(&global).doing("pack")?).doing("write the archive")?;
        }
        Ok(())
    }

    /// The end of the archive; gives its length.
    pub(super) fn finish(mut self) -> Result<u64> {
        if self.options.line.has("check-links") {
            for (name, left) in self.links.values().filter(|(_, left)| *left > 0) {
                say(format_args!("missing {left} links to {}", String::from_utf8_lossy(name)));
            }
        }
        self.out.end(self.options.record).doing("write the archive")?;
        let bytes = self.out.at;
        self.out.to.finish()?;
        self.lines.flush()?;
        self.snapshot.write()?;
        if self.options.line.at("totals").is_some() {
            stream::totals("written", bytes);
        }
        // Directories come after what was in them.
        for (path, directory) in self.packed.iter().rev() {
            let removed = if *directory { fs::remove_dir(path) } else { fs::remove_file(path) };
            if let Err(e) = removed.on("remove", path) {
                self.status.fail(e);
            }
        }
        Ok(bytes)
    }

    /// A file, and all below a directory. One that can't be read is told and left out. `device` is that of the directory above.
    pub(super) fn tree(&mut self, path: &Path, name: &[u8], device: Option<u64>) -> Result<()> {
        let line = &self.options.line;
        if self.left_out(name) {
            return Ok(());
        }
        let meta = if line.has("dereference") { fs::metadata(path) } else { fs::symlink_metadata(path) };
        let meta = match meta {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound && device.is_some() && fs::symlink_metadata(path).is_err() => {
                say(format_args!("{}: removed before it was read", path.display()));
                self.status.differ();
                return Ok(());
            }
            Err(e) => {
                self.unreadable(&Err::<(), _>(e).on("look at", path));
                return Ok(());
            }
        };
        if self.own == Some((meta.dev(), meta.ino())) {
            say(format_args!("{}: is the archive; not packed", path.display()));
            return Ok(());
        }
        if meta.file_type().is_socket() {
            // An archive has no such thing; whoever made the socket makes it again.
            say(format_args!("{}: socket ignored", path.display()));
            return Ok(());
        }
        if line.has("interactive") && !super::extract::agreed("add", name)? {
            return Ok(());
        }
        if !meta.is_dir() {
            if self.is_new(name, &meta) {
                self.one(path, name, &meta)?;
            }
            return Ok(());
        }
        self.directory(path, name, &meta, device)
    }

    fn directory(&mut self, path: &Path, name: &[u8], meta: &Metadata, device: Option<u64>) -> Result<()> {
        let tag = tags::of(&self.options.line, path);
        if let Some(Tag { all: true, .. }) = tag {
            return Ok(());
        }
        let slashed = if name.ends_with(b"/") { name.to_vec() } else { [name, b"/"].concat() };
        if self.is_new(&slashed, meta) {
            self.one(path, &slashed, meta)?;
        }
        let other = self.options.line.has("one-file-system") && device.is_some_and(|device| device != meta.dev());
        if !self.recursion || other {
            return Ok(());
        }
        if let Some(tag) = tag {
            for file in tag.keep {
                self.tree(&path.join(&file), &[&slashed, file.as_bytes()].concat(), Some(meta.dev()))?;
            }
            return Ok(());
        }
        let below = match self.entries(path).on("read", path) {
            Ok(below) => below,
            Err(e) => {
                self.unreadable(&Err(e));
                return Ok(());
            }
        };
        let depth = self.ignored.len();
        tags::ignored(&self.options.line, path, slashed.len(), &mut self.ignored);
        for entry in below {
            self.tree(&path.join(&entry), &[&slashed, entry.as_bytes()].concat(), Some(meta.dev()))?;
        }
        self.ignored.truncate(depth);
        Ok(())
    }

    /// Names in a directory, in the order that was asked for. The same files give the same archive: so by name.
    pub(super) fn entries(&self, path: &Path) -> io::Result<Vec<std::ffi::OsString>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            all.push((std::os::unix::fs::DirEntryExt::ino(&entry), entry.file_name()));
        }
        match self.options.line.one("sort").map(OsStrExt::as_bytes) {
            Some(b"none") => {}
            Some(b"inode") => all.sort_by_key(|(inode, _)| *inode),
            _ => all.sort_by(|(_, a), (_, b)| a.cmp(b)),
        }
        Ok(all.into_iter().map(|(_, name)| name).collect())
    }

    pub(super) fn left_out(&self, name: &[u8]) -> bool {
        // A pattern of a directory's file is for names below it; without recursion, for those in it.
        let ignored = |(from, patterns): &(usize, Patterns)| name.get(*from..).is_some_and(|rest| patterns.fit(rest));
        self.options.exclude.fit(name) || self.ignored.iter().any(ignored)
    }

    /// Tell if a file is new enough for `--newer` and `--update`.
    fn is_new(&self, name: &[u8], meta: &Metadata) -> bool {
        if self.options.incremental {
            // The list of its directory has told.
            return true;
        }
        let time = Time { seconds: meta.mtime(), nanos: meta.mtime_nsec() as u32 };
        let changed = Time { seconds: meta.ctime(), nanos: meta.ctime_nsec() as u32 };
        if self.options.mode == Mode::Update
            && let Some(known) = self.known.get(trimmed(safe(name).0))
        {
            // Archives have whole seconds.
            return time.seconds > known.seconds || (known.nanos > 0 && time > *known);
        }
        let by_change = self.options.line.at("newer").is_some();
        self.options.newer.is_none_or(|newer| meta.is_dir() || time >= newer || (by_change && changed >= newer))
    }

    /// A file that can't be read: a failure, unless it was asked not to be one.
    pub(super) fn unreadable(&self, done: &Result<()>) {
        if let Err(e) = done {
            if self.options.line.has("ignore-failed-read") { say(e) } else { self.status.fail(e) }
        }
    }

    /// A member with its data.
    pub(super) fn one(&mut self, path: &Path, name: &[u8], meta: &Metadata) -> Result<()> {
        let mut member = Member { name: self.stored(name, 0), ..Member::default() };
        if member.name.is_empty() {
            return Ok(());
        }
        self.about(&mut member, meta);
        member.list = self.next_list.take();
        if let Some(list) = member.list.as_ref().filter(|_| self.options.format != Format::Pax) {
            member.size = list.len() as u64;
        }
        let linked = !meta.is_dir() && meta.nlink() > 1 && !self.options.line.has("hard-dereference");
        let key = (meta.dev(), meta.ino());
        if linked && let Some((first, left)) = self.links.get_mut(&key) {
            *left = left.saturating_sub(1);
            let first = first.clone();
            member.kind = Kind::Hard;
            member.size = 0;
            member.link = self.options.transform.apply(self.stored(&first, 1), Scope::Hard)?;
        }
        if member.kind == Kind::Symlink {
            let target = fs::read_link(path).on("read", path);
            let Ok(target) = target else {
                self.unreadable(&target.map(|_| ()));
                return Ok(());
            };
            member.link = self.options.transform.apply(target.as_os_str().as_bytes().to_vec(), Scope::Symlink)?;
        }
        let opened = match member.kind {
            Kind::File => content::open(path, &self.options.line).on("open", path).map(Some),
            _ => Ok(None),
        };
        let mut file = match opened {
            Ok(file) => file,
            Err(e) => {
                self.unreadable(&Err(e));
                return Ok(());
            }
        };
        if member.kind != Kind::Hard
            && let Err(e) = xattrs::read(path, &mut member, self.options).on("read attributes of", path)
        {
            say(e);
        }
        self.write(path, name, &mut member, file.as_mut(), meta)?;
        if linked && member.kind != Kind::Hard {
            self.links.insert(key, (name.to_vec(), meta.nlink() - 1));
        }
        if self.options.line.has("remove-files") {
            self.packed.push((path.to_owned(), meta.is_dir()));
        }
        Ok(())
    }

    fn write(&mut self, path: &Path, name: &[u8], member: &mut Member, file: Option<&mut File>, meta: &Metadata) -> Result<()> {
        if let Some(file) = &file
            && self.options.line.has("sparse")
            && matches!(self.options.format, Format::Gnu | Format::OldGnu | Format::Pax)
        {
            member.parts = content::parts(file, meta, &self.options.line).on("look for holes of", path)?;
        }
        member.name = self.options.transform.apply(std::mem::take(&mut member.name), Scope::Name)?;
        member.at = self.out.at;
        let shown = if self.options.line.has("show-transformed-names") { member.name.clone() } else { name.to_vec() };
        if let Err(e) = self.put(member) {
            self.status.fail(format_args!("{}: {e}; not packed", path.display()));
            return Ok(());
        }
        if self.options.verbose > 0 {
            self.lines.line(member, &shown, self.options.verbose > 1)?;
        }
        if let Some(list) = member.list.as_ref().filter(|_| member.size > 0) {
            self.out.write_all(list).doing("write the archive")?;
        }
        if let Some(file) = file {
            let whole = content::copy(file, member, &mut self.out).on("pack", path)?;
            if !whole {
                say(format_args!("{}: changed while it was read", path.display()));
                self.status.differ();
            }
            content::restore(file, meta, &self.options.line).on("set the time of", path)?;
        }
        self.out.pad().doing("write the archive")?;
        self.checkpoint();
        Ok(())
    }

    /// Headers of a member.
    fn put(&mut self, member: &Member) -> Result<()> {
        let headers = writer::headers(member, self.options.format, &self.options.pax);
        let headers = headers.map_err(|e| Error::new(e.to_string()))?;
        // No archive is made any further after this.
        self.out.write_all(&headers).doing("write the archive").map_err(|e| {
            self.status.fail(&e);
            super::list::stopped()
        })
    }

    /// A name as it is stored: without what would lead out of a directory. `which` tells what it is the name of.
    fn stored(&mut self, name: &[u8], which: usize) -> Vec<u8> {
        if self.options.absolute {
            return name.to_vec();
        }
        let (rest, off) = safe(name);
        if !off.is_empty() && !std::mem::replace(&mut self.told[which], true) {
            let of = ["member names", "hard link targets"][which.min(1)];
            say(format_args!("Removing leading `{}' from {of}", String::from_utf8_lossy(off)));
        }
        let slash = if rest.is_empty() && off.ends_with(b"/") { &b"./"[..] } else { b"." };
        if rest.is_empty() { slash.to_vec() } else { rest.to_vec() }
    }

    fn checkpoint(&mut self) {
        let records = self.out.at / self.options.record;
        stream::checkpoint(&self.options.line, "Write", records, &mut self.next_checkpoint);
    }
}
