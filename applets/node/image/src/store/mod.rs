//! The store: records in one index, layers by chain id, all changes under one lock.
//!
//! A change gathers its layers in a directory of its own ([`ingest`]) and is complete when the new index was renamed into place;
//! whatever else lies in the store is rubbish, which the next change collects. A layer is keyed by its chain id (its own digest and
//! all below it), because unpacking looks at those below. A layer that came with the node as a directory of its bundle is a symbolic
//! link to that directory, which takes no room.

mod import;
pub mod index;
pub mod ingest;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use oci_spec::image::ImageConfiguration;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::configuration;
use crate::hash::digest;
use crate::reference::{NO_DIGEST, is_digest};
use crate::step::{Step, reached};
use index::{Index, Record};

/// Digits of a chain id in a layer's directory name: mount options are limited to a page, and 32 digits are 128 bits.
const NAME_DIGITS: usize = 32;

/// Overlayfs stacks no more.
const MOST_LAYERS: usize = 500;

/// An image of the store.
#[derive(Debug, Clone)]
pub struct Image {
    /// `sha256:` and the hash of its configuration: one value for an image on this node.
    pub id: String,
    /// `REPOSITORY:TAG` in full, sorted.
    pub tags: Vec<String>,
    /// `REPOSITORY@DIGEST` in full, sorted.
    pub digests: Vec<String>,
    /// Bytes of its blobs as they came, and of the files of layers that came as directories.
    pub size: u64,
    /// True if it must not be collected: it came with the node and can't be fetched again.
    pub pinned: bool,
    /// Its configuration.
    pub config: ImageConfiguration,
    /// The directories of its layers, lowest first: lower directories for overlayfs, never to be written.
    pub layers: Vec<PathBuf>,
}

impl Image {
    /// The chain id of all its layers together; empty for an image without layers.
    pub fn chain(&self) -> Result<String> {
        Ok(chains(self.config.rootfs().diff_ids())?.pop().unwrap_or_default())
    }
}

/// Disk usage of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes of the blocks in use.
    pub bytes: u64,
    /// Files and directories.
    pub inodes: u64,
}

