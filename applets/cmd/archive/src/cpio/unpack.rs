//! Files out of an archive, or copied to a directory.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Exit, Result, glob};

use super::Options;
use super::format::{Entry, Format};
use super::pack::{blocks, names};
use super::read::Reader;
use crate::files::member::{Kind, Member, Time};
use crate::files::names::{join, safe};
use crate::files::owners::Owners;
use crate::files::place::Place;
use crate::files::status::{Status, tell};
use crate::files::unpack::{Old, Settings, Unpacker, Way};
use crate::lines;

/// Bytes of a link's target.
const MAX_LINK: u64 = 64 << 10;

/// A file by its name, in the directory of `-D`.
pub(super) fn inside(options: &Options, name: &[u8]) -> PathBuf {
    options.directory.as_ref().map_or_else(|| OsStr::from_bytes(name).into(), |base| join(base, name))
}

struct Work<'a> {
    options: &'a Options,
    place: Place,
    unpacker: Unpacker<'a>,
    status: &'a Status,
    owners: (Option<u32>, Option<u32>),
    /// First name of each file that has several, and names that wait for its data.
    links: HashMap<(u32, u32, u64), Vec<Vec<u8>>>,
    waiting: HashMap<(u32, u32, u64), Vec<Entry>>,
}

impl<'a> Work<'a> {
    fn new(options: &'a Options, status: &'a Status, dir: &Path) -> Result<Self> {
        let root = rustix::process::geteuid().is_root();
        let settings = Settings {
            old: if options.unconditional { Old::Replace } else { Old::Newer },
            umask: crate::files::umask(),
            preserve: root,
            own: (root && !options.no_preserve_owner) || options.owner.is_some(),
            touch: !options.preserve_modification_time,
            owners: Owners::new(true),
            keep_links: false,
            keep_directories: false,
            remove_trees: false,
            backup: None,
            delay: true,
        };
        let mut place = if options.absolute_filenames { Place::anywhere(dir)? } else { Place::new(dir)? };
        place.mode = 0o777;
        place.makes = options.make_directories;
        let unpacker = Unpacker::new(settings, status);
        let owners = options.owners()?;
        Ok(Self { options, place, unpacker, status, owners, links: HashMap::new(), waiting: HashMap::new() })
    }

    fn member(&self, entry: &Entry) -> Option<Member> {
        let kind = match entry.mode >> 12 {
            0o10 => Kind::File,
            0o4 => Kind::Directory,
            0o12 => Kind::Symlink,
            0o2 => Kind::Char,
            0o6 => Kind::Block,
            0o1 => Kind::Fifo,
            _ => return None,
        };
        Some(Member {
            kind,
            mode: entry.mode & 0o7777,
            uid: self.owners.0.unwrap_or(entry.uid).into(),
            gid: self.owners.1.unwrap_or(entry.gid).into(),
            mtime: Time { seconds: entry.mtime as i64, nanos: 0 },
            size: entry.size,
            major: entry.special.0,
            minor: entry.special.1,
            ..Member::default()
        })
    }

    fn make(&mut self, data: &mut dyn Read, member: &Member, name: &[u8]) {
        match self.unpacker.one(data, member, name, (0, &mut self.place)).on("unpack", OsStr::from_bytes(name)) {
            Ok(Way::Done) => {}
            Ok(Way::Kept(text)) => tell("cpio", format_args!("{text}; -u replaces it")),
            Err(e) => self.status.fail(e),
        }
    }

