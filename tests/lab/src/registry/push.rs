//! Puts an image into a registry: blobs, then the manifest, then an index where one is wanted.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use kit::{Context, Error, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Compression of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As they are, with OCI's media types.
    Plain,
    /// gzip, with docker's media types.
    Gzip,
    /// zstd, inside an index of several platforms.
    Zstd,
}

/// Result of a push.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The digest that the tag leads to.
    pub digest: String,
    /// The digests of the layers' blobs.
    pub layers: Vec<String>,
}

/// Push the archive's only image with one more layer, which makes it an image of its own: `/for` says where it was pushed, and `/kmsg` is deleted.
pub fn push(archive: &Path, server: &str, repository: &str, tag: &str, packing: Packing) -> Result<Pushed> {
    let files = files(archive).on("read", archive)?;
    let document = |name: &str| -> Result<Value> {
        let bytes = files.get(name).ok_or_else(|| Error::new(format!("{}: no {name}", archive.display())))?;
        serde_json::from_slice(bytes).doing(format!("decode {name}"))
    };
    let index = document("index.json")?;
    let of_image = &index["manifests"][0];
    let mut manifest = document(&blob_name(&of_image["digest"]))?;
    let target = Target { server, repository };
    let more = more(&format!("{repository}:{tag}")).doing("pack a layer")?;
    let mut config = document(&blob_name(&manifest["config"]["digest"]))?;
    if let Some(diff_ids) = config["rootfs"]["diff_ids"].as_array_mut() {
        diff_ids.push(digest(&more).into());
    }
    let config = config.to_string().into_bytes();
    target.blob(&config)?;
    let of_archive = manifest["layers"].as_array().into_iter().flatten();
    let mut plain: Vec<Vec<u8>> =
        of_archive.map(|layer| files.get(&blob_name(&layer["digest"])).cloned().unwrap_or_default()).collect();
    plain.push(more);
    let (mut layers, mut descriptors) = (Vec::new(), Vec::new());
    for plain in &plain {
        let packed = pack(plain, packing).doing("compress a layer")?;
        target.blob(&packed)?;
        descriptors.push(json!({ "mediaType": packing.layer(), "digest": digest(&packed), "size": packed.len() }));
        layers.push(digest(&packed));
    }
    manifest["layers"] = descriptors.into();
    manifest["mediaType"] = packing.manifest().into();
    manifest["config"] = json!({ "mediaType": packing.config(), "digest": digest(&config), "size": config.len() });
    let bytes = manifest.to_string().into_bytes();
    if packing != Packing::Zstd {
        target.manifest(tag, packing.manifest(), &bytes)?;
        return Ok(Pushed { digest: digest(&bytes), layers });
    }
    let own = digest(&bytes);
    target.manifest(&own, packing.manifest(), &bytes)?;
    // The other platform's image must be there for the registry to take the index; nobody pulls it.
    let mut other = manifest.clone();
    other["annotations"] = json!({ "for": "somebody else" });
    let other = other.to_string().into_bytes();
    target.manifest(&digest(&other), packing.manifest(), &other)?;
    let entry = |bytes: &[u8], platform: &Value| json!({ "mediaType": packing.manifest(), "digest": digest(bytes), "size": bytes.len(), "platform": platform });
    let foreign = json!({ "os": "linux", "architecture": "s390x" });
    let entries = [entry(&other, &foreign), entry(&bytes, &of_image["platform"])];
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": entries }).to_string().into_bytes();
    target.manifest(tag, kind, &index)?;
    Ok(Pushed { digest: digest(&index), layers })
}

/// Put the archive's only image as it is; the digest that the tag leads to.
pub fn put(archive: &Path, server: &str, repository: &str, tag: &str) -> Result<String> {
    let files = files(archive).on("read", archive)?;
    let blob = |digest: &Value| {
        files.get(&blob_name(digest)).ok_or_else(|| Error::new(format!("{}: no {}", archive.display(), blob_name(digest))))
    };
    let decode = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).doing(format!("decode {}", archive.display()));
    let index = decode(files.get("index.json").map_or(b"", Vec::as_slice))?;
    let bytes = blob(&index["manifests"][0]["digest"])?;
    let manifest = decode(bytes)?;
    let target = Target { server, repository };
    for part in manifest["layers"].as_array().into_iter().flatten().chain([&manifest["config"]]) {
        target.blob(blob(&part["digest"])?)?;
    }
    target.manifest(tag, Packing::Plain.manifest(), bytes)?;
    Ok(digest(bytes))
}

impl Packing {
    const fn layer(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    const fn config(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.docker.container.image.v1+json",
            Self::Plain | Self::Zstd => "application/vnd.oci.image.config.v1+json",
        }
    }

    const fn manifest(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.docker.distribution.manifest.v2+json",
            Self::Plain | Self::Zstd => "application/vnd.oci.image.manifest.v1+json",
        }
    }
}

/// A layer that says for whom it is, and deletes a file of the one below.
fn more(name: &str) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in [("for", name), (".wh.kmsg", "")] {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_bytes())?;
    }
    builder.into_inner()
}

fn pack(plain: &[u8], packing: Packing) -> std::io::Result<Vec<u8>> {
    match packing {
        Packing::Plain => Ok(plain.to_vec()),
        Packing::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain)?;
            encoder.finish()
        }
        Packing::Zstd => zstd::encode_all(plain, 3),
    }
}

struct Target<'a> {
    server: &'a str,
    repository: &'a str,
}

impl Target<'_> {
    fn blob(&self, bytes: &[u8]) -> Result<()> {
        let begin = format!("http://{}/v2/{}/blobs/uploads/", self.server, self.repository);
        let answer = ureq::post(&begin).send_empty().doing(format!("POST {begin}"))?;
        let location = answer.headers().get("Location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let joint = if location.contains('?') { '&' } else { '?' };
        let place = format!("{location}{joint}digest={}", digest(bytes));
        ureq::put(&place).content_type("application/octet-stream").send(bytes).doing(format!("PUT {place}")).map(drop)
    }

    fn manifest(&self, reference: &str, kind: &str, bytes: &[u8]) -> Result<()> {
        let place = format!("http://{}/v2/{}/manifests/{reference}", self.server, self.repository);
        ureq::put(&place).content_type(kind).send(bytes).doing(format!("PUT {place}")).map(drop)
    }
}

fn files(archive: &Path) -> std::io::Result<HashMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(File::open(archive)?);
    archive
        .entries()?
        .map(|entry| {
            let mut entry = entry?;
            let (name, mut bytes) = (entry.path()?.display().to_string(), Vec::new());
            entry.read_to_end(&mut bytes)?;
            Ok((name, bytes))
        })
        .collect()
}

fn blob_name(digest: &Value) -> String {
    format!("blobs/{}", digest.as_str().unwrap_or_default().replace(':', "/"))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