/// A directory of images. Opening it takes no lock: each call takes its own.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self> {
        let store = Self { root: root.to_owned() };
        fs::create_dir_all(root).on("make", root)?;
        for dir in [store.layers(), store.configs(), store.ingests()] {
            fs::create_dir_all(&dir).on("make", &dir)?;
            // Nobody else may run what an image has with a set-user-ID bit (CVE-2021-41103, CVE-2024-25621).
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).on("close to others", &dir)?;
        }
        Ok(store)
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A number that changes with every change of the store.
    pub fn generation(&self) -> Result<u64> {
        Ok(self.index()?.generation)
    }

    /// All images, sorted by id.
    pub fn images(&self) -> Result<Vec<Image>> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        self.index_unlocked()?.images.into_iter().map(|record| self.image(record)).collect()
    }

    /// The image of a name, an id (with or without `sha256:`), or a repository and digest.
    pub fn find(&self, name: &str) -> Result<Option<Image>> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        let index = self.index_unlocked()?;
        index.find(name).map(|record| self.image(record.clone())).transpose()
    }

    /// The same for a person, who may shorten an id.
    pub fn find_typed(&self, name: &str) -> Result<Option<Image>> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        let index = self.index_unlocked()?;
        index.find(name).or_else(|| index.find_short(name)).map(|record| self.image(record.clone())).transpose()
    }

    /// Forget an image by any of its names: all its names go. Layers that nothing else uses go too, unless they are mounted.
    /// Tells if there was one.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        let mut index = self.index_unlocked()?;
        let Some(id) = index.find(name).map(|record| record.id.clone()) else { return Ok(false) };
        index.images.retain(|record| record.id != id);
        self.commit(&mut index)?;
        Ok(true)
    }

    /// Give an image that is there these names as well. Whether it is there.
    pub fn name(&self, id: &str, tags: Vec<String>, digests: Vec<String>) -> Result<bool> {
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        let mut index = self.index_unlocked()?;
        let Some(record) = index.find(id).cloned() else { return Ok(false) };
        if tags.iter().all(|t| record.tags.contains(t)) && digests.iter().all(|d| record.digests.contains(d)) {
            return Ok(true);
        }
        index.add(Record { tags, digests, ..record });
        self.commit(&mut index)?;
        Ok(true)
    }

    /// Remove what no image needs: what a killed change has left, layers of removed images that were mounted then. An image with a layer
    /// of the node's bundle that is no longer there goes, too: another release runs now.
    pub fn collect(&self) -> Result<()> {
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        let mut index = self.index_unlocked()?;
        let before = index.images.len();
        index.images.retain(|record| !record.layers.iter().any(|name| self.is_dangling(name)));
        if index.images.len() != before {
            index.write(&self.root)?;
        }
        let swept = self.sweep(&mut index);
        if swept.changed {
            index.write(&self.root)?;
        }
        let more = swept.left.len().saturating_sub(1);
        match swept.left.into_iter().next() {
            Some(e) if more > 0 => {
                let text = format!("{e}, and {more} more failures");
                Err(e.reworded(text))
            }
            Some(e) => Err(e),
            None => Ok(()),
        }
    }

    /// Tells whether a layer is a directory of the node's bundle, which may be still to be mounted.
    pub fn shares(&self) -> Result<bool> {
        Ok(names(&self.layers())?.iter().any(|(_, path)| path.is_symlink()))
    }

    /// Room that the store takes: layers as they were measured when they came, what is on its way in or out now, and what could not be
    /// removed.
    pub fn usage(&self) -> Result<Usage> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        let mut usage = Usage::default();
        for dir in [self.configs(), self.ingests()] {
            usage.add(measure(&dir).on("measure", &dir)?);
        }
        let index = self.index_unlocked()?;
        index.layers.values().for_each(|layer| usage.add(*layer));
        // Layers that no index explains take room too, until a sweep gets rid of them.
        for (name, path) in names(&self.layers())? {
            if !index.layers.contains_key(&name) {
                usage.add(measure(&path).on("measure", &path)?);
            }
        }
        for path in [self.root.clone(), self.layers(), self.root.join("index.json"), self.root.join("lock")] {
            // Of a store that was never changed, some are not there.
            if let Ok(meta) = fs::symlink_metadata(&path) {
                usage.add(Usage { bytes: meta.blocks() * BLOCK, inodes: 1 });
            }
        }
        Ok(usage)
    }

    /// The configuration of an image as it came.
    pub fn config_of(&self, id: &str) -> Result<Vec<u8>> {
        let path = self.config_path(id);
        fs::read(&path).on("read", &path)
    }

    fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    fn configs(&self) -> PathBuf {
        self.root.join("configs")
    }

    fn ingests(&self) -> PathBuf {
        self.root.join("ingest")
    }

    fn layer(&self, name: &str) -> PathBuf {
        self.layers().join(name)
    }

    /// Tells whether a layer is a link to a directory that is not there.
    fn is_dangling(&self, name: &str) -> bool {
        let path = self.layer(name);
        path.is_symlink() && !path.is_dir()
    }

    fn config_path(&self, id: &str) -> PathBuf {
        self.configs().join(id.trim_start_matches("sha256:"))
    }

    fn lock(&self, how: FlockOperation) -> Result<File> {
        let path = self.root.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path).on("open", &path)?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, how)).on("lock", &path)?;
        Ok(file)
    }

    fn index(&self) -> Result<Index> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        self.index_unlocked()
    }

    fn index_unlocked(&self) -> Result<Index> {
        Index::read(&self.root)
    }

    /// Make the index the valid one, then collect what it no longer names.
    fn commit(&self, index: &mut Index) -> Result<()> {
        index.write(&self.root)?;
        reached(Step::Committed);
        let swept = self.sweep(index);
        if swept.changed {
            index.write(&self.root)?;
        }
        for error in swept.left {
            // The change itself is done; `usage` counts what is left.
            tracing::error!(%error, "tidy the image store");
        }
        Ok(())
    }

    fn image(&self, record: Record) -> Result<Image> {
        let path = self.config_path(&record.id);
        let config = configuration::configuration(&fs::read(&path).on("read", &path)?).on("decode", &path)?;
        // A link stands for a directory of the node's bundle.
        let real = |path: PathBuf| fs::read_link(&path).unwrap_or(path);
        let layers = record.layers.iter().map(|name| real(self.layer(name))).collect();
        let Record { id, tags, digests, size, pinned, .. } = record;
        Ok(Image { id, tags, digests, size, pinned, config, layers })
    }

    /// Remove layers and configurations that no image names, no change needs and no mount uses. What can't be removed stays for the
    /// next time and keeps nothing else from going.
    fn sweep(&self, index: &mut Index) -> Swept {
        let mut swept = Swept::default();
        if let Err(e) = self.sweep_layers(index, &mut swept) {
            swept.left.push(e);
        }
        if let Err(e) = self.sweep_configs(index, &mut swept) {
            swept.left.push(e);
        }
        swept
    }

    /// An error means that it is not known which layers are needed: then none goes.
    fn sweep_layers(&self, index: &mut Index, swept: &mut Swept) -> Result<()> {
        let mut needed: HashSet<String> = ingest::tidy(&self.ingests(), &mut swept.left)?.into_iter().collect();
        needed.extend(index.images.iter().flat_map(|r| r.layers.iter().cloned()));
        let mounts = fs::read_to_string("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
        let there = names(&self.layers())?;
        let before = index.layers.len();
        // Layers that a killed sweep has removed already.
        index.layers.retain(|name, _| there.iter().any(|(known, _)| known == name));
        for (name, path) in there {
            if needed.contains(&name) || mounts.contains(&name) {
                continue;
            }
            // Away from its place first: a killed removal must not leave half a layer that looks whole.
            let removed = ingest::gone(&self.ingests(), &name, &path).and_then(|gone| {
                index.layers.remove(&name);
                kit::tree::remove(&gone).on("remove", &gone)
            });
            swept.left.extend(removed.err());
            reached(Step::Swept);
        }
        swept.changed = index.layers.len() != before;
        Ok(())
    }

    fn sweep_configs(&self, index: &Index, swept: &mut Swept) -> Result<()> {
        let configs: HashSet<&str> = index.images.iter().map(|r| r.id.trim_start_matches("sha256:")).collect();
        for (name, path) in names(&self.configs())? {
            if !configs.contains(name.as_str()) {
                swept.left.extend(fs::remove_file(&path).on("remove", &path).err());
            }
        }
        Ok(())
    }
}

