//! A change in the making: a directory of its own that holds new layers until all of them are there, under a lock that dies with
//! its owner. Whoever is killed leaves the directory; the next change sees that nobody holds its lock and removes it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use kit::fs::Form;
use kit::{Context, Error, Result};
use rustix::fs::FlockOperation;

use super::index::Record;
use super::{Store, measure, names};
use crate::step::{Step, reached};

/// The lock in the directory of a change.
const LOCK: &str = "lock";
/// The list of the layers that the change needs, a name each line: they stay, even if their image is removed meanwhile.
const NEEDS: &str = "needs";

/// New layers on their way into the store. Dropping it removes what was not committed.
#[derive(Debug)]
pub struct Ingest<'a> {
    store: &'a Store,
    dir: PathBuf,
    _lock: File,
    layers: Vec<String>,
    /// For each layer, true if it was there already when this change began.
    there: Vec<bool>,
}

/// An image that is ready to be seen.
#[derive(Debug)]
pub struct Arrival {
    /// The image's row in the index.
    pub record: Record,
    /// Its configuration's bytes.
    pub config: Vec<u8>,
}

impl<'a> Ingest<'a> {
    /// Begin a change that needs these layers (directory names, lowest first).
    pub fn begin(store: &'a Store, layers: Vec<String>) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let _lock = store.lock(FlockOperation::LockExclusive)?;
        let ingests = store.ingests();
        fs::create_dir_all(&ingests).on("make", &ingests)?;
        let dir = loop {
            let dir = ingests.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
            match fs::create_dir(&dir) {
                // Of a dead process that had our number: the next sweep removes it.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => break made.on("make", &dir).map(|()| dir)?,
            }
        };
        let path = dir.join(LOCK);
        let lock = File::create(&path).on("make", &path)?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).on("lock", &path)?;
        let path = dir.join(NEEDS);
        fs::write(&path, layers.join("\n")).on("write", &path)?;
        let there = layers.iter().map(|name| store.layer(name).is_dir()).collect();
        reached(Step::Begun);
        Ok(Self { store, dir, _lock: lock, layers, there })
    }

    /// Tells if the layer of that number is in the store already.
    pub fn has(&self, number: usize) -> bool {
        self.there[number]
    }

    /// Returns the directory in which each layer is, or will be unpacked.
    pub fn paths(&self) -> Vec<PathBuf> {
        let of = |(name, there): (&String, &bool)| if *there { self.store.layer(name) } else { self.dir.join(name) };
        self.layers.iter().zip(&self.there).map(of).collect()
    }

    /// Make the empty directory of a new layer.
    pub fn make(&self, number: usize) -> Result<PathBuf> {
        let path = self.dir.join(&self.layers[number]);
        fs::create_dir(&path).on("make", &path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).on("change the mode of", &path)?;
        Ok(path)
    }

    /// Let a directory that is the node's own be a new layer, where it is: a symbolic link stands for it.
    pub fn link(&self, number: usize, directory: &Path) -> Result<()> {
        let path = self.dir.join(&self.layers[number]);
        std::os::unix::fs::symlink(directory, &path).on("link", &path)
    }

    /// Let everybody see the images: all of them at once, or none.
    pub fn commit(self, arrivals: Vec<Arrival>) -> Result<()> {
        // Before the lock: on a disk this takes a while. In memory it is nothing.
        let root = self.store.root();
        File::open(root).on("open", root).and_then(|dir| rustix::fs::syncfs(&dir).on("sync", root))?;
        let _lock = self.store.lock(FlockOperation::LockExclusive)?;
        let mut index = self.store.index_unlocked()?;
        for name in &self.layers {
            let (from, to) = (self.dir.join(name), self.store.layer(name));
            if !to.is_dir() {
                // A link to a directory of another release, which is gone: a directory can't be renamed over it.
                if to.is_symlink() {
                    fs::remove_file(&to).on("remove", &to)?;
                    index.layers.remove(name);
                }
                fs::rename(&from, &to).on("rename", &from)?;
                reached(Step::LayerMoved);
            }
            if !index.layers.contains_key(name) {
                index.layers.insert(name.clone(), measure(&to).on("measure", &to)?);
            }
        }
        for arrival in arrivals {
            let path = self.store.config_path(&arrival.record.id);
            write_whole(&path, &arrival.config)?;
            reached(Step::ConfigWritten);
            index.add(arrival.record);
        }
        for dir in [self.store.layers(), self.store.configs()] {
            File::open(&dir).and_then(|dir| dir.sync_all()).on("sync", &dir)?;
        }
        self.store.commit(&mut index)
    }
}

impl Drop for Ingest<'_> {
    fn drop(&mut self) {
        // Files that can't be removed now are removed by the next change, whose owner finds the
        // lock free.
        let _ = kit::tree::remove(&self.dir);
    }
}

/// Write a small file that is there in whole or not at all, also after a power cut.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    kit::fs::replace(path, bytes, Form::DURABLE)
}

/// End of the names of layers that are being removed.
const GONE: &str = ".gone";

/// Take a layer away from its place; where it is now.
pub fn gone(dir: &Path, name: &str, path: &Path) -> Result<PathBuf> {
    // An earlier one of that name may be there still, if it can't be removed.
    let mut number = 0;
    let gone = loop {
        let gone = dir.join(format!("{name}.{number}{GONE}"));
        // A link whose directory is gone is there as well.
        if fs::symlink_metadata(&gone).is_err() {
            break gone;
        }
        number += 1;
    };
    fs::rename(path, &gone).on("rename", path)?;
    Ok(gone)
}

/// Remove the directories of changes whose owners are gone, and say which layers the living ones need. What can't be removed is told in
/// `left`.
///
/// # Errors
/// It is not known which layers are needed.
pub fn tidy(dir: &Path, left: &mut Vec<Error>) -> Result<Vec<String>> {
    let mut needed = Vec::new();
    for (name, path) in names(dir)? {
        if !name.ends_with(GONE) && lives(&path) {
            let needs = path.join(NEEDS);
            let text = fs::read_to_string(&needs).on("read", &needs)?;
            needed.extend(text.lines().map(str::to_owned));
        } else {
            left.extend(kit::tree::remove(&path).on("remove", &path).err());
        }
    }
    Ok(needed)
}

/// Somebody holds the lock. A directory without one is of somebody who was killed at its making: that happens under the store's lock,
/// which we have.
fn lives(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join(LOCK)) else { return false };
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
}
