//! A container on disk: `ROOT/ID/` with our record, the configuration that libcontainer got, the compiled filter, the
//! pipe on which `start` waits, and libcontainer's own state below `ROOT/ID/ID/`.

use std::fs;
use std::path::{Path, PathBuf};

use kit::fs::Form;
use kit::{Context, Error, Result};
use libcontainer::container::{Container, ContainerStatus};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroup;
use crate::hooks::Hooks;
use crate::seccomp::Filter;

/// Record of a container beside libcontainer's state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The bundle that it was made from.
    pub bundle: PathBuf,
    /// Its root directory.
    pub rootfs: PathBuf,
    /// Its cgroup, from the hierarchy's root.
    pub cgroup: PathBuf,
    /// Set if it has a session keyring of its own.
    pub keyring: bool,
    /// Start of its first process, in clock ticks since boot: tells it from a later process of the same number.
    pub began: Option<u64>,
}

/// The directory of a container.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    id: String,
}

impl Directory {
    /// The directory of a container of that name, there or not.
    pub fn of(root: &Path, id: &str) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
        if id.is_empty() || id.len() > 255 || !id.chars().all(allowed) || id == "." || id == ".." {
            return Err(Error::new(format!("invalid container ID format: {id:?}")));
        }
        Ok(Self { path: root.join(id), id: id.into() })
    }

    /// Make it; there is one container of a name.
    pub fn make(&self) -> Result<()> {
        if let Some(root) = self.path.parent() {
            fs::create_dir_all(root).on("make", root)?;
        }
        match fs::create_dir(&self.path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Error::new(format!("container with given ID already exists: {}", self.id)))
            }
            made => made.on("make", &self.path),
        }?;
        fs::set_permissions(&self.path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).on("protect", &self.path)
    }

    /// Remove all of it.
    pub fn remove(&self) -> Result<()> {
        kit::tree::remove(&self.path).on("remove", &self.path)
    }

    /// The container's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The directory: a bundle for libcontainer, and the root of its state.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Directory of libcontainer's state.
    pub fn state(&self) -> PathBuf {
        self.path.join(&self.id)
    }

    /// The configuration that libcontainer got.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The pipe that the container's first process holds until it has become its program.
    pub fn pipe(&self) -> PathBuf {
        self.path.join("start")
    }

    fn record(&self) -> PathBuf {
        self.path.join("record.json")
    }

    fn filter_path(&self) -> PathBuf {
        self.path.join("filter")
    }

    /// Keep the record.
    pub fn keep(&self, record: &Record) -> Result<()> {
        let bytes = serde_json::to_vec(record).doing("encode the container's record")?;
        write(&self.record(), &bytes)
    }

    /// Keep the filter, for execs.
    pub fn keep_filter(&self, filter: Option<&Filter>) -> Result<()> {
        filter.map_or(Ok(()), |filter| write(&self.filter_path(), &filter.to_bytes()))
    }

    /// The filter that was kept.
    pub fn filter(&self) -> Result<Option<Filter>> {
        match fs::read(self.filter_path()) {
            Ok(bytes) => Filter::from_bytes(&bytes).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).on("read", self.filter_path()),
        }
    }
}

/// Written beside and renamed, so that a reader sees all or nothing.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    kit::fs::replace(path, bytes, Form::PLAIN)
}

/// A container that exists.
#[derive(Debug)]
pub struct Known {
    /// Its directory.
    pub directory: Directory,
    /// Our record of it.
    pub record: Record,
    /// Libcontainer's record; none when its creation broke off.
    pub inner: Option<Container>,
}

impl Known {
    /// Find a container by its name.
    pub fn load(root: &Path, id: &str) -> Result<Self> {
        let directory = Directory::of(root, id)?;
        let missing = || Error::new(format!("container {id:?} does not exist"));
        if !directory.path.exists() {
            return Err(missing());
        }
        let bytes = fs::read(directory.record()).map_err(|_| missing())?;
        let record: Record = serde_json::from_slice(&bytes).on("read", directory.record())?;
        let mut inner = Container::load(directory.state()).ok();
        if let Some(inner) = &mut inner
            && let (Some(pid), Some(began)) = (inner.pid(), record.began)
            && began_at(pid.as_raw()) != Some(began)
        {
            inner.state.pid = None;
            inner.set_status(ContainerStatus::Stopped);
        }
        Ok(Self { directory, record, inner })
    }

    /// Its cgroup.
    pub fn cgroup(&self) -> Cgroup {
        Cgroup::at(&self.record.cgroup)
    }

    /// Its status: creating, created, running, paused or stopped.
    pub fn status(&self) -> ContainerStatus {
        self.inner.as_ref().map_or(ContainerStatus::Stopped, Container::status)
    }

    /// The specification's word for that.
    pub fn status_name(&self) -> String {
        self.status().to_string().to_lowercase()
    }

    /// Its first process, while that lives.
    pub fn pid(&self) -> Option<Pid> {
        let inner = self.inner.as_ref().filter(|inner| inner.status() != ContainerStatus::Stopped)?;
        Pid::from_raw(inner.pid()?.as_raw())
    }

    /// Its hooks.
    pub fn hooks(&self) -> Result<Hooks> {
        let config = fs::read(self.directory.config()).on("read", self.directory.config())?;
        Hooks::of(&config, self.directory.id(), &self.record.bundle)
    }

    /// libcontainer's side, for what it does.
    pub fn inner(&mut self) -> Result<&mut Container> {
        let id = self.directory.id().to_owned();
        self.inner.as_mut().ok_or_else(|| Error::new(format!("container {id:?} was never created to its end")))
    }
}

/// Start of a process, in clock ticks since boot (field 22 of its stat, counted behind the name, which may hold anything).
pub fn began_at(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for id in ["", ".", "..", "a/b", "a b", "ä"] {
            assert!(Directory::of(Path::new("/r"), id).is_err(), "{id}");
        }
        assert!(Directory::of(Path::new("/r"), "a_b+c-1.2").is_ok());
    }

    #[test]
    fn our_own_beginning_is_known() {
        assert!(began_at(std::process::id() as i32).unwrap() > 0);
        assert_eq!(began_at(0), None);
    }
}
