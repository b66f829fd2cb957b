//! OCI layouts made by hand: images that no tool of ours would pack, each on top of the test image's one layer or on nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use firmware::board::Arch;
use kit::{Context, Error, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The two registered digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The one that all use.
    Sha256,
    /// The longer one.
    Sha512,
}

/// A layout in the making.
#[derive(Debug)]
pub struct Layout {
    arch: Arch,
    /// The test image's layer.
    base: Vec<u8>,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: Vec<Value>,
}

/// An image of a layout.
pub struct Odd<'a> {
    /// `REGISTRY/NAME:TAG`
    pub name: &'a str,
    /// The member `config` of its configuration.
    pub config: Value,
    /// Annotations of its manifest.
    pub annotations: Value,
    /// Its layers, those on top of the test image's; none at all for an image without layers.
    pub layers: Option<Vec<Layer>>,
    /// Its digests.
    pub algorithm: Algorithm,
}

impl<'a> Odd<'a> {
    /// An image of the test image's layer and these.
    pub fn new(name: &'a str, config: Value, layers: Vec<Layer>) -> Self {
        Self { name, config, annotations: json!({}), layers: Some(layers), algorithm: Algorithm::Sha256 }
    }
}

impl Layout {
    /// An empty one. `archive` is the test image.
    ///
    /// # Errors
    /// An archive that can't be read.
    pub fn new(arch: Arch, archive: &Path) -> Result<Self> {
        Ok(Self { arch, base: layer_of(archive).on("read", archive)?, blobs: BTreeMap::new(), manifests: Vec::new() })
    }

    /// Add an image; its manifest's digest.
    ///
    /// # Errors
    /// Documents that can't be encoded.
    pub fn add(&mut self, odd: Odd) -> Result<String> {
        let of = odd.algorithm;
        let layers: Vec<Vec<u8>> = match odd.layers {
            Some(more) => std::iter::once(Ok(self.base.clone()))
                .chain(more.into_iter().map(Layer::bytes))
                .collect::<io::Result<_>>()
                .doing("pack a layer")?,
            None => Vec::new(),
        };
        let diff_ids: Vec<String> = layers.iter().map(|layer| digest(of, layer)).collect();
        let layers: Vec<Value> = layers.into_iter().map(|layer| self.blob(of, LAYER, layer)).collect();
        let config = encode(&json!({
            "architecture": self.arch.debian(), "os": "linux", "config": odd.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        }))?;
        let config = self.blob(of, CONFIG, config);
        let manifest = encode(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": odd.annotations,
        }))?;
        let mut manifest = self.blob(of, MANIFEST, manifest);
        let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
        manifest["annotations"] = json!({ "io.containerd.image.name": odd.name });
        self.manifests.push(manifest);
        Ok(digest)
    }

    /// Write all of it as a tar.
    ///
    /// # Errors
    /// A file that can't be written.
    pub fn write(self, to: &Path) -> Result<()> {
        let index = encode(&json!({ "schemaVersion": 2, "manifests": self.manifests }))?;
        let mut tar = tar::Builder::new(File::create(to).on("make", to)?);
        let fixed = [("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()), ("index.json".to_owned(), index)];
        for (name, bytes) in fixed.into_iter().chain(self.blobs) {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, bytes.as_slice()).on("write", to)?;
        }
        tar.into_inner().on("write", to).map(drop)
    }

    fn blob(&mut self, algorithm: Algorithm, kind: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(algorithm, &bytes);
        let descriptor = json!({ "mediaType": kind, "digest": digest, "size": bytes.len() });
        self.blobs.insert(format!("blobs/{}", digest.replace(':', "/")), bytes);
        descriptor
    }
}

/// A layer in the making: what fails in it is told by [`Layout::add`].
pub struct Layer {
    tar: tar::Builder<Vec<u8>>,
    fault: Option<io::Error>,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self { tar: tar::Builder::new(Vec::new()), fault: None }
    }
}

impl Layer {
    /// A directory of that user's.
    #[must_use]
    pub fn directory(self, path: &str, owner: u32) -> Self {
        self.entry(tar::EntryType::Directory, path, owner, b"", "")
    }

    /// A file.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.entry(tar::EntryType::Regular, path, 0, text.as_bytes(), "")
    }

    /// A symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(tar::EntryType::Symlink, path, 0, b"", target)
    }

    /// The character device 0:0, which is overlayfs's mark of what was deleted.
    #[must_use]
    pub fn mark(self, path: &str) -> Self {
        self.entry(tar::EntryType::Char, path, 0, b"", "")
    }

    /// An extended attribute of the entry that comes next.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        let told = self.tar.append_pax_extensions([(format!("SCHILY.xattr.{name}").as_str(), value.as_bytes())]);
        self.fault = self.fault.or(told.err());
        self
    }

    fn entry(mut self, kind: tar::EntryType, path: &str, owner: u32, bytes: &[u8], target: &str) -> Self {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(if kind == tar::EntryType::Directory { 0o755 } else { 0o644 });
        header.set_uid(owner.into());
        header.set_gid(owner.into());
        header.set_size(bytes.len() as u64);
        let numbers = header.set_device_major(0).and_then(|()| header.set_device_minor(0));
        let told = numbers.and_then(|()| match target {
            "" => self.tar.append_data(&mut header, path, bytes),
            target => self.tar.append_link(&mut header, path, target),
        });
        self.fault = self.fault.or(told.err());
        self
    }

    fn bytes(self) -> io::Result<Vec<u8>> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.tar.into_inner(),
        }
    }
}

/// The largest member of the test image's archive, which is its layer.
fn layer_of(archive: &Path) -> io::Result<Vec<u8>> {
    let mut largest = Vec::new();
    for entry in tar::Archive::new(File::open(archive)?).entries()? {
        let mut bytes = Vec::new();
        entry?.read_to_end(&mut bytes)?;
        if bytes.len() > largest.len() {
            largest = bytes;
        }
    }
    Ok(largest)
}

fn encode(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::new(format!("encode a document: {e}")))
}

fn digest(algorithm: Algorithm, bytes: &[u8]) -> String {
    let (prefix, hash) = match algorithm {
        Algorithm::Sha256 => ("sha256:", Sha256::digest(bytes).to_vec()),
        Algorithm::Sha512 => ("sha512:", Sha512::digest(bytes).to_vec()),
    };
    hash.iter().fold(prefix.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
