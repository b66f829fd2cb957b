//! Files out of an archive.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use kit::{Context, Error, Exit, Result, out};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, chmodat, makedev, mknodat, utimensat};
use tar::{Archive, Entry, EntryType, Header};

use super::Options;

/// Unpack into the folder.
pub(super) fn unpack(options: &Options) -> Result<Exit> {
    let base = options.directory.clone().unwrap_or_else(|| ".".into());
    let base = fs::canonicalize(&base).on("enter", &base)?;
    let root = rustix::process::geteuid().is_root();
    let mut archive = Archive::new(open(options)?);
    let preserve = (root || options.preserve_permissions) && !options.no_same_permissions;
    archive.set_preserve_permissions(preserve);
    if !preserve {
        archive.set_mask(umask());
    }
    archive.set_preserve_ownerships((root || options.same_owner) && !options.no_same_owner);
    archive.set_preserve_mtime(!options.touch);
    archive.set_unpack_xattrs(root);
    archive.set_overwrite(true);
    let mut failed = false;
    // A folder's mode comes last: it may forbid what has to be written into it.
    let mut folders = Vec::new();
    let mut wanted = Wanted::new(&options.names);
    for entry in archive.entries().doing("read the archive")? {
        let mut entry = entry.doing("read the archive")?;
        let name = entry.path().doing("read a name in the archive")?.into_owned();
        if !wanted.has(&name) || options.excludes(name.as_os_str().as_bytes()) {
            continue;
        }
        let done = match stripped(&name, options.strip_components) {
            Some(_) if options.to_stdout => print(&mut entry),
            Some(stripped) if entry.header().entry_type() == EntryType::Directory => {
                let done = folder_place(&base, &stripped).and_then(|path| fs::create_dir_all(&path).on("make", &path));
                folders.push((stripped, entry));
                done
            }
            Some(stripped) => one(&mut entry, &base, &stripped, options),
            None => Ok(()),
        };
        if options.verbose > 0 && done.is_ok() {
            say(&name, options.to_stdout);
        }
        failed |= complain(done);
    }
    // The deepest first, so that a folder's time is set after everything in it.
    folders.sort_by(|(a, _), (b, _)| b.cmp(a));
    for (name, mut entry) in folders {
        failed |= complain(finish_folder(&mut entry, &base, &name, options));
    }
    Ok(if wanted.complain() || failed { Exit::USAGE } else { Exit::OK })
}

/// The names in the archive.
pub(super) fn list(options: &Options) -> Result<Exit> {
    let mut archive = Archive::new(open(options)?);
    let mut out = out();
    let mut wanted = Wanted::new(&options.names);
    for entry in archive.entries().doing("read the archive")? {
        let entry = entry.doing("read the archive")?;
        let name = entry.path().doing("read a name in the archive")?.into_owned();
        if !wanted.has(&name) || options.excludes(name.as_os_str().as_bytes()) {
            continue;
        }
        let line = if options.verbose > 0 { long(&entry, &name)? } else { name.display().to_string() };
        writeln!(out, "{line}").doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(if wanted.complain() { Exit::USAGE } else { Exit::OK })
}

/// The archive without its compression, which its first bytes tell.
fn open(options: &Options) -> Result<Box<dyn Read>> {
    let name = options.file.as_deref().filter(|f| *f != Path::new("-"));
    let mut reader: Box<dyn BufRead> = match name {
        Some(name) => Box::new(BufReader::new(File::open(name).on("open", name)?)),
        None => Box::new(BufReader::new(io::stdin())),
    };
    let start = reader.fill_buf().doing("read the archive")?;
    Ok(match start {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(reader)),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Box::new(lzma_rust2::XzReader::new(reader, true)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(ruzstd::decoding::StreamingDecoder::new(reader).doing("unpack the archive")?),
        _ if options.gzip || options.xz || options.zstd => {
            return Err(Error::new("the archive is not compressed as was said"));
        }
        _ => reader,
    })
}

/// A file, link or device at its place.
fn one(entry: &mut Entry<impl Read>, base: &Path, name: &Path, options: &Options) -> Result<()> {
    let path = place(base, name)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).on("make", parent)?;
    }
    let there = fs::symlink_metadata(&path);
    if options.keep_old_files && there.is_ok() {
        return Err(Error::new(format!("{}: there already", name.display())));
    }
    if there.is_ok_and(|m| !m.is_dir()) {
        // A link in the way would be followed.
        fs::remove_file(&path).on("remove", &path)?;
    }
    if entry.header().entry_type() == EntryType::Link {
        let target = entry.link_name().on("read the link", name)?.unwrap_or_default().into_owned();
        let target = stripped(&target, options.strip_components).unwrap_or(target);
        return fs::hard_link(place(base, &target)?, &path).on("link", name);
    }
    match entry.header().entry_type() {
        EntryType::Fifo => special(entry.header(), &path, FileType::Fifo, options),
        EntryType::Char => special(entry.header(), &path, FileType::CharacterDevice, options),
        EntryType::Block => special(entry.header(), &path, FileType::BlockDevice, options),
        _ => entry.unpack(&path).map(|_| ()).on("unpack", name),
    }
}

