//! Files to search: operands, and what lies below directories.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use kit::{Context, Exit, Result, glob};

use super::options::{Devices, Directories, Options};
use super::search::Search;

/// Names of files that are searched or not.
pub(super) struct Globs {
    /// In the order given, with true for those that are searched. The last that fits decides.
    files: Vec<(bool, Vec<u8>)>,
    directories: Vec<Vec<u8>>,
}

impl Globs {
    pub fn new(options: &Options, matches: &ArgMatches) -> Result<Self> {
        let places = |id: &str| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
        let mut files = Vec::new();
        for (id, globs, wanted) in [("include", &options.include, true), ("exclude", &options.exclude, false)] {
            let globs = globs.iter().map(|glob| (wanted, glob.as_bytes().to_vec()));
            files.extend(places(id).into_iter().zip(globs));
        }
        for (place, file) in places("exclude_from").into_iter().zip(&options.exclude_from) {
            let text = fs::read(file).on("read", file).map_err(|e| e.with_exit(Exit::USAGE))?;
            let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            files.extend(lines.map(|line| (place, (false, line.to_vec()))));
        }
        files.sort_by_key(|(place, _)| *place);
        let bare = |glob: &OsString| {
            let mut glob = glob.clone().into_vec();
            while glob.len() > 1 && glob.last() == Some(&b'/') {
                glob.pop();
            }
            glob
        };
        let directories = options.exclude_dir.iter().map(bare).collect();
        Ok(Self { files: files.into_iter().map(|(_, glob)| glob).collect(), directories })
    }

    /// Tell if a file is searched. A name that was given fits with any of its ends.
    fn wants_file(&self, path: &Path, given: bool) -> bool {
        let default = self.files.first().is_none_or(|(wanted, _)| !wanted);
        let last = self.files.iter().rev().find(|(_, glob)| fits(glob, path, given));
        last.map_or(default, |(wanted, _)| *wanted)
    }

    fn wants_directory(&self, path: &Path, given: bool) -> bool {
        !self.directories.iter().any(|glob| fits(glob, path, given))
    }
}

fn fits(glob: &[u8], path: &Path, given: bool) -> bool {
    let name = path.file_name().unwrap_or(path.as_os_str()).as_bytes();
    if !given {
        return glob::matches(glob, name);
    }
    let whole = path.as_os_str().as_bytes();
    let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).any(|start| glob::matches(glob, &whole[start..]))
}

impl Search {
    /// A file that was named. True when there is nothing more to look for.
    pub fn operand(&mut self, path: &Path) -> Result<bool> {
        if path == Path::new("-") {
            return self.standard_input();
        }
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) => {
                self.complain(path, e);
                return Ok(false);
            }
        };
        if !meta.is_dir() {
            return if self.globs.wants_file(path, true) { self.file(path, &meta, true) } else { Ok(false) };
        }
        match self.options.directories() {
            Directories::Recurse => {
                let wanted = self.bare || self.globs.wants_directory(path, true);
                if wanted { self.tree(path, &mut Vec::new()) } else { Ok(false) }
            }
            Directories::Skip => Ok(false),
            Directories::Read => {
                self.failed = true;
                self.say_of(path, "is a directory");
                self.sum_up(path.as_os_str(), 0).map(|()| false)
            }
        }
    }

    /// All files below a directory. `above` holds the directories on the way, to notice a circle of links.
    fn tree(&mut self, path: &Path, above: &mut Vec<(u64, u64)>) -> Result<bool> {
        let read = fs::metadata(path).and_then(|meta| fs::read_dir(path).map(|entries| (meta, entries)));
        let (meta, entries) = match read {
            Ok(read) => read,
            Err(e) => {
                self.complain(path, e);
                return Ok(false);
            }
        };
        let id = (meta.dev(), meta.ino());
        if above.contains(&id) {
            self.say_of(path, "a link leads back here");
            return Ok(false);
        }
        above.push(id);
        let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        below.sort();
        for path in below {
            // Nobody named the working directory, so its name is not printed.
            let path = if self.bare { path.strip_prefix(".").map_or(path.clone(), Path::to_owned) } else { path };
            if self.below(&path, above)? {
                return Ok(true);
            }
        }
        above.pop();
        Ok(false)
    }

    /// A file below a directory that was named.
    fn below(&mut self, path: &Path, above: &mut Vec<(u64, u64)>) -> Result<bool> {
        let follows = self.options.dereference_recursive;
        let meta = match if follows { fs::metadata(path) } else { fs::symlink_metadata(path) } {
            Ok(meta) => meta,
            Err(e) => {
                self.complain(path, e);
                return Ok(false);
            }
        };
        if meta.is_dir() {
            return if self.globs.wants_directory(path, false) { self.tree(path, above) } else { Ok(false) };
        }
        if meta.is_symlink() || !self.globs.wants_file(path, false) {
            return Ok(false);
        }
        self.file(path, &meta, false)
    }

    fn file(&mut self, path: &Path, meta: &Metadata, given: bool) -> Result<bool> {
        let kind = meta.file_type();
        let device = kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket();
        // A pipe that is found on the way would wait without end.
        let skips = self.options.devices.map_or(!given, |action| action == Devices::Skip);
        if device && skips {
            return Ok(false);
        }
        match File::open(path) {
            Ok(file) => self.input(file, path.as_os_str(), Some(meta)),
            Err(e) => {
                self.complain(path, e);
                Ok(false)
            }
        }
    }
}
