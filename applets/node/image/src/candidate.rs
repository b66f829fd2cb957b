//! The images that an archive offers: docker's `manifest.json`, or an OCI layout's `index.json`.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex};
use serde::Deserialize;

use crate::archive::Archive;
use crate::configuration;
use crate::hash::{digest, digest_like};
use crate::reference::{NO_DIGEST, Reference, is_digest};
use crate::shared;

/// An index may point to an index (a name, then its platforms); no tool nests them deeper.
const INDEX_DEPTH: u8 = 3;
/// Bytes of all documents that one archive may have read: each image has some tens of kilobytes. An index can name another one any
/// number of times, which multiplies with each level (CVE-2026-53493).
const ALL_DOCUMENTS: usize = 64 << 20;
/// Bytes that reading a document counts for at least: short ones take time, too.
const LEAST_DOCUMENT: usize = 4 << 10;
/// The annotation in which containerd and others keep an image's full name.
const FULL_NAME: &str = "io.containerd.image.name";
/// The annotation that the OCI layout defines: a tag, or a full name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An image that can be taken from an archive.
#[derive(Debug)]
pub struct Candidate {
    /// The digest of the configuration: the image's id.
    pub id: String,
    /// The configuration's bytes as they are.
    pub config: Vec<u8>,
    /// The configuration, decoded.
    pub parsed: ImageConfiguration,
    /// The places of the layers, lowest first.
    pub layers: Vec<Source>,
    /// Full names with tags.
    pub tags: Vec<String>,
    /// The manifest's digest, where there is one.
    pub manifest: Option<String>,
    /// Bytes of all blobs as they came; of a layer that is a directory, of its files.
    pub size: u64,
}

/// The place of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The member of the archive that holds it.
    Blob(String),
    /// A directory of the node's own read-only file system, which serves as the layer as it is.
    Directory(PathBuf),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerEntry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Documents of an archive, with the room that is left for them. Its layers may be directories below `shared`, if that is given.
struct Documents<'a> {
    archive: &'a Archive,
    shared: Option<&'a Path>,
    room: Cell<usize>,
}

/// All images of the archive that can run here. Its layers may be directories below `shared`, if that is given.
pub fn find(archive: &Archive, shared: Option<&Path>) -> Result<Vec<Candidate>> {
    let documents = Documents { archive, shared, room: Cell::new(ALL_DOCUMENTS) };
    let found = if archive.has("manifest.json") {
        docker(&documents)?
    } else if archive.has("index.json") {
        let mut found = Vec::new();
        let index: ImageIndex = decode(archive, "index.json", &documents.read("index.json")?)?;
        for descriptor in index.manifests() {
            oci(&documents, descriptor, &names(descriptor), INDEX_DEPTH, &mut found)?;
        }
        found
    } else {
        let what = "neither a docker archive (manifest.json) nor an OCI layout (index.json)";
        return Err(Error::new(format!("{}: {what}", archive.path().display())));
    };
    if found.is_empty() {
        return Err(Error::new(format!("{}: no image for {}", archive.path().display(), architecture())));
    }
    Ok(found)
}

/// This machine's architecture as images name it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Documents<'_> {
    /// A document's bytes.
    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let bytes = self.archive.document(name)?;
        let Some(left) = self.room.get().checked_sub(bytes.len().max(LEAST_DOCUMENT)) else {
            let path = self.archive.path().display();
            return Err(Error::new(format!("{path}: its indexes lead to more documents than an archive may have")));
        };
        self.room.set(left);
        Ok(bytes)
    }

    /// A blob's bytes, once its digest was found right.
    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let wanted = descriptor.digest().to_string();
        let bytes = self.read(&blob_name(&wanted)?)?;
        let got = digest_like(&wanted, &bytes);
        if got != wanted {
            return Err(Error::new(format!("{}: blob {wanted} has digest {got}", self.archive.path().display())));
        }
        Ok(bytes)
    }

    fn source(&self, layer: &Descriptor) -> Result<Source> {
        match shared::directory(layer, self.shared).on("import", self.archive.path())? {
            Some(directory) => Ok(Source::Directory(directory)),
            None => Ok(Source::Blob(blob_name(layer.digest().as_ref())?)),
        }
    }
}

