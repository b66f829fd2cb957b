//! The image store as the server uses it: away from the event loop, and complete before the first question about an image is answered.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{Image, Store, Usage};
use kit::{Result, paths};
use rustix::fs::FsWord;
use tokio::sync::watch;

use crate::api::AuthConfig;
use crate::pulls::Pulls;
use crate::server::{Answer, blocking};

/// The filesystem types tmpfs and ramfs, see statfs(2). The first root (rootfs) is one of them.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// PID 1 mounts the bundle within a second of power-on; an emulated machine on a busy host takes many times that.
const BUNDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Between two looks whether it is mounted.
const BUNDLE_LOOK_DELAY: Duration = Duration::from_millis(20);

/// The store, the end of its first import, and the pulls that are under way.
pub struct Images {
    store: Arc<Store>,
    ready: watch::Receiver<bool>,
    pulls: Pulls,
}

impl Images {
    /// The store at `root`. What a killed change has left is collected and the images that came with the node are imported by a task;
    /// questions wait for it. Pulls are made by `program`.
    pub fn open(root: &Path, program: &Path) -> Result<Self> {
        let store = Arc::new(Store::open(root)?);
        let (done, ready) = watch::channel(false);
        let importer = store.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(e) = importer.collect() {
                tracing::error!(error = %e, "tidy the image store");
            }
            import_given(&importer, Path::new(paths::IMAGES_GIVEN));
            let _ = done.send(true);
        });
        let pulls = Pulls::new(program, store.clone());
        Ok(Self { store, ready, pulls })
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        self.store.root()
    }

    /// Pull an image from its registry; its id. Dropping the future gives the pull up, unless somebody else wants the same.
    pub async fn pull(&self, name: &str, auth: Option<AuthConfig>) -> Answer<String> {
        self.settled().await;
        self.pulls.pull(name, auth.unwrap_or_default()).await
    }

    /// The image of that name, id or digest.
    pub async fn find(&self, name: &str) -> Result<Option<Image>> {
        let name = name.to_owned();
        self.with(move |store| store.find(&name)).await
    }

    /// All images.
    pub async fn all(&self) -> Result<Vec<Image>> {
        self.with(Store::images).await
    }

    /// Forget an image by any of its names.
    pub async fn remove(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        self.with(move |store| store.remove(&name)).await
    }

    /// The room that the store takes.
    pub async fn usage(&self) -> Result<Usage> {
        self.with(Store::usage).await
    }

    async fn with<T: Send + 'static>(&self, question: impl FnOnce(&Store) -> Result<T> + Send + 'static) -> Result<T> {
        self.settled().await;
        let store = self.store.clone();
        blocking(move || question(&store)).await
    }

    async fn settled(&self) {
        // An error means that the importer is gone, which is as good as done.
        let _ = self.ready.clone().wait_for(|ready| *ready).await;
    }
}

/// Import all that lies there. One that is broken is said and does not keep the others away.
fn import_given(store: &Store, dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut given: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    // Layouts, which may stand on the bundle, come last: archives wait for nobody.
    given.sort_by_key(|path| (path.is_dir(), path.clone()));
    let mut is_bundle_there = false;
    for path in given {
        if path.is_dir() && !is_bundle_there {
            wait_for_bundle();
            is_bundle_there = true;
        }
        match store.import_given(&path) {
            Ok(images) => {
                let names: Vec<_> = images.iter().flat_map(|image| &image.tags).collect();
                tracing::info!(path = %path.display(), images = ?names, "imported");
                drop_source(&path);
            }
            Err(e) => tracing::error!(error = %e, "an image that came with the node is lost"),
        }
    }
}

/// Wait until PID 1, which goes on meanwhile, has mounted the Kubernetes bundle, where one came with the node.
fn wait_for_bundle() {
    let end = Instant::now() + BUNDLE_TIMEOUT;
    let is_empty = || std::fs::read_dir(paths::KUBE).is_ok_and(|mut entries| entries.next().is_none());
    while Path::new(paths::KUBE_IMAGE).exists() && is_empty() && Instant::now() < end {
        std::thread::sleep(BUNDLE_LOOK_DELAY);
    }
}

/// The store has it now: where the root is memory, a second copy would take memory for ever. A disk keeps its file.
fn drop_source(path: &Path) {
    let in_memory = rustix::fs::statfs(path).is_ok_and(|fs| IN_MEMORY.contains(&fs.f_type));
    if !in_memory {
        return;
    }
    let removed = kit::tree::remove(path);
    if let Err(e) = removed {
        tracing::debug!(path = %path.display(), error = %e, "an imported image's source stays");
    }
}
