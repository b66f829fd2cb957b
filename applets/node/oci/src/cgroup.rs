//! The container's cgroup, version 2: made before the container so that the device filter is there first, and emptied
//! before it is removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::cgroup::{self, TREE, is_gone};
use kit::{Context, Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Timeout of killed processes: they may sit in a long disk or network operation.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container's cgroup.
#[derive(Debug, Clone)]
pub struct Cgroup {
    group: cgroup::Cgroup,
}

impl Cgroup {
    /// The cgroup at a path that begins at the hierarchy's root.
    pub fn at(path: &Path) -> Self {
        Self { group: cgroup::Cgroup::at(path) }
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.group.dir()
    }

    /// Make it, with all controllers from the root down to its parent. One that is in use belongs to somebody else.
    pub fn make(&self) -> Result<()> {
        if !Path::new(TREE).join("cgroup.controllers").exists() {
            return Err(Error::new(format!("{TREE} is not a version 2 cgroup hierarchy")));
        }
        let below = self.directory().strip_prefix(TREE).unwrap_or(self.directory());
        let mut directory = PathBuf::from(TREE);
        for part in below.components() {
            hand_down(&directory)?;
            directory.push(part);
            match fs::create_dir(&directory) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e).on("make", &directory),
                _ => {}
            }
        }
        if self.is_populated()? {
            return Err(Error::new(format!("cgroup {} is not empty", self.directory().display())));
        }
        Ok(())
    }

    /// Tells if a process lives in it or below it. A cgroup that is gone holds none.
    pub fn is_populated(&self) -> Result<bool> {
        self.group.is_populated()
    }

    /// The processes in it and below it.
    pub fn processes(&self) -> Result<Vec<i32>> {
        self.group.processes()
    }

    /// Kill all of it at once, frozen or not.
    pub fn kill(&self) -> Result<()> {
        self.group.kill()
    }

    /// Kills all of it and waits until it has gone.
    pub fn kill_and_wait(&self) -> Result<()> {
        self.kill()?;
        self.wait_until_empty()
    }

    /// Kill all of it, wait until it has gone, and remove the cgroup with those below.
    pub fn remove(&self) -> Result<()> {
        self.kill_and_wait()?;
        remove_tree(self.directory())
    }

    fn wait_until_empty(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let Some(events) = self.watch("cgroup.events")? else { return Ok(()) };
        while events.read()?.lines().any(|line| line == "populated 1") {
            if Instant::now() >= end {
                return Err(Error::new(format!("processes in {} do not end", self.directory().display())));
            }
            wait(&[&events], end)?;
        }
        Ok(())
    }

    /// A file of the cgroup that tells its changes; none when the cgroup is gone.
    pub fn watch(&self, name: &str) -> Result<Option<Watched>> {
        let path = self.directory().join(name);
        match fs::File::open(&path) {
            Ok(file) => Ok(Some(Watched { file, path })),
            Err(e) if is_gone(&e) => Ok(None),
            Err(e) => Err(e).on("open", &path),
        }
    }
}

/// An events file: the kernel says by an exceptional condition that it changed since it was last read through the same
/// descriptor, so it must be read before every wait.
#[derive(Debug)]
pub struct Watched {
    file: fs::File,
    path: PathBuf,
}

impl Watched {
    /// Its content now: nothing when the cgroup is gone.
    pub fn read(&self) -> Result<String> {
        let mut bytes = vec![0; 4096];
        match std::os::unix::fs::FileExt::read_at(&self.file, &mut bytes, 0) {
            Ok(count) => Ok(String::from_utf8_lossy(&bytes[..count]).into_owned()),
            Err(e) if is_gone(&e) => Ok(String::new()),
            Err(e) => Err(e).on("read", &self.path),
        }
    }
}

/// Wait until one of them changes, or for so long.
pub fn wait(watched: &[&Watched], until: Instant) -> Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
    let mut fds: Vec<PollFd<'_>> = watched.iter().map(|one| PollFd::new(&one.file, PollFlags::PRI)).collect();
    match poll(&mut fds, Some(&left)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e).doing("wait for events of a cgroup"),
    }
}

/// Let children of a cgroup use every controller that it has. One that it can't hand down is missed when a limit needs it.
fn hand_down(directory: &Path) -> Result<()> {
    let has = directory.join("cgroup.controllers");
    let text = fs::read_to_string(&has).on("read", &has)?;
    let handed = directory.join("cgroup.subtree_control");
    let there = fs::read_to_string(&handed).on("read", &handed)?;
    for controller in text.split_whitespace().filter(|c| !there.split_whitespace().any(|h| h == *c)) {
        if let Err(error) = fs::write(&handed, format!("+{controller}")) {
            tracing::debug!(controller, directory = %directory.display(), %error, "controller not handed down");
        }
    }
    Ok(())
}

/// Most have none below them, and a cgroup has some eighty files: they are looked through only when the kernel refuses.
fn remove_tree(directory: &Path) -> Result<()> {
    if fs::remove_dir(directory).is_ok() {
        return Ok(());
    }
    for child in children(directory)? {
        remove_tree(&child)?;
    }
    match fs::remove_dir(directory) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).on("remove", directory),
        _ => Ok(()),
    }
}

fn children(directory: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(directory) {
        Ok(entries) => {
            let directories = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            Ok(directories.map(|entry| entry.path()).collect())
        }
        Err(e) if is_gone(&e) => Ok(Vec::new()),
        Err(e) => Err(e).on("read", directory),
    }
}