/// A folder's mode, owner and time.
fn finish_folder(entry: &mut Entry<impl Read>, base: &Path, name: &Path, options: &Options) -> Result<()> {
    let path = folder_place(base, name)?;
    entry.unpack(&path).on("unpack", name)?;
    set_time(&path, entry.header(), options)
}

fn set_time(path: &Path, header: &Header, options: &Options) -> Result<()> {
    if options.touch {
        return Ok(());
    }
    let time = Timespec { tv_sec: header.mtime().on("read the time of", path)?.cast_signed(), tv_nsec: 0 };
    utimensat(CWD, path, &Timestamps { last_access: time, last_modification: time }, AtFlags::SYMLINK_NOFOLLOW)
        .on("set the time of", path)
}

/// Named pipes and devices.
fn special(header: &Header, path: &Path, kind: FileType, options: &Options) -> Result<()> {
    let number = |found: io::Result<Option<u32>>| found.ok().flatten().unwrap_or(0);
    let device = makedev(number(header.device_major()), number(header.device_minor()));
    let mode = Mode::from_raw_mode(header.mode().on("read the mode of", path)? & 0o7777);
    mknodat(CWD, path, kind, mode, device).on("make", path)?;
    if rustix::process::geteuid().is_root() {
        chmodat(CWD, path, mode, AtFlags::empty()).on("set the mode of", path)?;
        if !options.no_same_owner {
            let id = |found: io::Result<u64>| found.ok().and_then(|id| u32::try_from(id).ok());
            std::os::unix::fs::lchown(path, id(header.uid()), id(header.gid())).on("set the owner of", path)?;
        }
    }
    set_time(path, header, options)
}

/// Where a name goes: never out of `base`, neither by its own parts nor through a link that the archive, or somebody else, put there.
fn place(base: &Path, name: &Path) -> Result<PathBuf> {
    let mut path = base.to_owned();
    let mut parts = name.components().peekable();
    while let Some(part) = parts.next() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => continue,
            _ => return Err(Error::new(format!("{}: refused, it leads out of the folder", name.display()))),
        }
        let is_link = fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink());
        if is_link && parts.peek().is_some() && !fs::canonicalize(&path).is_ok_and(|real| real.starts_with(base)) {
            return Err(Error::new(format!("{}: refused, a link in it leads out of the folder", name.display())));
        }
    }
    Ok(path)
}

/// The same for a folder: a link in its place must not lead out either.
fn folder_place(base: &Path, name: &Path) -> Result<PathBuf> {
    let path = place(base, name)?;
    let is_link = fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink());
    if is_link && !fs::canonicalize(&path).is_ok_and(|real| real.starts_with(base)) {
        return Err(Error::new(format!("{}: refused, a link leads out of the folder", name.display())));
    }
    Ok(path)
}

/// What new files' modes go without; asking the call for it would change it.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("Umask:")?.trim(), 8).ok());
    mask.unwrap_or(0o022)
}

/// Without its root and its first parts; none when nothing is left.
fn stripped(name: &Path, count: usize) -> Option<PathBuf> {
    let parts = name.components().filter(|c| !matches!(c, Component::RootDir | Component::CurDir));
    let rest: PathBuf = parts.skip(count).collect();
    if rest.as_os_str().is_empty() { (count == 0).then(|| ".".into()) } else { Some(rest) }
}

