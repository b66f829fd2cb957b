//! The state of all sandboxes and containers: in memory for answers, on disk for the next server.
//!
//! Every change is on disk before it is seen. Nobody holds the lock across a wait.

mod disk;
mod record;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::{Context, Error, Result};

pub use disk::remove_directory;
pub use record::{Container, ContainerPhase, OWN_CGROUPS, Sandbox, SandboxPhase, container_name, sandbox_name};
pub use status::{container_state, container_status, image, sandbox_state, sandbox_status};

use crate::events::Events;
use crate::step::{Step, reached};
use cri_api::ContainerEventType;
use monitor::wire::{self, Exit};

/// A sandbox's record, in its directory.
const RECORD: &str = "sandbox.json";

/// All records.
pub struct Store {
    /// Listeners to changes.
    pub events: Events,
    root: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    sandboxes: BTreeMap<String, Arc<Sandbox>>,
    containers: BTreeMap<String, Arc<Container>>,
}

impl Store {
    /// Read all records below `root`. What can't be read is said and left alone: `kutties` never deletes what it doesn't know.
    pub fn open(root: &Path) -> Result<Self> {
        private_dir(root)?;
        let mut known = Known::default();
        for entry in fs::read_dir(root).on("read", root)?.flatten() {
            let file = entry.path().join(RECORD);
            // Half a making or half a removal, see [`Self::strays`].
            if !file.exists() {
                continue;
            }
            match disk::read::<Sandbox>(&file) {
                Ok(sandbox) => {
                    read_containers(&entry.path(), &mut known);
                    known.sandboxes.insert(sandbox.id.clone(), Arc::new(sandbox));
                }
                Err(e) => tracing::warn!(error = %e, "skip a sandbox"),
            }
        }
        Ok(Self { events: Events::default(), root: root.to_owned(), known: Mutex::new(known) })
    }

    /// The directory of all records.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A sandbox's directory.
    pub fn dir(&self, sandbox: &str) -> PathBuf {
        self.root.join(sandbox)
    }

