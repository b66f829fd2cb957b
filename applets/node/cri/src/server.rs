//! What all RPCs share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kit::{Context, Error, Kind, Result};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::images::Images;
use crate::life::rootfs::Writable;
use crate::link::Zygote;
use crate::rates::Rates;
use crate::store::Store;
use crate::streaming::Streaming;

/// The server: state, images, and the way to new monitors.
pub struct Server {
    /// Sandboxes and containers.
    pub store: Store,
    /// The image store.
    pub images: Images,
    /// Where monitors come from.
    pub zygote: Zygote,
    /// Bundles and roots: a folder a container.
    pub containers: PathBuf,
    /// The size of a container's writable layer in memory.
    pub writable: Writable,
    /// Who changes what.
    pub turns: Turns,
    /// Where exec, attach and port-forward go on.
    pub streaming: Streaming,
    /// Processor time at the last look.
    pub rates: Rates,
}

impl Server {
    /// Where it writes.
    pub fn folders(&self) -> [&Path; 3] {
        [self.store.root(), &self.containers, self.images.root()]
    }
}

/// The server as its tasks share it.
pub type Shared = Arc<Server>;

/// There is no such sandbox, container or image.
pub fn not_found(kind: &str, id: &str) -> Error {
    Error::of(Kind::NotFound, format!("there is no {kind} {id}"))
}

/// One at a time for each sandbox and each container, by their names, which they have before an id: the kubelet repeats a request whose
/// answer it did not wait for, and stops what it does not want any more while that is being made.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<String, Weak<RwLock<()>>>>);

impl Turns {
    /// Wait for the name's turn; dropping the guard ends it.
    pub async fn take(&self, name: &str) -> OwnedRwLockWriteGuard<()> {
        self.of(name).write_owned().await
    }

    /// As [`Self::take`], beside others who share it: containers are made at the same time, but not while their sandbox is stopped.
    pub async fn share(&self, name: &str) -> OwnedRwLockReadGuard<()> {
        self.of(name).read_owned().await
    }

    fn of(&self, name: &str) -> Arc<RwLock<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = turns.get(name).and_then(Weak::upgrade).unwrap_or_default();
        turns.insert(name.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

/// Run what blocks away from the event loop.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.doing("run a task")?
}

/// A new id: 64 hexadecimal digits, as all tools expect.
pub fn new_id() -> Result<String> {
    let mut bytes = [0u8; 32];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    if got != bytes.len() {
        return Err(Error::new("get random bytes: too few came"));
    }
    Ok(kit::hex::encode(bytes))
}
