//! The place that a backup goes to: a file, or a server that takes it by PUT.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::{FlockOperation, FsWord, flock};

use crate::http_stream::{self, Url};

/// Stands for the time, and for the Node's name.
const TIME: &str = "${time}";
const NODE: &str = "${hostname}";
/// The name in a directory that is given alone.
const NAME: &str = "${hostname}-${time}.age";
/// Digits and letters of a time, such as 20261130T235959Z.
const TIME_LENGTH: usize = 16;
/// The type of a file system in RAM (statfs(2)).
const TMPFS: FsWord = 0x0102_1994;

/// A place with a name pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file's path.
    File(String),
    /// A URL.
    Put(String),
}

impl Target {
    /// Read a path or a URL.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with("https://") {
            // The pattern's own signs are none of a URL.
            Url::parse(&fill(text, "n", "t"))?;
            return Ok(Self::Put(text.to_owned()));
        }
        if text.contains("://") {
            return Err(Error::usage("a backup goes to a path, or to a URL that begins with https://"));
        }
        match text {
            "" => Err(Error::usage("say where to put the backup: --to FILE|URL, or the key backup.to")),
            _ if text.contains(TIME) || !Path::new(text).is_dir() => Ok(Self::File(text.to_owned())),
            _ => Ok(Self::File(format!("{}/{NAME}", text.trim_end_matches('/')))),
        }
    }

    /// Write a backup of that length there; gives its name. What is not whole is not there.
    pub fn write(&self, node: &str, time: &str, length: u64, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<String> {
        match self {
            Self::File(pattern) => {
                let path = PathBuf::from(fill(pattern, node, time));
                // One name for all times: what a killed backup leaves is written over by the next.
                to_file(&path, &PathBuf::from(fill(pattern, node, "new") + ".part"), write)?;
                Ok(path.display().to_string())
            }
            Self::Put(pattern) => {
                let url = Url::parse(&fill(pattern, node, time))?;
                http_stream::put(&url, None, length, write).doing(format_args!("send the backup to {url}"))?;
                Ok(url.to_string())
            }
        }
    }

    /// Remove all but the newest so many of this node's backups; gives the number of those that
    /// went.
    pub fn keep(&self, node: &str, most: usize) -> Result<usize> {
        let Self::File(pattern) = self else { return Ok(0) };
        let path = fill(pattern, node, TIME);
        let (directory, name) = path.rsplit_once('/').unwrap_or((".", &path));
        let Some((before, after)) = name.split_once(TIME) else { return Ok(0) };
        let directory = Path::new(if directory.is_empty() { "/" } else { directory });
        let is_one = |name: &String| {
            let time = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            time.is_some_and(|time| time.len() == TIME_LENGTH && time.bytes().all(|b| b.is_ascii_digit() || b"TZ".contains(&b)))
        };
        let found = fs::read_dir(directory).on("read", directory)?.flatten();
        let mut found: Vec<String> = found.map(|e| e.file_name().to_string_lossy().into_owned()).filter(is_one).collect();
        // Such times order as texts do.
        found.sort();
        found.truncate(found.len().saturating_sub(most));
        for name in &found {
            fs::remove_file(directory.join(name)).on("remove", directory.join(name))?;
        }
        Ok(found.len())
    }

    /// A sentence when a power cut would take the backups along.
    pub fn warning(&self) -> Option<String> {
        let Self::File(pattern) = self else { return None };
        let directory = Path::new(pattern).parent()?;
        let system = rustix::fs::statfs(directory).ok()?;
        (system.f_type == TMPFS)
            .then(|| format!("{} is in RAM: what is written there does not survive a power cut", directory.display()))
    }
}

fn fill(pattern: &str, node: &str, time: &str) -> String {
    pattern.replace(NODE, node).replace(TIME, time)
}

fn to_file(path: &Path, part: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(part).on("write", part)?;
    let locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    // Another one may have given the file its own name since it was opened: then it is whole, and
    // not to be written over.
    let number = |about: std::io::Result<fs::Metadata>| about.map(|about| about.ino()).ok();
    if !locked || number(file.metadata()) != number(part.metadata()) {
        return Err(Error::new(format!("write {}: another backup is under way", part.display())));
    }
    let written = file.set_len(0).on("write", part).and_then(|()| into(&file, part, write));
    let written = written.and_then(|()| fs::rename(part, path).on("write", path));
    if written.is_err() {
        // Half a backup is none.
        let _ = fs::remove_file(part);
    }
    written
}

fn into(file: &File, part: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).on("write", part)?;
    file.sync_all().on("write", part)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_newest_are_kept_and_others_are_left_alone() {
        let dir = std::env::temp_dir().join(format!("kutties-target-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let target = Target::parse(&dir.display().to_string()).unwrap();
        let write = |day: u32| {
            let content = |out: &mut dyn Write| out.write_all(b"x").doing("write");
            target.write("n", &format!("202611{day:02}T000000Z"), 1, content).unwrap()
        };
        let names: Vec<String> = (1..=5).map(write).collect();
        let others = ["n-20261101T00000Z.age", "n-x.age", "m-20261101T000000Z.age", "n-20261101T000000Z.age.part"];
        for name in others {
            fs::write(dir.join(name), "").unwrap();
        }
        assert_eq!(target.keep("n", 2).unwrap(), 3);
        let there: Vec<bool> = names.iter().map(|name| Path::new(name).exists()).collect();
        assert_eq!(there, [false, false, false, true, true]);
        assert!(others.iter().all(|name| dir.join(name).exists()));
        assert_eq!(target.keep("n", 2).unwrap(), 0);
        let failed = target.write("n", "20261106T000000Z", 1, |_| {
            let two = target.write("n", "20261107T000000Z", 1, |_| Ok(())).unwrap_err().to_string();
            assert!(two.ends_with("another backup is under way"), "{two}");
            Err(Error::new("no"))
        });
        assert!(failed.is_err() && fs::read_dir(&dir).unwrap().count() == 2 + others.len());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn places_are_told_apart() {
        assert!(matches!(Target::parse("https://h/${hostname}-${time}.age").unwrap(), Target::Put(_)));
        assert_eq!(Target::parse("/x/y.age").unwrap(), Target::File("/x/y.age".into()));
        for wrong in ["", "http://h/x", "s3://h/x", "https://"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Target::Put("https://h/x".into()).keep("n", 1).unwrap(), 0);
    }
}
