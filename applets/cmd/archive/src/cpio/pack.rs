//! Files into an archive.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use kit::{Context, Error, Exit, Result};

use super::Options;
use super::format::{END, Entry, Format};
use super::read::Reader;
use crate::files::status::{Status, tell};

/// Names of standard input, in parts.
pub(super) fn names(options: &Options) -> Result<Vec<Vec<u8>>> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text).doing("read standard input")?;
    let end = if options.null { 0 } else { b'\n' };
    let words = text.split(|byte| *byte == end);
    Ok(words.filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect())
}

/// The number of blocks, which cpio tells at its end.
pub(super) fn blocks(options: &Options, bytes: u64) {
    if !options.quiet {
        let blocks = bytes.div_ceil(512);
        // A closed standard error loses the message.
        let _ = writeln!(io::stderr(), "{blocks} blocks");
    }
}

/// A name with its file's state.
type Named = (Vec<u8>, Metadata);

struct Packer<'a> {
    options: &'a Options,
    format: Format,
    out: Box<dyn Write>,
    at: u64,
    owners: (Option<u32>, Option<u32>),
    /// Names of a file that has several, until the last comes: newc stores its data there.
    waiting: HashMap<(u64, u64), Vec<Named>>,
    inodes: HashMap<(u64, u64), u64>,
}

/// Make the archive.
pub(super) fn pack(options: &Options, format: Format) -> Result<Exit> {
    let names = names(options)?;
    let file = options.output.as_ref().or(options.file.as_ref());
    let (out, at): (Box<dyn Write>, u64) = match file {
        Some(file) if options.append => {
            let (file, at) = at_end(file, format)?;
            (Box::new(BufWriter::new(file)), at)
        }
        Some(file) => (Box::new(BufWriter::new(File::create(file).on("make", file)?)), 0),
        None if options.append => return Err(Error::usage("-A needs the archive with -O or -F")),
        None => (Box::new(kit::out()), 0),
    };
    let status = Status::new("cpio", 1);
    let mut packer =
        Packer { options, format, out, at, owners: options.owners()?, waiting: HashMap::new(), inodes: HashMap::new() };
    for name in &names {
        let path = super::unpack::inside(options, name);
        if let Err(e) = packer.one(&path, name) {
            status.fail(e);
        }
    }
    packer.rest()?;
    let end = Entry { name: END.to_vec(), links: 1, ..Entry::default() };
    packer.header(&end).doing("write the archive")?;
    let block = options.block();
    let filling = packer.at.next_multiple_of(block) - packer.at;
    io::copy(&mut io::repeat(0).take(filling), &mut packer.out).doing("write the archive")?;
    packer.out.flush().doing("write the archive")?;
    if options.dot {
        // As above.
        let _ = writeln!(io::stderr());
    }
    blocks(options, packer.at + filling);
    Ok(status.exit())
}

/// An archive, and the place of its last entry.
fn at_end(file: &Path, format: Format) -> Result<(File, u64)> {
    let mut opened = fs::OpenOptions::new().read(true).write(true).open(file).on("open", file)?;
    let mut reader = Reader::new(io::BufReader::new(opened.try_clone().on("read", file)?));
    let mut at = 0;
    loop {
        match reader.next().on("read", file)? {
            Some((found, _)) if found != format => {
                return Err(Error::new(format!("{}: the archive has another form", file.display())));
            }
            Some((_, entry)) => {
                io::copy(&mut reader, &mut io::sink()).on("read", file)?;
                at = (reader.at).max(at) + (entry.size.next_multiple_of(format.align()) - entry.size);
            }
            None => break,
        }
    }
    opened.seek(SeekFrom::Start(at)).on("write", file)?;
    opened.set_len(at).on("write", file)?;
    Ok((opened, at))
}

