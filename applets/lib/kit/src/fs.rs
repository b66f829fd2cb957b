//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::{Context, Result};

/// Form of a new file.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Permissions, from which the umask takes.
    pub mode: u32,
    /// Its content and its name must outlive a loss of power.
    pub sync: bool,
}

impl Form {
    /// For all to read, and not worth waiting for a disk.
    pub const PLAIN: Self = Self { mode: 0o666, sync: false };
    /// For root alone: there may be a secret in it.
    pub const SECRET: Self = Self { mode: 0o600, sync: false };
    /// For all to read; a loss of power leaves the old file or the new one.
    pub const DURABLE: Self = Self { mode: 0o666, sync: true };
}

/// Puts a file in the place of another: readers see the old one or the new one, whole.
pub fn replace(path: &Path, content: impl AsRef<[u8]>, form: Form) -> Result<()> {
    Beside::write(path, content, form)?.put()
}

/// New file that lies beside the one whose place it shall take, as `NAME.new`. It is removed when it does not come to that:
/// half a file is of no use, and there may be no room for it.
#[derive(Debug)]
pub struct Beside<'a> {
    path: &'a Path,
    new: Option<PathBuf>,
    sync: bool,
}

impl<'a> Beside<'a> {
    /// Writes it. What an interrupted writer left is in the way and goes; so no old permissions, and no link, are in use.
    pub fn write(path: &'a Path, content: impl AsRef<[u8]>, form: Form) -> Result<Self> {
        let beside = Self { path, new: Some(path.with_added_extension("new")), sync: form.sync };
        let new = beside.new.as_deref().unwrap_or(path);
        // Mostly there is none.
        let _ = fs::remove_file(new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(form.mode).open(new).on("write", path)?;
        file.write_all(content.as_ref()).on("write", path)?;
        if form.sync {
            file.sync_all().on("write", path)?;
        }
        Ok(beside)
    }

    /// Puts it into its place.
    pub fn put(mut self) -> Result<()> {
        let Some(new) = self.new.take() else { return Ok(()) };
        fs::rename(&new, self.path).on("replace", self.path).inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })?;
        match self.path.parent() {
            Some(parent) if self.sync => File::open(parent).and_then(|dir| dir.sync_all()).on("sync", parent),
            _ => Ok(()),
        }
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        if let Some(new) = &self.new {
            let _ = fs::remove_file(new);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = std::env::temp_dir().join(format!("kit-fs-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (path, other) = (dir.join("a.json"), dir.join("other"));
        fs::write(&other, "other").unwrap();
        symlink(&other, dir.join("a.json.new")).unwrap();
        replace(&path, "one", Form::SECRET).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        replace(&path, "two", Form::DURABLE).unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"two".to_vec(), b"other".to_vec()));
        drop(Beside::write(&path, "three", Form::PLAIN).unwrap());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
        assert!(replace(&dir, "x", Form::PLAIN).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        fs::remove_dir_all(&dir).unwrap();
        let _ = fs::remove_file(dir.with_added_extension("new"));
    }
}
