//! Packs container images from files: one tar that is an OCI layout and what `docker load` reads at once, the same bytes every
//! time (after opencontainers/image-spec 1.1).

use anyhow::{Context, Result};
use initramfs::{Archive, Node};
use serde_json::{Value, json};

use crate::board::Arch;
use crate::{segment, sum};

/// What an image says about itself.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// `REGISTRY/NAME:TAG`
    pub name: &'a str,
    /// Whom it runs on.
    pub arch: Arch,
    /// The program that always runs; may be empty.
    pub entrypoint: &'a [&'a str],
    /// Its usual arguments.
    pub command: &'a [&'a str],
    /// `NAME=VALUE`
    pub environment: &'a [&'a str],
    /// `UID`, `UID:GID` or a name; empty for root.
    pub user: &'a str,
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The tar of an image with one layer, which holds these files.
pub fn pack(image: &Image, files: &Archive) -> Result<Vec<u8>> {
    let (_, tag) = image.name.rsplit_once(':').with_context(|| format!("pack {}: it has no tag", image.name))?;
    let layer = tar_of(files)?;
    let config = serde_json::to_vec(&json!({
        "architecture": image.arch.debian(),
        "os": "linux",
        "config": {
            "Entrypoint": image.entrypoint, "Cmd": image.command, "Env": image.environment, "User": image.user,
        },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    }))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &config),
        "layers": [descriptor(LAYER, &layer)],
    }))?;
    let mut of_manifest = descriptor(MANIFEST, &manifest);
    of_manifest["annotations"] = json!({ "io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": tag });
    of_manifest["platform"] = json!({ "architecture": image.arch.debian(), "os": "linux" });
    let index = serde_json::to_vec(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [of_manifest] }))?;
    let docker = json!([{ "Config": blob(&config), "RepoTags": [image.name], "Layers": [blob(&layer)] }]);

    let mut all = Archive::new();
    all.file("oci-layout", 0o644, r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    all.file("index.json", 0o644, index)?;
    all.file("manifest.json", 0o644, serde_json::to_vec(&docker)?)?;
    for bytes in [layer, config, manifest] {
        all.file(&blob(&bytes), 0o644, bytes)?;
    }
    tar_of(&all)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sum::bytes(bytes))
}

fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", sum::bytes(bytes))
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() })
}

fn tar_of(files: &Archive) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, node) in files.nodes() {
        let mut header = tar::Header::new_ustar();
        header.set_mtime(segment::epoch()?.into());
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        match node {
            Node::Folder(mode) => {
                header.set_mode(*mode);
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, format!("{path}/"), std::io::empty())?;
            }
            Node::File(mode, bytes) => {
                header.set_mode(*mode);
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path, bytes.as_slice())?;
            }
            Node::Link(target) => {
                header.set_mode(0o777);
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, path, target)?;
            }
            Node::Device(mode, major, minor) => {
                header.set_mode(*mode);
                header.set_entry_type(tar::EntryType::Char);
                header.set_device_major(*major)?;
                header.set_device_minor(*minor)?;
                builder.append_data(&mut header, path, std::io::empty())?;
            }
        }
    }
    Ok(builder.into_inner()?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::io::Read;

    #[test]
    fn is_a_layout_and_a_docker_archive() {
        let mut files = Archive::new();
        files.file("/bin/hello", 0o755, "hi").unwrap();
        files.link("/hi", "bin/hello").unwrap();
        let image = Image {
            name: "kutties.test/hello:2",
            arch: Arch::Aarch64,
            entrypoint: &["/bin/hello"],
            command: &[],
            environment: &["A=B"],
            user: "7",
        };
        let packed = pack(&image, &files).unwrap();
        assert_eq!(packed, pack(&image, &files).unwrap());
        let mut archive = tar::Archive::new(packed.as_slice());
        let all: std::collections::BTreeMap<String, Vec<u8>> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                (path, bytes)
            })
            .collect();
        let read = |name: &str| -> Value { serde_json::from_slice(&all[name]).unwrap() };
        let of_digest = |value: &Value| format!("blobs/{}", value["digest"].as_str().unwrap().replace(':', "/"));
        let manifest = read(&of_digest(&read("index.json")["manifests"][0]));
        let config = read(&of_digest(&manifest["config"]));
        assert_eq!((config["architecture"].as_str(), config["config"]["User"].as_str()), (Some("arm64"), Some("7")));
        let docker = read("manifest.json");
        assert_eq!(docker[0]["RepoTags"][0], "kutties.test/hello:2");
        let layer = &all[docker[0]["Layers"][0].as_str().unwrap()];
        assert_eq!(layer, &all[&of_digest(&manifest["layers"][0])]);
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(layer));
    }
}
