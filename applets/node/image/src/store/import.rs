//! Images from archives and layouts.

use std::fs;
use std::path::Path;

use kit::{Context, Result, paths};

use super::index::Record;
use super::ingest::{Arrival, Ingest};
use super::{Image, Store, layer_names};
use crate::archive::Archive;
use crate::candidate::{self, Candidate, Source};
use crate::layer;
use crate::place::Below;
use crate::reference::Reference;
use crate::room;
use crate::step::{Step, reached};

impl Store {
    /// Take in every image for this machine that the archive or layout at `path` holds. All or nothing becomes visible.
    pub fn import(&self, path: &Path, pinned: bool) -> Result<Vec<Image>> {
        self.import_as(path, pinned, None)
    }

    /// The same, with a name for the one image of an archive that has none for it.
    pub fn import_as(&self, path: &Path, pinned: bool, name: Option<&Reference>) -> Result<Vec<Image>> {
        self.import_from(path, pinned, name, None)
    }

    /// Take in what came with the node, pinned. The layers of a layout directory may be directories of the bundle, which are used
    /// where they are.
    pub fn import_given(&self, path: &Path) -> Result<Vec<Image>> {
        self.import_sharing(path, Path::new(paths::BUNDLES))
    }

    /// The same with layers below another directory.
    pub(super) fn import_sharing(&self, path: &Path, below: &Path) -> Result<Vec<Image>> {
        self.import_from(path, true, None, Some(below).filter(|_| path.is_dir()))
    }

    fn import_from(&self, path: &Path, pinned: bool, name: Option<&Reference>, shared: Option<&Path>) -> Result<Vec<Image>> {
        let scratch = self.scratch()?;
        let archive = Archive::open(path, &scratch).map_err(|e| room::explained(e, self.root()))?;
        let mut candidates = candidate::find(&archive, shared)?;
        if let (Some(tag), [only]) = (name.and_then(Reference::tagged), candidates.as_mut_slice()) {
            only.tags = vec![tag];
        }
        let mut ids = Vec::new();
        for candidate in &candidates {
            ids.push(candidate.id.clone());
        }
        self.take(&archive, &candidates, pinned).map_err(|e| room::explained(e, self.root()))?;
        Ok(self.images()?.into_iter().filter(|image| ids.contains(&image.id)).collect())
    }

    /// A path for a file that lives without a name: on the store's filesystem, where there is room for images.
    fn scratch(&self) -> Result<std::path::PathBuf> {
        let path = self.root().join(format!(".archive-{}", std::process::id()));
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).on("remove", &path),
            _ => Ok(path),
        }
    }

    /// Unpack what is missing of all images, then let them be seen.
    fn take(&self, archive: &Archive, candidates: &[Candidate], pinned: bool) -> Result<()> {
        let (mut all, mut sources, mut arrivals) = (Vec::new(), Vec::new(), Vec::new());
        for candidate in candidates {
            let diff_ids = candidate.parsed.rootfs().diff_ids();
            let layers = layer_names(diff_ids)?;
            for (number, name) in layers.iter().enumerate() {
                if !all.contains(name) {
                    all.push(name.clone());
                    sources.push((candidate, number, layers.clone()));
                }
            }
            arrivals.push(Arrival { record: record(candidate, layers, pinned)?, config: candidate.config.clone() });
        }
        let ingest = Ingest::begin(self, all.clone())?;
        let paths = ingest.paths();
        for (at, (candidate, number, layers)) in sources.iter().enumerate() {
            if ingest.has(at) {
                continue;
            }
            let place = |name: &String| all.iter().position(|other| other == name).map(|at| paths[at].clone());
            let below: Vec<_> = layers[..*number].iter().filter_map(place).collect();
            match &candidate.layers[*number] {
                Source::Directory(directory) => ingest.link(at, directory)?,
                Source::Blob(blob) => {
                    let (top, diff_id) = (ingest.make(at)?, &candidate.parsed.rootfs().diff_ids()[*number]);
                    let below = Below::there(&below);
                    layer::unpack(archive.open_file(blob)?, diff_id, &top, &below).on("import", archive.path())?;
                }
            }
            reached(Step::LayerWhole);
        }
        ingest.commit(arrivals)
    }
}

fn record(candidate: &Candidate, layers: Vec<String>, pinned: bool) -> Result<Record> {
    let references = candidate.tags.iter().map(|tag| Reference::parse(tag)).collect::<Result<Vec<_>>>()?;
    let digests = candidate.manifest.iter().flat_map(|d| references.iter().map(move |r| format!("{}@{d}", r.repository)));
    let digests = digests.collect();
    Ok(Record { id: candidate.id.clone(), tags: candidate.tags.clone(), digests, size: candidate.size, pinned, layers })
}
