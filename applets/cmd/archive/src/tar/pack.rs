//! Files into an archive.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use kit::{Context, Error, Exit, Result, account, out};
use tar::{Builder, EntryType, Header};

use super::Options;

/// Make the archive.
pub(super) fn pack(options: &Options) -> Result<Exit> {
    if options.names.is_empty() {
        return Err(Error::usage("give files to pack"));
    }
    let name = options.file.as_deref().filter(|f| *f != Path::new("-"));
    let says_gzip = options.auto_compress && name.is_some_and(|n| n.extension().is_some_and(|e| e == "gz" || e == "tgz"));
    let other = options.auto_compress && !says_gzip && name.is_some_and(|n| n.extension().is_some_and(|e| e != "tar"));
    if options.xz || options.zstd || other {
        return Err(Error::usage("packing knows no compression but gzip"));
    }
    let sink: Box<dyn Write> = match name {
        Some(name) => Box::new(BufWriter::new(File::create(name).on("make", name)?)),
        None => Box::new(out()),
    };
    let mut packer = Packer { options, links: Vec::new(), failed: false };
    if options.gzip || says_gzip {
        let mut builder = Builder::new(GzEncoder::new(sink, Compression::default()));
        packer.all(&mut builder)?;
        let encoder = builder.into_inner().doing("write the archive")?;
        encoder.finish().and_then(|mut sink| sink.flush()).doing("write the archive")?;
    } else {
        let mut builder = Builder::new(sink);
        packer.all(&mut builder)?;
        builder.into_inner().and_then(|mut sink| sink.flush()).doing("write the archive")?;
    }
    Ok(if packer.failed { Exit::USAGE } else { Exit::OK })
}

struct Packer<'a> {
    options: &'a Options,
    /// Files with several names, and the name that was packed: device, inode, name.
    links: Vec<(u64, u64, PathBuf)>,
    failed: bool,
}

impl Packer<'_> {
    fn all<W: Write>(&mut self, to: &mut Builder<W>) -> Result<()> {
        let base = self.options.directory.clone().unwrap_or_default();
        for name in &self.options.names {
            self.tree(to, &base.join(name), name)?;
        }
        Ok(())
    }

    /// A file, and all below a folder. One that can't be read is told and left out.
    fn tree<W: Write>(&mut self, to: &mut Builder<W>, path: &Path, name: &Path) -> Result<()> {
        let stored = relative(name);
        if self.options.excludes(stored.as_os_str().as_bytes()) {
            return Ok(());
        }
        let meta = if self.options.dereference { fs::metadata(path) } else { fs::symlink_metadata(path) };
        let meta = match meta.on("look at", path) {
            Ok(meta) => meta,
            Err(e) => {
                self.complain(&e);
                return Ok(());
            }
        };
        if self.options.verbose > 0 {
            // Names go where the archive does not.
            let _ = writeln!(io::stderr(), "{}", name.display());
        }
        self.one(to, path, &stored, &meta)?;
        if !meta.is_dir() {
            return Ok(());
        }
        let mut below: Vec<PathBuf> = match fs::read_dir(path).on("read", path) {
            Ok(entries) => entries.flatten().map(|e| e.file_name().into()).collect(),
            Err(e) => {
                self.complain(&e);
                return Ok(());
            }
        };
        // The same files give the same archive.
        below.sort();
        below.iter().try_for_each(|entry| self.tree(to, &path.join(entry), &name.join(entry)))
    }

    fn one<W: Write>(&mut self, to: &mut Builder<W>, path: &Path, name: &Path, meta: &Metadata) -> Result<()> {
        if meta.file_type().is_socket() {
            // An archive has no such thing; whoever made the socket makes it again. As GNU: no failure.
            let _ = writeln!(io::stderr(), "tar: {}: socket ignored", path.display());
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.set_metadata(meta);
        if !self.options.numeric_owner {
            header.set_username(&account::user_name(meta.uid())).on("pack", path)?;
            header.set_groupname(&account::group_name(meta.gid())).on("pack", path)?;
        }
        let failed = |e: io::Error| Err::<(), _>(e).on("pack", path);
        if let Some(first) = self.link(name, meta) {
            header.set_entry_type(EntryType::Link);
            header.set_size(0);
            return to.append_link(&mut header, name, first).or_else(failed);
        }
        if meta.is_symlink() {
            let target = fs::read_link(path).on("read", path)?;
            return to.append_link(&mut header, name, target).or_else(failed);
        }
        if !meta.is_file() {
            header.set_size(0);
            if meta.file_type().is_char_device() || meta.file_type().is_block_device() {
                let device = meta.rdev();
                header.set_device_major(rustix::fs::major(device)).on("pack", path)?;
                header.set_device_minor(rustix::fs::minor(device)).on("pack", path)?;
            }
            let slash = if meta.is_dir() && name != Path::new(".") {
                [name.as_os_str(), "/".as_ref()].iter().copied().collect()
            } else {
                name.as_os_str().to_owned()
            };
            return to.append_data(&mut header, slash, io::empty()).or_else(failed);
        }
        match File::open(path).on("open", path) {
            // A file that grows meanwhile is packed as long as it was; one that shrinks is filled up, or the archive would be none.
            Ok(file) => to.append_data(&mut header, name, exactly(file, meta.len())).or_else(failed),
            Err(e) => {
                self.complain(&e);
                Ok(())
            }
        }
    }

    /// The name under which this file was packed already.
    fn link(&mut self, name: &Path, meta: &Metadata) -> Option<PathBuf> {
        if meta.is_dir() || meta.nlink() < 2 {
            return None;
        }
        let key = (meta.dev(), meta.ino());
        let found = self.links.iter().find(|(d, i, _)| (*d, *i) == key).map(|(.., first)| first.clone());
        if found.is_none() {
            self.links.push((key.0, key.1, name.to_owned()));
        }
        found
    }

    fn complain(&mut self, e: &Error) {
        self.failed = true;
        // Nothing is left to tell it to when standard error is closed.
        let _ = writeln!(io::stderr(), "tar: {e}");
    }
}