    /// One entry with its data; a file's other names become links.
    fn entry(&mut self, data: &mut dyn Read, entry: &Entry, format: Format, name: &[u8]) -> Result<()> {
        let Some(mut member) = self.member(entry) else {
            self.status.fail(format_args!("{}: unknown file type", String::from_utf8_lossy(name)));
            return Ok(());
        };
        if member.kind == Kind::Symlink {
            let mut link = Vec::new();
            if entry.size > MAX_LINK {
                return Err(Error::new("a link's target is too long"));
            }
            data.read_to_end(&mut link).doing("read the archive")?;
            // Some end it with a zero byte.
            link.truncate(link.iter().position(|byte| *byte == 0).unwrap_or(link.len()));
            member.link = link;
            member.size = 0;
        }
        let key = (entry.device.0, entry.device.1, entry.inode);
        let several = entry.links > 1 && member.kind == Kind::File;
        if several && entry.size == 0 && matches!(format, Format::Newc | Format::Crc) && !self.links.contains_key(&key) {
            let mut entry = entry.clone();
            entry.name = name.to_vec();
            self.waiting.entry(key).or_default().push(entry);
            return Ok(());
        }
        let first = self.links.get(&key).and_then(|names| names.first()).filter(|_| several).cloned();
        match first {
            Some(first) => self.link(&member, &first, name),
            None => self.make(data, &member, name),
        }
        if several {
            self.links.entry(key).or_default().push(name.to_vec());
            for other in self.waiting.remove(&key).unwrap_or_default() {
                self.link(&member, name, &other.name);
            }
        }
        Ok(())
    }

    fn link(&mut self, of: &Member, first: &[u8], name: &[u8]) {
        let member = Member { kind: Kind::Hard, link: first.to_vec(), size: 0, ..of.clone() };
        self.make(&mut io::empty(), &member, name);
    }

    /// Links that waited for content get none: they are empty files. Then modes and times of directories.
    fn finish(mut self) {
        let mut rest: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        rest.sort_by(|a, b| a.first().map(|entry| &entry.name).cmp(&b.first().map(|entry| &entry.name)));
        for names in rest {
            let mut names = names.into_iter();
            let Some(first) = names.next() else { continue };
            let Some(member) = self.member(&first) else { continue };
            self.make(&mut io::empty(), &member, &first.name);
            for other in names {
                self.link(&member, &first.name, &other.name);
            }
        }
        self.unpacker.finish(0, &self.place);
    }
}

