//! Initramfs segments made by a test: a few files with given contents.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use cpio::newc::{Builder, ModeFileType, trailer};
use kit::{Context, Result};

/// A newc archive being made: folders come before what they hold.
#[derive(Default)]
pub struct Segment {
    folders: BTreeSet<String>,
    files: Vec<(String, u32, Vec<u8>)>,
}

impl Segment {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a file with an absolute path; the folders above it are added too.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, data: impl Into<Vec<u8>>) -> Self {
        let path = path.trim_start_matches('/');
        for (at, _) in path.match_indices('/') {
            self.folders.insert(path[..at].to_owned());
        }
        self.files.push((path.to_owned(), mode, data.into()));
        self
    }

    /// Add a file of the host.
    pub fn host_file(self, path: &str, mode: u32, from: &Path) -> Result<Self> {
        let data = std::fs::read(from).on("read", from)?;
        Ok(self.file(path, mode, data))
    }

    /// Write it.
    pub fn write(&self, to: &Path) -> Result<()> {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).on("make", folder)?;
        }
        let mut out = BufWriter::new(File::create(to).on("make", to)?);
        self.put(&mut out).and_then(|()| out.flush()).on("write", to)
    }

    fn put(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut inode = 0;
        let mut entry = |name: &str, mode: u32, kind: ModeFileType| {
            inode += 1;
            Builder::new(name).ino(inode).nlink(1).mode(mode).set_mode_file_type(kind)
        };
        for folder in &self.folders {
            entry(folder, 0o755, ModeFileType::Directory).write(&mut *out, 0).finish()?;
        }
        for (path, mode, data) in &self.files {
            let mut member = entry(path, *mode, ModeFileType::Regular).write(&mut *out, data.len() as u32);
            member.write_all(data)?;
            member.finish()?;
        }
        trailer(out).map(drop)
    }
}
