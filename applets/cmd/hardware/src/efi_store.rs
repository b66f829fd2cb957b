//! Variables of the UEFI firmware as efivarfs shows them: a file each, `NAME-GUID`, with attributes in its first four bytes.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::attribute::{bounded, entries, name};

/// GUID of the variables that the standard itself names (UEFI 2.10, chapter 3.3).
pub const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Attributes: kept without power, seen by boot loaders and by systems.
pub const USUAL: u32 = 7;
/// Attribute of a write that adds to a variable.
pub const APPEND: u32 = 0x40;
/// Bytes of a variable: firmware takes some 64 KiB at most.
const LARGEST: u64 = 1 << 20;

/// Directory of variables.
pub struct Store(PathBuf);

impl Store {
    /// That of the system; the environment's `EFIVARFS_PATH` names another one, as it does for libefivar.
    pub fn of_system() -> Result<Self> {
        let named = std::env::var_os("EFIVARFS_PATH").map(PathBuf::from);
        let path = named.unwrap_or_else(|| "/sys/firmware/efi/efivars".into());
        if !path.is_dir() {
            return Err(Error::new("this system was not started by UEFI, or efivarfs is not mounted"));
        }
        Ok(Self(path))
    }

    /// That of a directory.
    #[cfg(test)]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Names with GUIDs, sorted.
    pub fn names(&self) -> Vec<String> {
        entries(&self.0).iter().map(|path| name(path)).filter(|name| split(name).is_some()).collect()
    }

    /// Attributes and value of a variable; none where there is no such variable.
    pub fn read(&self, name: &str) -> Result<Option<(u32, Vec<u8>)>> {
        let path = self.path(name)?;
        if !path.exists() {
            return Ok(None);
        }
        let bytes = bounded(&path, LARGEST)?;
        match bytes.split_first_chunk::<4>() {
            Some((attributes, value)) => Ok(Some((u32::from_le_bytes(*attributes), value.to_vec()))),
            // The kernel shows a variable that was just removed as an empty file.
            None => Ok(None),
        }
    }

    /// Writes a variable, in one call as the firmware takes it.
    pub fn write(&self, name: &str, attributes: u32, value: &[u8]) -> Result<()> {
        let path = self.path(name)?;
        let open = |create| OpenOptions::new().write(true).create(create).open(&path);
        unprotect(&path);
        let mut file = open(true).on("write", &path)?;
        let bytes = [&attributes.to_le_bytes(), value].concat();
        let count = file.write(&bytes).on("write", &path)?;
        if count != bytes.len() {
            return Err(Error::new(format!("write {name}: only a part of it was taken")));
        }
        // A file of efivarfs is as long as what was written; a copy on a disk has to be cut.
        let longer = attributes & APPEND == 0 && file.metadata().on("look at", &path)?.len() > bytes.len() as u64;
        if longer { file.set_len(bytes.len() as u64).on("write", &path) } else { Ok(()) }
    }

    /// Removes a variable.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        unprotect(&path);
        fs::remove_file(&path).on("remove", &path)
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let valid = split(name).is_some() && !name.contains('/');
        if valid { Ok(self.0.join(name)) } else { Err(Error::usage(format!("{name}: not of the form NAME-GUID"))) }
    }
}

/// Takes the protection from a file: the kernel sets it so that no `rm -r` makes a machine unusable.
fn unprotect(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    if let Ok(flags) = ioctl_getflags(&file) {
        // A failure shows in the write.
        let _ = ioctl_setflags(&file, flags - IFlags::IMMUTABLE);
    }
}

/// Name and GUID of `NAME-GUID`.
pub fn split(name: &str) -> Option<(&str, &str)> {
    let at = name.len().checked_sub(37)?;
    let (name, guid) = (name.get(..at)?, name.get(at..)?.strip_prefix('-')?);
    let fits = |(at, c): (usize, char)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { c.is_ascii_hexdigit() };
    (!name.is_empty() && guid.chars().enumerate().all(fits)).then_some((name, guid))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn variables_are_files_with_attributes() {
        let path = std::env::temp_dir().join(format!("efivars-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let (store, name) = (Store::at(&path), format!("Boot0000-{GLOBAL}"));
        assert_eq!(store.read(&name).unwrap(), None);
        store.write(&name, USUAL, b"longer").unwrap();
        store.write(&name, USUAL, b"abc").unwrap();
        assert_eq!(fs::read(path.join(&name)).unwrap(), b"\x07\0\0\0abc");
        assert_eq!((store.read(&name).unwrap(), store.names()), (Some((7, b"abc".to_vec())), vec![name.clone()]));
        store.remove(&name).unwrap();
        assert!(store.remove(&name).is_err() && store.read("../x").is_err() && store.read("x").is_err());
        fs::remove_dir_all(&path).unwrap();
    }
}