fn print(entry: &mut Entry<impl Read>) -> Result<()> {
    let mut out = out();
    io::copy(entry, &mut out).and_then(|_| out.flush()).doing("write standard output")
}

/// As `ls -l` would show it.
fn long(entry: &Entry<impl Read>, name: &Path) -> Result<String> {
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Directory => 'd',
        EntryType::Symlink => 'l',
        EntryType::Link => 'h',
        EntryType::Char => 'c',
        EntryType::Block => 'b',
        EntryType::Fifo => 'p',
        _ => '-',
    };
    let mode = header.mode().doing("read the archive")?;
    let bits: String = (0..9).map(|i| if mode & (0o400 >> i) == 0 { '-' } else { ['r', 'w', 'x'][i % 3] }).collect();
    let owner = |name: Option<&str>, id: u64| name.filter(|n| !n.is_empty()).map_or_else(|| id.to_string(), str::to_owned);
    let user = owner(header.username().ok().flatten(), header.uid().unwrap_or(0));
    let group = owner(header.groupname().ok().flatten(), header.gid().unwrap_or(0));
    let target = entry.link_name().ok().flatten().map(std::borrow::Cow::into_owned);
    let target = match (kind, target) {
        ('l', Some(t)) => format!(" -> {}", t.display()),
        ('h', Some(t)) => format!(" link to {}", t.display()),
        _ => String::new(),
    };
    Ok(format!("{kind}{bits} {user}/{group} {:>9} {}{target}", header.size().unwrap_or(0), name.display()))
}

fn say(name: &Path, output_is_taken: bool) {
    // Nothing is left to tell it to when the stream is closed.
    let _ =
        if output_is_taken { writeln!(io::stderr(), "{}", name.display()) } else { writeln!(io::stdout(), "{}", name.display()) };
}

/// Say what went wrong, if anything; the others go on.
fn complain(done: Result<()>) -> bool {
    let failed = done.is_err();
    if let Err(e) = done {
        // As above.
        let _ = writeln!(io::stderr(), "tar: {e}");
    }
    failed
}

/// The names that were asked for, and whether each was found.
struct Wanted<'a>(Vec<(&'a Path, bool)>);

impl<'a> Wanted<'a> {
    fn new(names: &'a [PathBuf]) -> Self {
        Self(names.iter().map(|n| (n.as_path(), false)).collect())
    }

    fn has(&mut self, name: &Path) -> bool {
        let plain = |p: &Path| -> PathBuf { p.components().filter(|c| *c != Component::CurDir).collect() };
        let found = self.0.iter_mut().find(|(wanted, _)| plain(name).starts_with(plain(wanted)));
        match found {
            Some((_, seen)) => {
                *seen = true;
                true
            }
            None => self.0.is_empty(),
        }
    }

    /// Say which were not there.
    fn complain(&self) -> bool {
        self.0
            .iter()
            .filter(|(_, seen)| !seen)
            .any(|(name, _)| complain(Err(Error::new(format!("{}: not in the archive", name.display())))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn no_name_leads_out() {
        let base = std::env::temp_dir().join(format!("tar-{}", std::process::id()));
        fs::create_dir_all(base.join("in")).unwrap();
        std::os::unix::fs::symlink("/etc", base.join("out")).unwrap();
        std::os::unix::fs::symlink("in", base.join("inner")).unwrap();
        let base = fs::canonicalize(&base).unwrap();
        assert!(place(&base, Path::new("../x")).is_err());
        assert!(place(&base, Path::new("out/passwd")).is_err());
        assert_eq!(place(&base, Path::new("out")).unwrap(), base.join("out"));
        assert_eq!(place(&base, Path::new("./inner/x")).unwrap(), base.join("inner/x"));
        fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn parts_are_stripped() {
        assert_eq!(stripped(Path::new("/a/b/c"), 1), Some("b/c".into()));
        assert_eq!(stripped(Path::new("./a"), 1), None);
        assert_eq!(stripped(Path::new("./"), 0), Some(".".into()));
    }
}
