//! The image store as the server uses it: away from the event loop, and complete before the first question about an image is answered.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{Image, Store, Usage};
use kit::{Result, paths};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FsWord;
use rustix::io::Errno;
use tokio::sync::watch;

use crate::pulls::Pulls;
use crate::task::blocking;
use cri_api::AuthConfig;

/// The filesystem types tmpfs and ramfs, see statfs(2). The first root (rootfs) is one of them.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// Longest time that the bundle's mount is waited for. PID 1 mounts it within a second of power-on; an emulated machine on a busy host
/// takes many times that.
const BUNDLE_TIMEOUT: Duration = Duration::from_mins(1);

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
            let given = Path::new(paths::IMAGES_GIVEN);
            if Path::new(paths::KUBE_IMAGE).exists() && stand_on_bundle(&importer, given) {
                wait_for_mount(Path::new(paths::KUBE), BUNDLE_TIMEOUT);
            }
            if let Err(e) = importer.collect() {
                tracing::error!(error = %e, "tidy the image store");
            }
            import_given(&importer, given);
            let _ = done.send(true);
        });
        let pulls = Pulls::new(program, store.clone());
        Ok(Self { store, ready, pulls })
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        self.store.root()
    }

    /// Pull an image from its registry; its id. Dropping the future gives the pull up, unless somebody else wants the same.
    pub async fn pull(&self, name: &str, auth: Option<AuthConfig>) -> Result<String> {
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

/// Tells whether images have layers in the node's bundle: layouts that came along may, links in the store do.
fn stand_on_bundle(store: &Store, given: &Path) -> bool {
    let layouts = std::fs::read_dir(given).is_ok_and(|entries| entries.flatten().any(|entry| entry.path().is_dir()));
    layouts || store.shares().unwrap_or(false)
}

/// Wait until something is mounted at `path`: PID 1 does so while this server starts. Without it these images are not there, which
/// the import then says.
fn wait_for_mount(path: &Path, timeout: Duration) {
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    let is_mounted = || device(path).is_some_and(|own| path.parent().and_then(device) != Some(own));
    // Opened before the first look, so that no change after it is missed.
    let Ok(table) = File::open("/proc/self/mountinfo") else { return };
    let end = Instant::now() + timeout;
    while !is_mounted() {
        let left = end.saturating_duration_since(Instant::now());
        let Some(left) = Timespec::try_from(left).ok().filter(|_| !left.is_zero()) else {
            return tracing::error!(path = %path.display(), "the bundle is not mounted: images that stand on it are not there");
        };
        // The kernel reports a change of the table of mounts as an exception.
        if !matches!(poll(&mut [PollFd::new(&table, PollFlags::PRI)], Some(&left)), Ok(_) | Err(Errno::INTR)) {
            return;
        }
    }
}

/// Import all that lies there. One that is broken is said and does not keep the others away.
fn import_given(store: &Store, dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut given: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    given.sort();
    for path in given {
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

    #[test]
    fn a_mount_is_seen_when_it_comes() {
        const SHORT: Duration = Duration::from_millis(50);
        const LONG: Duration = Duration::from_secs(30);
        let dir = std::env::temp_dir().join(format!("kutties-cri-bundle-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let begin = Instant::now();
        wait_for_mount(&dir, SHORT);
        assert!(begin.elapsed() >= SHORT);
        let begin = Instant::now();
        let mounted = std::thread::scope(|scope| {
            let mounting = scope.spawn(|| {
                std::thread::sleep(SHORT);
                // Only root may mount.
                mount("none", &dir, "tmpfs", MountFlags::empty(), None).is_ok()
            });
            if rustix::process::geteuid().is_root() {
                wait_for_mount(&dir, LONG);
            }
            mounting.join().unwrap()
        });
        assert!(begin.elapsed() < LONG);
        if mounted {
            wait_for_mount(&dir, LONG);
            unmount(&dir, UnmountFlags::DETACH).unwrap();
        }
        std::fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn the_bundle_is_waited_for_by_those_who_need_it() {
        let dir = std::env::temp_dir().join(format!("kutties-cri-stand-{}", std::process::id()));
        let (given, store) = (dir.join("given"), Store::open(&dir.join("store")).unwrap());
        assert!(!stand_on_bundle(&store, &given));
        std::fs::create_dir_all(&given).unwrap();
        std::fs::write(given.join("a.tar"), "").unwrap();
        assert!(!stand_on_bundle(&store, &given));
        std::fs::create_dir(given.join("layout")).unwrap();
        assert!(stand_on_bundle(&store, &given));
        std::fs::remove_dir(given.join("layout")).unwrap();
        std::os::unix::fs::symlink("/usr/lib/kutties/kube/layers/gone", store.root().join("layers/0a")).unwrap();
        assert!(stand_on_bundle(&store, &given));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
