//! The store: records in one index, layers by chain id, all changes under one lock.
//!
//! A change is complete when the new index was renamed into place; whatever else lies in the folder is rubbish, which the next
//! change collects. A layer is keyed by its chain id (its own digest and all below it), because unpacking looks at those below.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use oci_spec::image::ImageConfiguration;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::candidate::{self, Candidate, digest};
use crate::layer;
use crate::reference::{Reference, is_hash};

/// Digits of a chain id in a layer's folder name: mount options are limited to a page, and 32 digits are 128 bits.
const NAME_DIGITS: usize = 32;

/// An image of the store.
#[derive(Debug, Clone)]
pub struct Image {
    /// `sha256:` and the hash of its configuration: one value for an image on this node.
    pub id: String,
    /// `REPOSITORY:TAG` in full, sorted.
    pub tags: Vec<String>,
    /// `REPOSITORY@DIGEST` in full, sorted.
    pub digests: Vec<String>,
    /// Bytes of its blobs as they came.
    pub size: u64,
    /// Whether it must not be collected: it came with the node and can't be fetched again.
    pub pinned: bool,
    /// Its configuration.
    pub config: ImageConfiguration,
    /// The folders of its layers, lowest first.
    pub layers: Vec<PathBuf>,
}

/// What the store holds on its filesystem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the blocks in use.
    pub bytes: u64,
    /// Files and folders.
    pub inodes: u64,
}

/// A folder of images. Opening it takes no lock: each call takes its own.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    /// Counts changes, so that a reader can tell that nothing changed.
    generation: u64,
    images: Vec<Record>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    id: String,
    tags: Vec<String>,
    digests: Vec<String>,
    size: u64,
    pinned: bool,
    /// Folder names of the layers, lowest first.
    layers: Vec<String>,
}

impl Store {
    /// The store at `root`, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self> {
        for dir in ["", "layers", "configs"] {
            let dir = root.join(dir);
            fs::create_dir_all(&dir).on("make", &dir)?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A number that changes with every change of the store.
    pub fn generation(&self) -> Result<u64> {
        Ok(self.index()?.generation)
    }

    /// All images, sorted by id.
    pub fn images(&self) -> Result<Vec<Image>> {
        self.index()?.images.into_iter().map(|record| self.image(record)).collect()
    }

    /// The image of a name, an id (with or without `sha256:`), or a repository and digest.
    pub fn find(&self, name: &str) -> Result<Option<Image>> {
        let index = self.index()?;
        let found = index.images.into_iter().find(|record| record.answers_to(name));
        found.map(|record| self.image(record)).transpose()
    }

    /// Take in every image for this machine that the archive or layout at `path` holds. All or nothing becomes visible.
    pub fn import(&self, path: &Path, pinned: bool) -> Result<Vec<Image>> {
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        let archive = Archive::open(path, &self.root.join(".archive"))?;
        let candidates = candidate::find(&archive)?;
        let mut index = self.index_unlocked()?;
        let mut imported = Vec::new();
        for candidate in &candidates {
            let record = self.take(&archive, candidate, pinned)?;
            imported.push(record.id.clone());
            index.add(record);
        }
        self.commit(&mut index)?;
        let of_import = index.images.into_iter().filter(|record| imported.contains(&record.id));
        of_import.map(|record| self.image(record)).collect()
    }

    /// Forget an image by any of its names: all its tags go. Layers that nothing else uses go too, unless they are mounted.
    /// Whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        let mut index = self.index_unlocked()?;
        let before = index.images.len();
        index.images.retain(|record| !record.answers_to(name));
        if index.images.len() == before {
            return Ok(false);
        }
        self.commit(&mut index)?;
        Ok(true)
    }

    /// Remove what no image needs: half-unpacked layers of a killed import, layers of removed images that were mounted then.
    pub fn collect(&self) -> Result<()> {
        let _lock = self.lock(FlockOperation::LockExclusive)?;
        self.sweep(&self.index_unlocked()?)
    }