/// Result of a sweep.
#[derive(Debug, Default)]
struct Swept {
    /// The index has to say so.
    changed: bool,
    /// Reasons why something is still there.
    left: Vec<Error>,
}

/// The directory names of an image's layers, lowest first, from its configuration's list: each chain id is the hash of the one
/// below and the layer's own digest (image-spec, "Layer ChainID").
pub fn layer_names(diff_ids: &[String]) -> Result<Vec<String>> {
    if diff_ids.len() > MOST_LAYERS {
        return Err(Error::new(format!("the image has {} layers, overlayfs takes {MOST_LAYERS}", diff_ids.len())));
    }
    let name = |chain: &String| {
        // A lowest layer's own digest may be a SHA-512.
        let chain = if chain.starts_with("sha256:") { chain.clone() } else { digest(chain.as_bytes()) };
        chain.trim_start_matches("sha256:")[..NAME_DIGITS].to_owned()
    };
    Ok(chains(diff_ids)?.iter().map(name).collect())
}

fn chains(diff_ids: &[String]) -> Result<Vec<String>> {
    let mut chains: Vec<String> = Vec::new();
    for diff_id in diff_ids {
        if !is_digest(diff_id) {
            return Err(Error::new(format!("diff id {diff_id:?}: {NO_DIGEST}")));
        }
        let below = chains.last().map(|below| digest(format!("{below} {diff_id}").as_bytes()));
        chains.push(below.unwrap_or_else(|| diff_id.clone()));
    }
    Ok(chains)
}

/// Names and paths in a directory.
fn names(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(dir).on("list", dir)?;
    entries.map(|e| e.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())).on("list", dir)).collect()
}

/// Bytes in a block as `stat` counts them.
const BLOCK: u64 = 512;

impl Usage {
    fn add(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.inodes += more.inodes;
    }
}

/// The room that a directory takes: a file with several names counts once, what vanishes meanwhile not at all.
fn measure(path: &Path) -> std::io::Result<Usage> {
    kit::tree::measure(path).map(|kit::tree::Usage { bytes, inodes }| Usage { bytes, inodes })
}
