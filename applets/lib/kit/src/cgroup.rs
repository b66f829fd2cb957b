//! Control groups, version 2: a directory of files each, which disappears at any time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::{Context, Result};

/// Mount point of the hierarchy.
pub const TREE: &str = "/sys/fs/cgroup";
/// File with the processes of a group; a process moves by writing its number, or 0, there.
pub const PROCS: &str = "cgroup.procs";

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The group at a path from the hierarchy's root: `/kubepods/podUID`.
    pub fn at(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self(Path::new(TREE).join(path.strip_prefix("/").unwrap_or(path)))
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Tells if it is the hierarchy's root, which holds everything.
    pub fn is_root(&self) -> bool {
        self.0 == Path::new(TREE)
    }

    /// Makes it, with those above it.
    pub fn make(&self) -> Result<()> {
        fs::create_dir_all(&self.0).on("make", &self.0)
    }

    /// Moves this process there.
    pub fn enter(&self) -> Result<()> {
        self.write(PROCS, "0")
    }

    /// Writes to one of its files.
    pub fn write(&self, file: &str, value: impl AsRef<[u8]>) -> Result<()> {
        let path = self.0.join(file);
        fs::write(&path, value).on("write to", &path)
    }

    /// Kills all that is in it and below it, frozen or not. One that is gone holds nothing.
    pub fn kill(&self) -> Result<()> {
        let path = self.0.join("cgroup.kill");
        match fs::write(&path, "1") {
            Err(e) if !is_gone(&e) => Err(e).on("write to", &path),
            _ => Ok(()),
        }
    }

    /// Tells if a process lives in it or below it. One that is gone holds none.
    pub fn is_populated(&self) -> Result<bool> {
        let path = self.0.join("cgroup.events");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().any(|line| line == "populated 1")),
            Err(e) if is_gone(&e) => Ok(false),
            Err(e) => Err(e).on("read", &path),
        }
    }

    /// The processes in it and below it, by their numbers.
    pub fn processes(&self) -> Result<Vec<i32>> {
        let (mut all, mut dirs) = (Vec::new(), vec![self.0.clone()]);
        while let Some(dir) = dirs.pop() {
            let path = dir.join(PROCS);
            match fs::read_to_string(&path) {
                Ok(text) => all.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
                Err(e) if is_gone(&e) => continue,
                Err(e) => return Err(e).on("read", &path),
            }
            let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
            dirs.extend(entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
        }
        all.sort_unstable();
        Ok(all)
    }
}

/// Tells if an error says that the group is gone, or was while its file was open.
pub fn is_gone(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_group_that_is_gone_holds_nothing() {
        let gone = Cgroup::at("/no/such/group");
        assert_eq!(gone.dir(), Path::new("/sys/fs/cgroup/no/such/group"));
        assert!(!gone.is_populated().unwrap() && gone.processes().unwrap().is_empty());
        gone.kill().unwrap();
        assert!(Cgroup::at("/").is_root() && !gone.is_root());
    }

    #[test]
    fn processes_below_count_too() {
        let dir = std::env::temp_dir().join(format!("kit-cgroup-{}", std::process::id()));
        fs::create_dir_all(dir.join("below")).unwrap();
        fs::write(dir.join(PROCS), "7\n3\n").unwrap();
        fs::write(dir.join("below").join(PROCS), "5\n").unwrap();
        fs::write(dir.join("cgroup.events"), "populated 1\nfrozen 0\n").unwrap();
        let group = Cgroup(dir.clone());
        assert!(group.is_populated().unwrap());
        assert_eq!(group.processes().unwrap(), [3, 5, 7]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