    /// Directories without a record: of a sandbox that a killed server was about to note, or had forgotten.
    pub fn strays(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.root).on("read", &self.root)?;
        let directories = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        Ok(directories.filter(|path| !path.join(RECORD).exists()).collect())
    }

    /// All sandboxes, by id.
    pub fn sandboxes(&self) -> Vec<Arc<Sandbox>> {
        self.known().sandboxes.values().cloned().collect()
    }

    /// All containers, by id.
    pub fn containers(&self) -> Vec<Arc<Container>> {
        self.known().containers.values().cloned().collect()
    }

    /// The containers of a sandbox.
    pub fn containers_of(&self, sandbox: &str) -> Vec<Arc<Container>> {
        self.containers().into_iter().filter(|container| container.sandbox == sandbox).collect()
    }

    /// The sandbox of that id, or of the only id that begins so.
    pub fn sandbox(&self, id: &str) -> Option<Arc<Sandbox>> {
        by_id(&self.known().sandboxes, id)
    }

    /// The container of that id, or of the only id that begins so.
    pub fn container(&self, id: &str) -> Option<Arc<Container>> {
        by_id(&self.known().containers, id)
    }

    /// The sandbox that was made for that name, see [`sandbox_name`].
    pub fn sandbox_named(&self, name: &str) -> Option<Arc<Sandbox>> {
        self.known().sandboxes.values().find(|sandbox| sandbox.name() == name).cloned()
    }

    /// The container that was made for that name, see [`container_name`].
    pub fn container_named(&self, name: &str) -> Option<Arc<Container>> {
        self.known().containers.values().find(|container| container.name() == name).cloned()
    }

    /// Keep a sandbox.
    pub fn put_sandbox(&self, sandbox: Sandbox) -> Result<Arc<Sandbox>> {
        let sandbox = Arc::new(sandbox);
        let mut known = self.known();
        if let Err(e) = disk::write(&self.sandbox_file(&sandbox.id), &*sandbox) {
            // The rest of its directory is garbage, at the latest for the next server.
            let _ = disk::remove_directory(&self.dir(&sandbox.id));
            return Err(e);
        }
        known.sandboxes.insert(sandbox.id.clone(), sandbox.clone());
        Ok(sandbox)
    }

    /// Keep a container.
    pub fn put_container(&self, container: Container) -> Result<Arc<Container>> {
        let container = Arc::new(container);
        let mut known = self.known();
        disk::write(&self.container_file(&container.sandbox, &container.id), &*container)?;
        known.containers.insert(container.id.clone(), container.clone());
        Ok(container)
    }

    /// Change a sandbox.
    pub fn change_sandbox(&self, id: &str, change: impl FnOnce(&mut Sandbox)) -> Result<Arc<Sandbox>> {
        let mut known = self.known();
        let mut sandbox = known.sandboxes.get(id).map(|s| Sandbox::clone(s)).ok_or_else(|| gone("sandbox", id))?;
        change(&mut sandbox);
        disk::write(&self.sandbox_file(id), &sandbox)?;
        let sandbox = Arc::new(sandbox);
        known.sandboxes.insert(id.to_owned(), sandbox.clone());
        Ok(sandbox)
    }

    /// Change a container.
    pub fn change_container(&self, id: &str, change: impl FnOnce(&mut Container)) -> Result<Arc<Container>> {
        let mut known = self.known();
        let mut container = known.containers.get(id).map(|c| Container::clone(c)).ok_or_else(|| gone("container", id))?;
        change(&mut container);
        disk::write(&self.container_file(&container.sandbox, id), &container)?;
        let container = Arc::new(container);
        known.containers.insert(id.to_owned(), container.clone());
        Ok(container)
    }

    /// Forget a container, its journal entry too.
    pub fn forget_container(&self, container: &Container) -> Result<()> {
        let mut known = self.known();
        disk::remove(&self.container_file(&container.sandbox, &container.id))?;
        reached(Step::ContainerRecordRemoved);
        disk::remove(&wire::exit_file(&self.dir(&container.sandbox), &container.id))?;
        known.containers.remove(&container.id);
        reached(Step::ContainerForgotten);
        Ok(())
    }

    /// Forget a sandbox and remove its directory; nothing is mounted there any more.
    pub fn forget_sandbox(&self, id: &str) -> Result<()> {
        let mut known = self.known();
        let dir = self.dir(id);
        // The record goes first: a directory without one is never taken for a sandbox.
        disk::remove(&self.sandbox_file(id))?;
        reached(Step::SandboxRecordRemoved);
        known.sandboxes.remove(id);
        known.containers.retain(|_, container| container.sandbox != id);
        disk::remove_directory(&dir)?;
        reached(Step::SandboxForgotten);
        Ok(())
    }

    /// Look into the journal for a started container's end, and keep it. The container as it is now.
    pub fn refreshed(&self, container: Arc<Container>) -> Arc<Container> {
        if container.exit.is_some() || container.phase == ContainerPhase::Making {
            return container;
        }
        let Ok(exit) = disk::read::<Exit>(&wire::exit_file(&self.dir(&container.sandbox), &container.id)) else {
            return container;
        };
        // The journal is on disk, and so true even where there is no room to note it once more.
        self.ended(&container.id, exit.clone(), "", "")
            .unwrap_or_else(|_| Arc::new(Container { exit: Some(exit), ..Container::clone(&container) }))
    }

    /// Keep that a container was started, unless that is known already.
    pub fn started(&self, id: &str, at: i64) -> Result<()> {
        if self.container(id).is_none_or(|container| container.phase != ContainerPhase::Created) {
            return Ok(());
        }
        let container = self.change_container(id, |container| {
            container.phase = ContainerPhase::Started;
            container.started_at = at;
        })?;
        self.tell(ContainerEventType::ContainerStartedEvent, &container.sandbox, id);
        Ok(())
    }

    /// Keep how a container ended, unless that is known already.
    pub fn ended(&self, id: &str, exit: Exit, reason: &str, message: &str) -> Result<Arc<Container>> {
        let mut news = false;
        let container = self.change_container(id, |container| {
            if container.exit.is_none() {
                news = true;
                container.exit = Some(exit);
                reason.clone_into(&mut container.reason);
                message.clone_into(&mut container.message);
            }
        })?;
        if news {
            self.tell(ContainerEventType::ContainerStoppedEvent, &container.sandbox, id);
        }
        Ok(container)
    }

    /// Tell the listeners what happened to a container, or to the sandbox itself when `id` is its own.
    pub fn tell(&self, kind: ContainerEventType, sandbox: &str, id: &str) {
        self.events.tell(kind, id, || {
            let made = |container: &Arc<Container>| container.phase != ContainerPhase::Making;
            (self.sandbox(sandbox), self.containers_of(sandbox).into_iter().filter(made).collect())
        });
    }

    fn sandbox_file(&self, id: &str) -> PathBuf {
        self.dir(id).join(RECORD)
    }

    fn container_file(&self, sandbox: &str, id: &str) -> PathBuf {
        self.dir(sandbox).join("containers").join(format!("{id}.json"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Make a directory that root alone may enter: records and bundles hold environments, and those hold secrets.
pub fn private_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).on("make", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).on("close to others", path)
}

fn read_containers(dir: &Path, known: &mut Known) {
    let Ok(entries) = fs::read_dir(dir.join("containers")) else { return };
    let records = entries.flatten().map(|e| e.path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    for path in records {
        match disk::read::<Container>(&path) {
            Ok(container) => {
                known.containers.insert(container.id.clone(), Arc::new(container));
            }
            Err(e) => tracing::warn!(error = %e, "skip a container"),
        }
    }
}

fn by_id<T>(known: &BTreeMap<String, Arc<T>>, id: &str) -> Option<Arc<T>> {
    if id.is_empty() {
        return None;
    }
    let mut beginning = known.range(id.to_owned()..).take_while(|(key, _)| key.starts_with(id));
    let (key, first) = beginning.next()?;
    (key == id || beginning.next().is_none()).then(|| first.clone())
}

fn gone(kind: &str, id: &str) -> Error {
    Error::new(format!("{kind} {id} is gone"))
}

#[cfg(test)]
mod tests;