impl Packer<'_> {
    fn one(&mut self, path: &Path, name: &[u8]) -> Result<()> {
        let options = self.options;
        let meta = if options.dereference { fs::metadata(path) } else { fs::symlink_metadata(path) };
        let meta = meta.on("look at", OsStr::from_bytes(name))?;
        if meta.file_type().is_socket() && self.format == Format::Bin {
            tell("cpio", format_args!("{}: socket ignored", path.display()));
            return Ok(());
        }
        let stored = if options.absolute_filenames || !options.no_absolute_filenames {
            name.strip_prefix(b"./").filter(|rest| !rest.is_empty()).unwrap_or(name).to_vec()
        } else {
            crate::files::names::safe(name).0.to_vec()
        };
        let newc = matches!(self.format, Format::Newc | Format::Crc);
        if newc && meta.is_file() && meta.nlink() > 1 {
            let key = (meta.dev(), meta.ino());
            let all = self.waiting.entry(key).or_default();
            all.push((stored, meta));
            let last = all.last().is_some_and(|(_, meta)| all.len() as u64 == meta.nlink());
            if last && let Some(all) = self.waiting.remove(&key) {
                self.linked(path, all)?;
            }
        } else {
            self.entry(path, stored, &meta, true)?;
        }
        if options.verbose {
            // As above.
            let _ = io::stderr().write_all(&[name, b"\n"].concat());
        } else if options.dot {
            let _ = write!(io::stderr(), ".");
        }
        Ok(())
    }

    /// Names of one file: the last one has the data.
    fn linked(&mut self, path: &Path, all: Vec<Named>) -> Result<()> {
        let count = all.len();
        for (at, (name, meta)) in all.into_iter().enumerate() {
            self.entry(path, name, &meta, at + 1 == count)?;
        }
        Ok(())
    }

    /// Files not all of whose names were given.
    fn rest(&mut self) -> Result<()> {
        let mut all: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        all.sort_by(|a, b| a.first().map(|(name, _)| name).cmp(&b.first().map(|(name, _)| name)));
        for names in all {
            let Some((name, _)) = names.last() else { continue };
            let path = super::unpack::inside(self.options, name);
            self.linked(&path, names)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: Vec<u8>, meta: &Metadata, data: bool) -> Result<()> {
        let mut entry = Entry {
            name,
            mode: meta.mode(),
            uid: self.owners.0.unwrap_or(meta.uid()),
            gid: self.owners.1.unwrap_or(meta.gid()),
            links: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
            mtime: u64::try_from(meta.mtime()).unwrap_or(0),
            ..Entry::default()
        };
        let sort = meta.file_type();
        if sort.is_char_device() || sort.is_block_device() {
            entry.special = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
        }
        if !(self.options.ignore_devno || self.options.reproducible) {
            entry.device = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
        }
        // A number that does not fit would make two files one.
        let fits = matches!(self.format, Format::Newc | Format::Crc) && u32::try_from(meta.ino()).is_ok();
        entry.inode = if fits && !(self.options.renumber_inodes || self.options.reproducible) {
            meta.ino()
        } else {
            let next = self.inodes.len() as u64 + 1;
            *self.inodes.entry((meta.dev(), meta.ino())).or_insert(next)
        };
        let mut link = Vec::new();
        let mut file = None;
        if sort.is_symlink() {
            link = fs::read_link(path).on("read", path)?.as_os_str().as_bytes().to_vec();
            entry.size = link.len() as u64;
        } else if sort.is_file() && data {
            let opened = File::open(path).on("open", path)?;
            entry.size = meta.len();
            if self.format == Format::Crc {
                entry.sum = sum(&opened).on("read", path)?;
            }
            file = Some(opened);
        }
        self.header(&entry).on("pack", path)?;
        let written = match file {
            // A file that shrinks is filled up, or the archive would be none.
            Some(file) => io::copy(&mut file.chain(io::repeat(0)).take(entry.size), &mut self.out),
            None => self.out.write_all(&link).map(|()| link.len() as u64),
        };
        self.at += written.on("pack", path)?;
        let filling = self.at.next_multiple_of(self.format.align()) - self.at;
        self.out.write_all(&[0; 4][..filling as usize]).doing("write the archive")?;
        self.at += filling;
        if self.options.reset_access_time && meta.is_file() {
            let times = fs::FileTimes::new().set_accessed(meta.accessed().on("look at", path)?);
            File::open(path).and_then(|file| file.set_times(times)).on("set the time of", path)?;
        }
        Ok(())
    }

    fn header(&mut self, entry: &Entry) -> io::Result<()> {
        let bytes = self.format.header(entry)?;
        self.out.write_all(&bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// Sum of all bytes.
fn sum(mut file: &File) -> io::Result<u32> {
    let mut sum = 0_u32;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            file.rewind()?;
            return Ok(sum);
        }
        sum = buffer[..read].iter().fold(sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    }
}
