//! The registry inside of agnhost: `agnhost fake-registry-server` serves what lies below /var/registry, in a layout of its own. The specs of
//! private registries pull `pause:testing` from there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use initramfs::Archive;
use kit::{Context, Error, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::told;

/// Directory of its image, and the tag.
const HOME: &str = "/var/registry/pause";
const TAG: &str = "testing";

/// Puts the image of an archive into `files`, as upstream's Dockerfile does with its pause.
pub fn fill(files: &mut Archive, archive: &Path) -> Result<()> {
    let parts = parts(archive).on("read", archive)?;
    let part = |name: &str| parts.get(name).ok_or_else(|| Error::new(format!("{}: no {name}", archive.display())));
    let decode = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).doing(format!("decode {}", archive.display()));
    let of_blob = |digest: &Value| format!("blobs/{}", digest.as_str().unwrap_or_default().replace(':', "/"));
    let own = decode(part("index.json")?)?;
    let descriptor = &own["manifests"][0];
    let manifest = part(&of_blob(&descriptor["digest"]))?;
    // Tags lead to a list there.
    let list = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": descriptor["mediaType"], "digest": descriptor["digest"], "size": descriptor["size"], "platform": descriptor["platform"],
        }],
    });
    let list = list.to_string().into_bytes();
    files.file(&format!("{HOME}/manifests/{TAG}"), 0o644, format!("{}\n", digest(&list))).map_err(told)?;
    for bytes in [&list, manifest] {
        put(files, "manifests", bytes)?;
    }
    let manifest = decode(manifest)?;
    for blob in manifest["layers"].as_array().into_iter().flatten().chain([&manifest["config"]]) {
        put(files, "blobs", part(&of_blob(&blob["digest"]))?)?;
    }
    Ok(())
}

fn put(files: &mut Archive, kind: &str, bytes: &[u8]) -> Result<()> {
    let digest = digest(bytes);
    let hash = digest.trim_start_matches("sha256:");
    files.file(&format!("{HOME}/{kind}/sha256/{}/{hash}/data", &hash[..2]), 0o644, bytes).map_err(told)
}

fn parts(archive: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut parts = BTreeMap::new();
    for entry in tar::Archive::new(File::open(archive)?).entries()? {
        let (mut entry, mut bytes) = (entry?, Vec::new());
        entry.read_to_end(&mut bytes)?;
        parts.insert(entry.path()?.display().to_string(), bytes);
    }
    Ok(parts)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
