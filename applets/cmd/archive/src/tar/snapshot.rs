//! File of `--listed-incremental`: the time of the last archive and the directories that were in it, in GNU tar's form 2.
//!
//! A line with the form, then words with a zero byte behind each: seconds and nanoseconds of the archive; for each directory a
//! number for NFS, seconds, nanoseconds, device, inode, name, a letter and a name for each file in it, and two empty words.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

use crate::files::member::Time;

/// Beginning and end of the first line; the version of the program stands between.
const HEAD: (&[u8], &[u8]) = (b"GNU tar-", b"-2");
/// Nanoseconds by which the kernel's time of a file may lie behind the clock: such a file is packed once more, and not lost.
const LAG: u32 = 10_000_000;

/// State of the last archive, and of the one that is made.
pub(super) struct Snapshot {
    file: Option<PathBuf>,
    /// Files that are older are in an archive already; none when all are packed.
    since: Option<Time>,
    /// Device and inode of each directory.
    known: HashMap<Vec<u8>, (u64, u64)>,
    devices: bool,
    /// Text of the new file.
    text: Vec<u8>,
}

impl Snapshot {
    /// The state that a file holds, or none at all with `fresh`; without a file what is younger than `since` changed. Devices of
    /// directories may not count.
    pub(super) fn read(file: Option<&OsStr>, since: Option<Time>, fresh: bool, devices: bool) -> Result<Self> {
        let file = file.map(std::path::absolute).transpose().doing("name the file of -g")?;
        let mut start = Time::now();
        (start.seconds, start.nanos) = match start.nanos.checked_sub(LAG) {
            Some(nanos) => (start.seconds, nanos),
            None => (start.seconds - 1, start.nanos + (1_000_000_000 - LAG)),
        };
        let text = format!("GNU tar-{}-2\n{}\0{}\0", env!("CARGO_PKG_VERSION"), start.seconds, start.nanos).into_bytes();
        let mut snapshot = Self { since, known: HashMap::new(), devices, text, file };
        if let Some(file) = snapshot.file.clone().filter(|_| !fresh) {
            match fs::read(&file) {
                Ok(old) => snapshot.take(&old, &file)?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(e).on("read", &file),
            }
        }
        Ok(snapshot)
    }

    fn take(&mut self, old: &[u8], file: &Path) -> Result<()> {
        if old.is_empty() {
            return Ok(());
        }
        let bad = || Error::new(format!("read {}: this is no file of --listed-incremental in form 2", file.display()));
        let end = old.iter().position(|byte| *byte == b'\n').ok_or_else(bad)?;
        if !(old[..end].starts_with(HEAD.0) && old[..end].ends_with(HEAD.1)) {
            return Err(bad());
        }
        let mut words = old[end + 1..].split(|byte| *byte == 0).peekable();
        let number = |words: &mut dyn Iterator<Item = &[u8]>| -> Option<i128> {
            std::str::from_utf8(words.next()?).ok()?.parse::<i128>().ok()
        };
        let time = |seconds: i128, nanos: i128| Some(Time { seconds: seconds.try_into().ok()?, nanos: nanos.try_into().ok()? });
        let pair = |words: &mut dyn Iterator<Item = &[u8]>| Some((number(words)?, number(words)?));
        self.since = pair(&mut words).and_then(|(seconds, nanos)| time(seconds, nanos));
        self.since.ok_or_else(bad)?;
        // The last word is what stands behind the last zero byte: nothing.
        while words.peek().is_some_and(|word| !word.is_empty()) {
            let mut directory = || {
                words.next()?;
                pair(&mut words)?;
                let (device, inode) = pair(&mut words)?;
                let name = words.next()?.to_vec();
                words.by_ref().find(|word| word.is_empty())?;
                words.next().filter(|word| word.is_empty())?;
                // Devices may be negative numbers in files of old programs.
                Some((name, (device as u64, inode as u64)))
            };
            let (name, id) = directory().ok_or_else(bad)?;
            self.known.insert(name, id);
        }
        Ok(())
    }

    /// Tell if a directory was packed before.
    pub(super) fn knows(&self, name: &[u8], meta: &Metadata) -> bool {
        let same = |(device, inode): &(u64, u64)| *inode == meta.ino() && (!self.devices || *device == meta.dev());
        self.known.get(name).is_some_and(same)
    }

    /// Tell if a file changed since.
    pub(super) fn changed(&self, meta: &Metadata) -> bool {
        let time = |seconds, nanos: i64| Time { seconds, nanos: nanos as u32 };
        let last = time(meta.mtime(), meta.mtime_nsec()).max(time(meta.ctime(), meta.ctime_nsec()));
        self.since.is_none_or(|since| last >= since)
    }

    /// Take a directory with its list into the new file.
    pub(super) fn note(&mut self, name: &[u8], meta: &Metadata, list: &[u8]) {
        let head = format!("0\0{}\0{}\0{}\0{}\0", meta.mtime(), meta.mtime_nsec(), meta.dev(), meta.ino());
        self.text.extend([head.as_bytes(), name, b"\0", list, b"\0"].concat());
    }

    /// Write the new file: in the place of the old one when it is whole, but into what is no plain file.
    pub(super) fn write(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
            return fs::write(file, &self.text).on("write", file);
        }
        kit::fs::replace(file, &self.text, kit::fs::Form::DURABLE)
    }
}
