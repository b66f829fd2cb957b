//! Lists of directories in incremental archives: what a directory has besides goes when it is unpacked.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;

use kit::{Context, Error, Result};
use rustix::fs::{AtFlags, Dir, FileType, RenameFlags, renameat_with, statat};

use crate::files::member::{Kind, Member};
use crate::files::names::safe;
use crate::files::old::remove;
use crate::files::place::Place;

/// Bytes of a list: a million names and more.
const MAX_LIST: u64 = 64 << 20;

/// The list of a member, if it is a directory that has one; read from the archive where that is its data.
pub(super) fn list(reader: &mut impl Read, member: &Member) -> Result<Option<Vec<u8>>> {
    if member.kind != Kind::Directory || (member.list.is_none() && member.size == 0) {
        return Ok(None);
    }
    if let Some(list) = &member.list {
        return Ok(Some(list.clone()));
    }
    if member.size > MAX_LIST {
        return Err(Error::new(format!("{}: the list of the directory is too long", String::from_utf8_lossy(&member.name))));
    }
    let mut list = Vec::new();
    reader.take(member.size).read_to_end(&mut list).doing("read the archive")?;
    Ok(Some(list))
}

/// Letters and names of a list.
pub(super) fn entries(list: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    list.split(|byte| *byte == 0).filter_map(|word| word.split_first()).map(|(letter, name)| (*letter, name))
}

/// Give directories the new names that a list tells: their files are not in the archive once more.
fn rename(place: &mut Place, list: &[u8]) -> io::Result<()> {
    let mut old = None;
    for (letter, name) in entries(list) {
        match (letter, old.take()) {
            (b'R', _) => old = Some(name),
            (b'T', Some(old)) => {
                let (from, to) = (place.spot(safe(old).0, false)?, place.spot(safe(name).0, place.makes)?);
                renameat_with(&from.parent, &from.name, &to.parent, &to.name, RenameFlags::NOREPLACE)?;
                place.forget();
            }
            (b'X', _) => return Err(io::Error::other("directories that took each other's names are not unpacked")),
            _ => {}
        }
    }
    Ok(())
}

/// Rename directories as a list tells, and remove what is not in it, or of another sort than there.
pub(super) fn purge(place: &mut Place, name: &[u8], list: &[u8], tell: bool) -> io::Result<()> {
    rename(place, list)?;
    let known: HashMap<&[u8], u8> =
        entries(list).filter(|(letter, _)| b"DNY".contains(letter)).map(|(letter, name)| (name, letter)).collect();
    let directory = place.directory(name)?;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let word = entry.file_name().to_bytes();
        if word == b"." || word == b".." {
            continue;
        }
        let file = OsStr::from_bytes(word);
        let is_directory =
            || statat(&directory, file, AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
        let stays = match known.get(word) {
            Some(b'D') => is_directory()?,
            Some(b'Y') => !is_directory()?,
            other => other.is_some(),
        };
        if stays {
            continue;
        }
        if tell {
            let whole = [name.strip_suffix(b"/").unwrap_or(name), b"/", word].concat();
            // A closed standard output loses the message.
            let _ = writeln!(io::stdout(), "tar: Deleting '{}'", String::from_utf8_lossy(&whole));
        }
        remove(&directory, file)?;
        place.forget();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::fs;

    use super::*;

    #[test]
    fn what_is_not_in_the_list_goes() {
        let dir = std::env::temp_dir().join(format!("tar-purge-{}", std::process::id()));
        fs::create_dir_all(dir.join("d/old/deep")).unwrap();
        for file in ["kept", "gone", "same", "old/deep/x", "was-a-directory"] {
            fs::write(dir.join("d").join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("/", dir.join("d/link")).unwrap();
        let mut place = Place::new(&dir).unwrap();
        purge(&mut place, b"d/", b"Rd/old\0Td/new\0Ykept\0Dnew\0Nsame\0Dwas-a-directory\0Tother\0\0", false).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.join("d")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["kept", "new", "same"]);
        assert!(dir.join("d/new/deep/x").exists());
        // A name that leads out is taken without what leads there.
        purge(&mut place, b"d/", b"Rd/new\0T../new\0Ykept\0Ysame\0", false).unwrap();
        assert!(dir.join("new/deep/x").exists());
        assert!(fs::metadata("/etc").is_ok());
        assert!(purge(&mut place, b"../", b"\0", false).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