    /// Room that the store takes.
    pub fn usage(&self) -> Result<Usage> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        let mut usage = Usage::default();
        add_usage(&self.root, &mut usage).on("measure", &self.root)?;
        Ok(usage)
    }

    fn lock(&self, how: FlockOperation) -> Result<File> {
        let path = self.root.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path).on("open", &path)?;
        rustix::fs::flock(&file, how).on("lock", &path)?;
        Ok(file)
    }

    fn index(&self) -> Result<Index> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        self.index_unlocked()
    }

    fn index_unlocked(&self) -> Result<Index> {
        let path = self.root.join("index.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).on("decode", &path),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Index::default()),
            Err(e) => Err(e).on("read", &path),
        }
    }

    /// Make the index the valid one, then collect what it no longer names.
    fn commit(&self, index: &mut Index) -> Result<()> {
        index.generation += 1;
        index.images.sort_by(|a, b| a.id.cmp(&b.id));
        let (new, path) = (self.root.join(".index.json"), self.root.join("index.json"));
        let bytes = serde_json::to_vec(index).doing("encode the image index")?;
        let mut file = File::create(&new).on("make", &new)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).on("write", &new)?;
        fs::rename(&new, &path).on("replace", &path)?;
        self.sweep(index)
    }

    /// Unpack the layers that are missing and write the configuration.
    fn take(&self, archive: &Archive, candidate: &Candidate, pinned: bool) -> Result<Record> {
        let (mut layers, mut below, mut chain) = (Vec::new(), Vec::new(), String::new());
        for (blob, diff_id) in candidate.layers.iter().zip(candidate.parsed.rootfs().diff_ids()) {
            chain = if chain.is_empty() { diff_id.clone() } else { digest(format!("{chain} {diff_id}").as_bytes()) };
            let name = folder_name(&chain)?;
            let folder = self.root.join("layers").join(&name);
            if !folder.is_dir() {
                self.unpack(archive, blob, diff_id, &folder, &below)?;
            }
            layers.push(name);
            below.push(folder);
        }
        let config = self.config_path(&candidate.id);
        fs::write(&config, &candidate.config).on("write", &config)?;
        let references = candidate.tags.iter().map(|tag| Reference::parse(tag)).collect::<Result<Vec<_>>>()?;
        let digests = candidate.manifest.iter().flat_map(|d| references.iter().map(move |r| format!("{}@{d}", r.repository)));
        let digests = digests.collect();
        Ok(Record { id: candidate.id.clone(), tags: candidate.tags.clone(), digests, size: candidate.size, pinned, layers })
    }

    fn unpack(&self, archive: &Archive, blob: &str, diff_id: &str, folder: &Path, below: &[PathBuf]) -> Result<()> {
        let half = self.root.join(".layer");
        if half.exists() {
            fs::remove_dir_all(&half).on("remove", &half)?;
        }
        fs::create_dir(&half).on("make", &half)?;
        fs::set_permissions(&half, std::os::unix::fs::PermissionsExt::from_mode(0o755)).on("change the mode of", &half)?;
        layer::unpack(archive.open_file(blob)?, diff_id, &half, below).on("import", archive.path())?;
        fs::rename(&half, folder).on("rename", &half)
    }

    fn config_path(&self, id: &str) -> PathBuf {
        self.root.join("configs").join(id.trim_start_matches("sha256:"))
    }

    fn image(&self, record: Record) -> Result<Image> {
        let path = self.config_path(&record.id);
        let config = serde_json::from_slice(&fs::read(&path).on("read", &path)?).on("decode", &path)?;
        let layers = record.layers.iter().map(|name| self.root.join("layers").join(name)).collect();
        let Record { id, tags, digests, size, pinned, .. } = record;
        Ok(Image { id, tags, digests, size, pinned, config, layers })
    }

    /// Remove layers and configurations that the index does not name and no mount uses.
    fn sweep(&self, index: &Index) -> Result<()> {
        let half = self.root.join(".layer");
        if half.exists() {
            fs::remove_dir_all(&half).on("remove", &half)?;
        }
        let layers: HashSet<&str> = index.images.iter().flat_map(|r| r.layers.iter().map(String::as_str)).collect();
        let mounts = fs::read_to_string("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
        for (name, path) in list(&self.root.join("layers"))? {
            if !layers.contains(name.as_str()) && !mounts.contains(&name) {
                fs::remove_dir_all(&path).on("remove", &path)?;
            }
        }
        let configs: HashSet<&str> = index.images.iter().map(|r| r.id.trim_start_matches("sha256:")).collect();
        for (name, path) in list(&self.root.join("configs"))? {
            if !configs.contains(name.as_str()) {
                fs::remove_file(&path).on("remove", &path)?;
            }
        }
        Ok(())
    }
}

impl Index {
    /// Add an image: its names leave the images that had them, as a tag points to one image.
    fn add(&mut self, mut new: Record) {
        for old in &mut self.images {
            if old.id == new.id {
                new.tags.append(&mut old.tags);
                new.digests.append(&mut old.digests);
                new.pinned |= old.pinned;
            } else {
                old.tags.retain(|tag| !new.tags.contains(tag));
            }
        }
        for names in [&mut new.tags, &mut new.digests] {
            names.sort();
            names.dedup();
        }
        self.images.retain(|old| old.id != new.id);
        self.images.push(new);
    }
}

impl Record {
    fn answers_to(&self, name: &str) -> bool {
        if self.id == name || (is_hash(name) && self.id.strip_prefix("sha256:") == Some(name)) {
            return true;
        }
        let Ok(reference) = Reference::parse(name) else { return false };
        match reference.digested() {
            // With a digest the tag says nothing.
            Some(digested) => self.digests.contains(&digested),
            None => reference.tagged().is_some_and(|tagged| self.tags.contains(&tagged)),
        }
    }
}

/// The folder name of a layer.
fn folder_name(chain: &str) -> Result<String> {
    let hash = chain.strip_prefix("sha256:").filter(|hash| is_hash(hash));
    let hash = hash.ok_or_else(|| Error::new(format!("diff id {chain:?} is not sha256: and 64 hexadecimal digits")))?;
    Ok(hash[..NAME_DIGITS].to_owned())
}

/// Names and paths in a folder.
fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(dir).on("list", dir)?;
    entries.map(|e| e.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())).on("list", dir)).collect()
}

/// Bytes in a block as `stat` counts them.
const BLOCK: u64 = 512;

fn add_usage(path: &Path, usage: &mut Usage) -> std::io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    usage.bytes += meta.blocks() * BLOCK;
    usage.inodes += 1;
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            add_usage(&entry?.path(), usage)?;
        }
    }
    Ok(())
}
