//! Images as an archive that is an OCI layout and what `docker load` reads at once (image-spec 1.1, "Image Layout").
//!
//! The store keeps layers unpacked: each is packed twice, once to learn its digest and length, once into the archive. So an export takes
//! no room but its own, and the images in it have new ids.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use kit::{Context, Error, Result};
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::hash::Hash;
use crate::layer::pack;
use crate::pipe::{BLOCK, pipe};
use crate::store::{Image, Store};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A layer as it will be in the archive.
#[derive(Clone)]
struct Packed {
    digest: String,
    length: u64,
}

/// Write these images as one archive.
pub fn export(store: &Store, images: &[Image], to: impl Write) -> Result<()> {
    let mut builder = Builder::new(to);
    let (mut written, mut layers) = (BTreeSet::new(), BTreeMap::new());
    let (mut descriptors, mut docker) = (Vec::new(), Vec::new());
    for image in images {
        let packed = image.layers.iter().map(|top| layer(top, &mut layers)).collect::<Result<Vec<_>>>()?;
        let config = configuration(store, image, &packed)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(CONFIG, &config),
            "layers": packed.iter().map(|p| json!({ "mediaType": LAYER, "digest": p.digest, "size": p.length })).collect::<Vec<_>>(),
        });
        let manifest = manifest.to_string().into_bytes();
        for (top, packed) in image.layers.iter().zip(&packed) {
            if written.insert(packed.digest.clone()) {
                content(&mut builder, top, packed)?;
            }
        }
        for bytes in [&config, &manifest] {
            if written.insert(crate::hash::digest(bytes)) {
                file(&mut builder, &blob(&crate::hash::digest(bytes)), bytes)?;
            }
        }
        let mut descriptor = described(MANIFEST, &manifest);
        descriptor["platform"] = json!({ "architecture": crate::candidate::architecture(), "os": "linux" });
        descriptors.extend(named(&descriptor, &image.tags));
        docker.push(json!({
            "Config": blob(&crate::hash::digest(&config)),
            "RepoTags": image.tags,
            "Layers": packed.iter().map(|p| blob(&p.digest)).collect::<Vec<_>>(),
        }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors });
    file(&mut builder, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    file(&mut builder, "index.json", index.to_string().as_bytes())?;
    file(&mut builder, "manifest.json", Value::from(docker).to_string().as_bytes())?;
    builder.into_inner().and_then(|mut to| to.flush()).doing("write the archive")
}

/// One descriptor a name; a nameless image has one without.
fn named(descriptor: &Value, tags: &[String]) -> Vec<Value> {
    let with = |tag: &String| {
        let mut named = descriptor.clone();
        let short = tag.rsplit_once(':').map_or("", |(_, short)| short);
        named["annotations"] = json!({ "io.containerd.image.name": tag, "org.opencontainers.image.ref.name": short });
        named
    };
    if tags.is_empty() { vec![descriptor.clone()] } else { tags.iter().map(with).collect() }
}

/// The image's own configuration, of which the layers' digests alone change.
fn configuration(store: &Store, image: &Image, layers: &[Packed]) -> Result<Vec<u8>> {
    let bytes = store.config_of(&image.id)?;
    let mut config: Value = serde_json::from_slice(&bytes).doing("decode the image's configuration")?;
    config["rootfs"]["diff_ids"] = layers.iter().map(|packed| packed.digest.as_str()).collect();
    Ok(config.to_string().into_bytes())
}

fn described(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": crate::hash::digest(bytes), "size": bytes.len() })
}

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// Learn a layer's digest and length.
fn layer(top: &Path, known: &mut BTreeMap<PathBuf, Packed>) -> Result<Packed> {
    if let Some(packed) = known.get(top) {
        return Ok(packed.clone());
    }
    let mut measure = Measure { hash: Hash::new(), length: 0 };
    pack::pack(top, &mut measure)?;
    let packed = Packed { digest: measure.hash.digest(), length: measure.length };
    known.insert(top.to_owned(), packed.clone());
    Ok(packed)
}

struct Measure {
    hash: Hash,
    length: u64,
}

impl Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pack a layer once more, into the archive. The archive reads what the packing writes.
fn content(builder: &mut Builder<impl Write>, top: &Path, packed: &Packed) -> Result<()> {
    let (writer, reader) = pipe();
    let mut header = header(packed.length);
    thread::scope(|scope| {
        let packing = scope.spawn(|| pack::pack(top, io::BufWriter::with_capacity(BLOCK, writer)));
        let appended =
            builder.append_data(&mut header, blob(&packed.digest), reader.take(packed.length)).doing("write the archive");
        // A reader that has failed ends the packing, whose own complaint is then a consequence.
        appended.and(packing.join().unwrap_or_else(|_| Err(Error::new("a packing thread died"))))
    })
}

fn file(builder: &mut Builder<impl Write>, name: &str, bytes: &[u8]) -> Result<()> {
    builder.append_data(&mut header(bytes.len() as u64), name, bytes).doing("write the archive")
}

fn header(length: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(length);
    header
}