fn docker(documents: &Documents) -> Result<Vec<Candidate>> {
    let archive = documents.archive;
    let entries: Vec<DockerEntry> = decode(archive, "manifest.json", &documents.read("manifest.json")?)?;
    let mut found = Vec::new();
    for entry in entries {
        let names = entry.repo_tags.unwrap_or_default();
        let config = documents.read(&entry.config)?;
        let id = digest(&config);
        let layers = entry.layers.unwrap_or_default().into_iter().map(Source::Blob).collect();
        found.extend(candidate(archive, id, config, layers, &names, None)?);
    }
    Ok(found)
}

/// Follow a descriptor of an index down to the manifests that fit this machine.
fn oci(documents: &Documents, descriptor: &Descriptor, names: &[String], depth: u8, found: &mut Vec<Candidate>) -> Result<()> {
    let archive = documents.archive;
    let fits = descriptor.platform().as_ref().is_none_or(|p| p.architecture().to_string() == architecture());
    if !fits {
        return Ok(());
    }
    let bytes = documents.blob(descriptor)?;
    let kind = descriptor.media_type().to_string();
    if kind.contains("index") || kind.contains("manifest.list") {
        let index: ImageIndex = decode(archive, descriptor.digest().as_ref(), &bytes)?;
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Error::new(format!("{}: indexes are nested too deep", archive.path().display())));
        };
        return index.manifests().iter().try_for_each(|inner| oci(documents, inner, names, depth, found));
    }
    let what = format!("{}: decode {}", archive.path().display(), descriptor.digest());
    let manifest = configuration::manifest(decode(archive, descriptor.digest().as_ref(), &bytes)?).doing(what)?;
    let config = documents.blob(manifest.config())?;
    let layers = manifest.layers().iter().map(|layer| documents.source(layer)).collect::<Result<_>>()?;
    let id = digest(&config);
    found.extend(candidate(archive, id, config, layers, names, Some(descriptor.digest().to_string()))?);
    Ok(())
}

/// One image, unless it is for another architecture.
fn candidate(
    archive: &Archive,
    id: String,
    config: Vec<u8>,
    layers: Vec<Source>,
    names: &[String],
    manifest: Option<String>,
) -> Result<Option<Candidate>> {
    let what = format_args!("{}: decode the image configuration", archive.path().display());
    let parsed = configuration::configuration(&config).doing(what)?;
    if parsed.architecture().to_string() != architecture() {
        return Ok(None);
    }
    if parsed.rootfs().diff_ids().len() != layers.len() {
        let (told, held) = (parsed.rootfs().diff_ids().len(), layers.len());
        let path = archive.path().display();
        return Err(Error::new(format!("{path}: the configuration names {told} layers, the manifest {held}")));
    }
    let tags = names.iter().map(|n| Reference::parse(n).map(|r| r.tagged())).collect::<Result<Vec<_>>>()?;
    let mut size = config.len() as u64;
    for (layer, diff_id) in layers.iter().zip(parsed.rootfs().diff_ids()) {
        size += match layer {
            Source::Blob(name) => archive.size(name),
            Source::Directory(directory) => shared::check(directory, diff_id).on("import", archive.path())?,
        };
    }
    Ok(Some(Candidate { id, config, parsed, layers, tags: tags.into_iter().flatten().collect(), manifest, size }))
}

/// The names that an index gives a descriptor.
fn names(descriptor: &Descriptor) -> Vec<String> {
    let annotations = descriptor.annotations().as_ref();
    let get = |key| annotations.and_then(|a| a.get(key)).cloned();
    // A bare tag in ref.name says nothing about the repository: it is no name.
    get(FULL_NAME).or_else(|| get(REF_NAME).filter(|name| name.contains('/') || name.contains(':'))).into_iter().collect()
}

/// Returns the name of a blob in a layout.
fn blob_name(digest: &str) -> Result<String> {
    if !is_digest(digest) {
        return Err(Error::new(format!("digest {digest:?}: {NO_DIGEST}")));
    }
    Ok(format!("blobs/{}", digest.replace(':', "/")))
}

fn decode<T: for<'a> Deserialize<'a>>(archive: &Archive, what: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).doing(format_args!("{}: decode {what}", archive.path().display()))
}