/// A name without a root or a way up.
fn relative(name: &Path) -> PathBuf {
    let parts = name.components().filter(|c| matches!(c, Component::Normal(_)));
    let plain: PathBuf = parts.collect();
    if plain.as_os_str().is_empty() { ".".into() } else { plain }
}

fn exactly(file: File, len: u64) -> impl io::Read {
    use io::Read;
    file.chain(io::repeat(0)).take(len)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

    use super::super::TAR;
    use super::*;

    #[test]
    fn sockets_are_left_out_and_devices_keep_their_numbers() {
        let dir = std::env::temp_dir().join(format!("kutties-pack-{}", std::process::id()));
        fs::create_dir_all(dir.join("in")).unwrap();
        fs::write(dir.join("in/file"), "text").unwrap();
        let _socket = UnixListener::bind(dir.join("in/socket")).unwrap();
        // Not everybody may make one.
        let device = mknodat(CWD, dir.join("in/null"), FileType::CharacterDevice, Mode::RUSR, makedev(1, 259)).is_ok();
        let archive = dir.join("a.tar");
        let args = [Path::new("tar"), Path::new("-cf"), &archive, Path::new("-C"), &dir, Path::new("in")];
        let args: Vec<_> = args.iter().map(|arg| arg.as_os_str().to_owned()).collect();
        assert_eq!((TAR.run)(&args).unwrap(), Exit::OK);
        let mut names = Vec::new();
        let mut read = tar::Archive::new(File::open(&archive).unwrap());
        for entry in read.entries().unwrap() {
            let entry = entry.unwrap();
            names.push(entry.path().unwrap().display().to_string());
            if entry.header().entry_type() == EntryType::Char {
                let header = entry.header();
                assert_eq!((header.device_major().unwrap(), header.device_minor().unwrap()), (Some(1), Some(259)));
            }
        }
        let expected: &[&str] = if device { &["in/", "in/file", "in/null"] } else { &["in/", "in/file"] };
        assert_eq!(names, expected);
        fs::remove_dir_all(dir).unwrap();
    }
}