/// Unpack, list or check an archive.
pub(super) fn unpack(options: &Options) -> Result<Exit> {
    let input: Box<dyn Read> = match options.input.as_ref().or(options.file.as_ref()) {
        Some(file) => Box::new(File::open(file).on("open", file)?),
        None => Box::new(io::stdin()),
    };
    let mut reader = Reader::new(BufReader::with_capacity(64 << 10, input));
    let status = Status::new("cpio", 2);
    let mut patterns: Vec<Vec<u8>> = options.names.iter().map(|name| name.as_bytes().to_vec()).collect();
    if let Some(file) = &options.pattern_file {
        let text = fs::read(file).on("read", file)?;
        patterns.extend(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    let dir = options.directory.clone().unwrap_or_else(|| ".".into());
    let mut work = Work::new(options, &status, &dir)?;
    let mut out = kit::out();
    let mut long = lines::Long::new(options.numeric_uid_gid);
    while let Some((format, entry)) = reader.next().doing("read the archive")? {
        let fits = patterns.is_empty() || patterns.iter().any(|pattern| glob::matches(pattern, &entry.name));
        if fits == options.nonmatching {
            continue;
        }
        if options.list {
            let mut link = Vec::new();
            if options.verbose && entry.mode >> 12 == 0o12 && entry.size <= MAX_LINK {
                reader.read_to_end(&mut link).doing("read the archive")?;
            }
            let text = if options.verbose { long.line(&entry_about(&entry), &entry.name, &link) } else { entry.name.clone() };
            out.write_all(&[&text[..], b"\n"].concat()).doing("write standard output")?;
            continue;
        }
        if options.only_verify_crc {
            verify(&mut reader, &entry, format, &status)?;
            continue;
        }
        if options.to_stdout {
            io::copy(&mut reader, &mut out).doing("write standard output")?;
            continue;
        }
        let name = stored(options, &entry.name);
        work.entry(&mut reader, &entry, format, &name)?;
        say(options, &entry.name);
    }
    out.flush().doing("write standard output")?;
    work.finish();
    blocks(options, reader.at.next_multiple_of(512));
    Ok(status.exit())
}

fn stored(options: &Options, name: &[u8]) -> Vec<u8> {
    let rest = if options.absolute_filenames { name } else { safe(name).0 };
    if rest.is_empty() { b".".to_vec() } else { rest.to_vec() }
}

fn entry_about(entry: &Entry) -> lines::About {
    lines::About {
        mode: entry.mode,
        links: entry.links,
        uid: entry.uid,
        gid: entry.gid,
        size: entry.size,
        device: entry.special,
        time: entry.mtime as i64,
    }
}

fn verify(data: &mut dyn Read, entry: &Entry, format: Format, status: &Status) -> Result<()> {
    let mut sum = 0_u32;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = data.read(&mut buffer).doing("read the archive")?;
        if read == 0 {
            break;
        }
        sum = buffer[..read].iter().fold(sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    }
    if format == Format::Crc && entry.mode >> 12 == 0o10 && sum != entry.sum {
        let name = String::from_utf8_lossy(&entry.name);
        status.fail(format_args!("{name}: checksum error ({sum:#x}, should be {:#x})", entry.sum));
    }
    Ok(())
}

fn say(options: &Options, name: &[u8]) {
    // A closed standard error loses the message.
    if options.verbose {
        let _ = io::stderr().write_all(&[name, b"\n"].concat());
    } else if options.dot {
        let _ = write!(io::stderr(), ".");
    }
}

/// Copy files to a directory.
pub(super) fn pass(options: &Options) -> Result<Exit> {
    let [dir] = options.names.as_slice() else { return Err(Error::usage("give the directory to copy to")) };
    let status = Status::new("cpio", 1);
    if options.make_directories {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    let mut work = Work::new(options, &status, Path::new(dir))?;
    let mut bytes = 0;
    for name in names(options)? {
        let path = inside(options, &name);
        match one(&mut work, options, &path, &name) {
            Ok(size) => {
                bytes += size;
                say(options, join(Path::new(dir), safe(&name).0).as_os_str().as_bytes());
            }
            Err(e) => status.fail(e),
        }
    }
    work.finish();
    blocks(options, bytes);
    Ok(status.exit())
}

fn one(work: &mut Work<'_>, options: &Options, path: &Path, name: &[u8]) -> Result<u64> {
    let meta = if options.dereference { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let meta = meta.on("look at", path)?;
    let sort = meta.file_type();
    let mut entry = Entry {
        mode: meta.mode(),
        uid: meta.uid(),
        gid: meta.gid(),
        links: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
        inode: meta.ino(),
        device: (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev())),
        special: (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev())),
        mtime: u64::try_from(meta.mtime()).unwrap_or(0),
        ..Entry::default()
    };
    let name = stored(options, name);
    if sort.is_socket() {
        tell("cpio", format_args!("{}: socket ignored", path.display()));
        return Ok(0);
    }
    if sort.is_symlink() {
        let link = fs::read_link(path).on("read", path)?;
        entry.size = link.as_os_str().len() as u64;
        work.entry(&mut link.as_os_str().as_bytes(), &entry, Format::Odc, &name)?;
    } else if sort.is_file() {
        if options.link && linked(work, path, &name)? {
            return Ok(0);
        }
        entry.size = meta.len();
        let file = File::open(path).on("open", path)?;
        work.entry(&mut file.chain(io::repeat(0)), &entry, Format::Odc, &name)?;
    } else {
        work.entry(&mut io::empty(), &entry, Format::Odc, &name)?;
    }
    Ok(entry.size)
}

/// Link a file to its new name; false when it lies on another file system.
fn linked(work: &mut Work<'_>, path: &Path, name: &[u8]) -> Result<bool> {
    let spot = work.place.spot(name, work.options.make_directories).on("make", path)?;
    if spot.stat().is_ok() {
        if !work.options.unconditional {
            return Err(Error::new(format!("{}: there already; -u replaces it", path.display())));
        }
        rustix::fs::unlinkat(&spot.parent, &spot.name, rustix::fs::AtFlags::empty()).on("remove", path)?;
    }
    match rustix::fs::linkat(rustix::fs::CWD, path, &spot.parent, &spot.name, rustix::fs::AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::XDEV) => Ok(false),
        Err(e) => Err(e).on("link", path),
    }
}
