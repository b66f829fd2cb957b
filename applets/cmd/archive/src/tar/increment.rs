//! Directories into an incremental archive: each with the list of what is in it, then the files that changed.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use kit::{Context, Result};

use super::create::Packer;
use super::tags::{self, Tag};
use crate::files::names::trimmed;
use crate::files::status::say;

/// Files that are packed behind all directories, by path and name.
type Files = Vec<(PathBuf, Vec<u8>)>;

impl Packer<'_> {
    /// A name of the command line.
    pub(super) fn increment(&mut self, path: &Path, name: &[u8]) -> Result<()> {
        let mut files = Vec::new();
        self.scan(path, name, None, &mut files)?;
        files.into_iter().try_for_each(|(path, name)| self.tree(&path, &name, Some(0)))
    }

    fn scan(&mut self, path: &Path, name: &[u8], device: Option<u64>, files: &mut Files) -> Result<()> {
        if self.left_out(name) {
            return Ok(());
        }
        let Ok(meta) = self.look(path) else { return self.tree(path, name, device) };
        if !meta.is_dir() {
            if self.snapshot.changed(&meta) {
                files.push((path.to_owned(), name.to_vec()));
            }
            return Ok(());
        }
        let tag = tags::of(&self.options.line, path);
        if let Some(Tag { all: true, .. }) = tag {
            return Ok(());
        }
        let known = self.snapshot.knows(trimmed(name), &meta);
        if !known && self.options.verbose > 0 {
            say(format_args!("{}: Directory is new", String::from_utf8_lossy(trimmed(name))));
        }
        let below = match tag {
            Some(tag) => tag.keep,
            None => match self.entries(path).on("read", path) {
                Ok(below) => below,
                Err(e) => {
                    self.unreadable(&Err(e));
                    return Ok(());
                }
            },
        };
        let slashed = if name.ends_with(b"/") { name.to_vec() } else { [name, b"/"].concat() };
        let depth = self.ignored.len();
        tags::ignored(&self.options.line, path, slashed.len(), &mut self.ignored);
        let (list, directories) = self.list(path, &slashed, (below, known, meta.dev()), files);
        self.snapshot.note(trimmed(name), &meta, &list);
        self.next_list = Some(list);
        self.one(path, &slashed, &meta)?;
        for (path, name) in directories {
            self.scan(&path, &name, Some(meta.dev()), files)?;
        }
        self.ignored.truncate(depth);
        Ok(())
    }

    /// The list of a directory, with the directories in it that are entered.
    fn list(&self, path: &Path, slashed: &[u8], of: (Vec<OsString>, bool, u64), files: &mut Files) -> (Vec<u8>, Files) {
        let (below, known, device) = of;
        let one_system = self.options.line.has("one-file-system");
        let (mut list, mut directories) = (Vec::new(), Vec::new());
        for entry in below {
            let (path, name) = (path.join(&entry), [slashed, entry.as_bytes()].concat());
            let Ok(meta) = self.look(&path) else { continue };
            if self.left_out(&name) {
                continue;
            }
            let stays = meta.file_type().is_socket() || self.own == Some((meta.dev(), meta.ino()));
            let letter = match () {
                () if meta.is_dir() && one_system && meta.dev() != device => b'N',
                () if meta.is_dir() => b'D',
                () if stays || (known && !self.snapshot.changed(&meta)) => b'N',
                () => b'Y',
            };
            list.push(letter);
            list.extend([entry.as_bytes(), b"\0"].concat());
            match letter {
                b'D' if self.recursion => directories.push((path, name)),
                b'Y' => files.push((path, name)),
                _ => {}
            }
        }
        list.push(0);
        (list, directories)
    }

    fn look(&self, path: &Path) -> io::Result<Metadata> {
        if self.options.line.has("dereference") { fs::metadata(path) } else { fs::symlink_metadata(path) }
    }
}
