//! State that all RPCs share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::images::Images;
use crate::life::rootfs::Writable;
use crate::link::Zygote;
use crate::rates::Rates;
use crate::store::Store;
use crate::streaming::Streaming;
use crate::turns::Turns;

/// The server: state, images, and the way to new monitors.
pub struct Server {
    /// Sandboxes and containers.
    pub store: Store,
    /// The image store.
    pub images: Images,
    /// Process that makes monitors.
    pub zygote: Zygote,
    /// Bundles and roots: a directory a container.
    pub containers: PathBuf,
    /// The size of a container's writable layer in memory.
    pub writable: Writable,
    /// Turns of those who change a sandbox or container.
    pub turns: Turns,
    /// Server of exec, attach and port-forward.
    pub streaming: Streaming,
    /// Processor time at the last look.
    pub rates: Rates,
}

impl Server {
    /// Directories that it writes to.
    pub fn directories(&self) -> [&Path; 3] {
        [self.store.root(), &self.containers, self.images.root()]
    }
}

/// The server as its tasks share it.
pub type Shared = Arc<Server>;
