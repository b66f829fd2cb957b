//! Files: read whole, and written so that a write that fails leaves the file as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::{FallocateFlags, fallocate};

/// All bytes of a file; none if it is not there.
///
/// # Errors
/// It can't be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).on("open", path),
    };
    if file.metadata().on("read", path)?.is_dir() {
        return Err(Error::new(format!("read {}: is a directory", path.display())));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).on("read", path)?;
    Ok(Some(text))
}

/// Writes a file. A plain one is replaced by a new one with the same owner and mode; links, devices and what has no room beside
/// it are written in their place, after the room for it was taken.
///
/// # Errors
/// It can't be written; it is then as it was.
pub fn write(path: &Path, text: &[u8]) -> Result<()> {
    let known = fs::symlink_metadata(path).ok();
    let plain = known.as_ref().is_none_or(|data| data.is_file() && data.nlink() == 1);
    if plain && let Some(done) = replace(path, text, known.as_ref()) {
        return done.on("write", path);
    }
    in_place(path, text).on("write", path)
}

/// By a new file that takes the name; none if that is no way here.
fn replace(path: &Path, text: &[u8], known: Option<&fs::Metadata>) -> Option<io::Result<()>> {
    let beside = beside(path);
    // The file itself must be one that may be written: a new one is no way round its mode.
    if known.is_some() && OpenOptions::new().write(true).open(path).is_err() {
        return None;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o666).open(&beside).ok()?;
    let prepared = known.map_or(Ok(()), |data| {
        let same = file.metadata().is_ok_and(|new| (new.uid(), new.gid()) == (data.uid(), data.gid()));
        let owned = if same { Ok(()) } else { fchown(&file, Some(data.uid()), Some(data.gid())) };
        owned.and_then(|()| file.set_permissions(fs::Permissions::from_mode(data.mode() & 0o7777)))
    });
    if prepared.is_err() {
        let _ = fs::remove_file(&beside);
        return None;
    }
    let written = file.write_all(text).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    Some(written)
}

fn in_place(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    let plain = file.metadata()?.is_file();
    if plain && !text.is_empty() {
        match fallocate(&file, FallocateFlags::KEEP_SIZE, 0, text.len() as u64) {
            // A file system without the call finds out when it writes.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(e) => return Err(e.into()),
        }
    }
    file.write_all(text)?;
    if plain {
        file.set_len(text.len() as u64)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Appends to a file.
///
/// # Errors
/// It can't be written.
pub fn append(path: &Path, text: &[u8]) -> Result<()> {
    OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| file.write_all(text)).on("write", path)
}

/// Name of a new file in the same directory.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.vi", std::process::id()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn mode_and_links_are_kept() {
        let dir = std::env::temp_dir().join(format!("kutties-vi-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("file");
        fs::write(&file, "old and long").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        let link = dir.join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"by the link").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(read(&file).unwrap().unwrap(), b"by the link");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "nothing is left beside them");
        assert!(write(Path::new("/dev/full"), b"x").is_err());
        fs::remove_dir_all(&dir).unwrap();
    }
}
