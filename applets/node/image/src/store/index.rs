//! The index: which images there are, what they are called, and which layers they stand on. One file, replaced whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kit::fs::{Beside, Form};
use kit::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Usage;
use crate::reference::{Reference, is_hash};
use crate::step::{Step, reached};

/// The whole of the store's memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Index {
    /// Counts changes, so that a reader can tell that nothing changed.
    pub generation: u64,
    /// Sorted by id.
    pub images: Vec<Record>,
    /// The layer directories that are there, with the room that each takes: a layer never changes, so it is measured once.
    #[serde(default)]
    pub layers: BTreeMap<String, Usage>,
}

/// An image as the index keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// `sha256:` and the hash of its configuration.
    pub id: String,
    /// `REPOSITORY:TAG`, sorted.
    pub tags: Vec<String>,
    /// `REPOSITORY@DIGEST`, sorted.
    pub digests: Vec<String>,
    /// Bytes of its blobs as they came.
    pub size: u64,
    /// It must not be collected.
    pub pinned: bool,
    /// Directory names of the layers, lowest first.
    pub layers: Vec<String>,
}

impl Index {
    /// Read the index of the store at `root`; an empty one where there is none.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join("index.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).on("decode", &path),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(e).on("read", &path),
        }
    }

    /// Make it the valid one. Whoever is killed on the way leaves the index as it was, or as it is now.
    pub fn write(&mut self, root: &Path) -> Result<()> {
        self.generation += 1;
        self.images.sort_by(|a, b| a.id.cmp(&b.id));
        let path = root.join("index.json");
        let bytes = serde_json::to_vec(self).doing("encode the image index")?;
        let new = Beside::write(&path, bytes, Form::DURABLE)?;
        reached(Step::IndexWritten);
        new.put()
    }

    /// Add an image: its names leave the images that had them, as a name points to one image.
    pub fn add(&mut self, mut new: Record) {
        for old in &mut self.images {
            if old.id == new.id {
                new.tags.append(&mut old.tags);
                new.digests.append(&mut old.digests);
                new.pinned |= old.pinned;
            } else {
                old.tags.retain(|tag| !new.tags.contains(tag));
                old.digests.retain(|digest| !new.digests.contains(digest));
            }
        }
        for names in [&mut new.tags, &mut new.digests] {
            names.sort();
            names.dedup();
        }
        self.images.retain(|old| old.id != new.id);
        self.images.push(new);
    }

    /// The image of a name, an id (with or without `sha256:`), or a repository and digest.
    pub fn find(&self, name: &str) -> Option<&Record> {
        self.images.iter().find(|record| record.answers_to(name))
    }

    /// The one image whose id begins so; at least [`SHORTEST`] digits.
    pub fn find_short(&self, beginning: &str) -> Option<&Record> {
        let digits = beginning.strip_prefix("sha256:").unwrap_or(beginning);
        if digits.len() < SHORTEST {
            return None;
        }
        let mut found = self.images.iter().filter(|r| r.id.trim_start_matches("sha256:").starts_with(digits));
        found.next().filter(|_| found.next().is_none())
    }
}

/// Fewer digits of an id are a typing error rather than a name.
const SHORTEST: usize = 4;

impl Record {
    /// Tells if the image has that name.
    pub fn answers_to(&self, name: &str) -> bool {
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
