//! Packs container images from files: one tar that is an OCI layout and what `docker load` reads at once, the same bytes every
//! time (after opencontainers/image-spec 1.1).

use anyhow::{Context, Result};
use initramfs::{Archive, Node};
use serde_json::{Value, json};

use crate::board::Arch;
use crate::{segment, sum};

/// Name and configuration of an image.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// `REGISTRY/NAME:TAG`
    pub name: &'a str,
    /// Architecture that it runs on.
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
/// The file `oci-layout`.
const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// A layer that lies as a directory in the node's bundle: no image holds its bytes, and several may stand on it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Name of the directory: what the layer is for, and the beginning of its digest.
    pub name: String,
    /// Its files.
    pub files: Archive,
    diff_id: String,
    /// Bytes of its tar.
    size: usize,
}

/// Annotation of a layer with its directory on the node; the image store's `shared.rs` says the same.
const DIRECTORY: &str = "dev.kutties.layer";
/// Digits of the digest in the directory's name; the image store checks as many.
const DIGITS: usize = 16;

impl Layer {
    /// The layer of these files, called `purpose` and the beginning of its digest.
    pub fn new(purpose: &str, files: Archive) -> Result<Self> {
        let tar = tar_of(&files)?;
        let sum = sum::bytes(&tar);
        Ok(Self { name: format!("{purpose}-{}", &sum[..DIGITS]), files, diff_id: format!("sha256:{sum}"), size: tar.len() })
    }
}

/// The layout of an image whose layers, lowest first, lie below the directory `layers` of the node: descriptions and no blob of a layer.
pub fn layout(image: &Image, layers: &[&Layer], directory: &str) -> Result<Archive> {
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    let described = |layer: &&Layer| {
        json!({ "mediaType": LAYER, "digest": layer.diff_id, "size": layer.size,
            "annotations": { DIRECTORY: format!("{directory}/{}", layer.name) } })
    };
    let parts = Parts::of(image, &diff_ids, &layers.iter().map(described).collect::<Vec<_>>())?;
    let mut all = Archive::new();
    all.file("oci-layout", 0o644, VERSION)?;
    all.file("index.json", 0o644, parts.index)?;
    for bytes in [parts.config, parts.manifest] {
        all.file(&blob(&bytes), 0o644, bytes)?;
    }
    Ok(all)
}

/// The documents of an image.
struct Parts {
    config: Vec<u8>,
    manifest: Vec<u8>,
    index: Vec<u8>,
}

impl Parts {
    fn of(image: &Image, diff_ids: &[&str], layers: &[Value]) -> Result<Self> {
        let (_, tag) = image.name.rsplit_once(':').with_context(|| format!("pack {}: it has no tag", image.name))?;
        let config = serde_json::to_vec(&json!({
            "architecture": image.arch.debian(),
            "os": "linux",
            "config": {
                "Entrypoint": image.entrypoint, "Cmd": image.command, "Env": image.environment, "User": image.user,
            },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        }))?;
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": layers,
        }))?;
        let mut of_manifest = descriptor(MANIFEST, &manifest);
        of_manifest["annotations"] = json!({ "io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": tag });
        of_manifest["platform"] = json!({ "architecture": image.arch.debian(), "os": "linux" });
        let index = serde_json::to_vec(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [of_manifest] }))?;
        Ok(Self { config, manifest, index })
    }
}

/// The tar of an image with one layer, which holds these files.
pub fn pack(image: &Image, files: &Archive) -> Result<Vec<u8>> {
    let layer = tar_of(files)?;
    let parts = Parts::of(image, &[&digest(&layer)], &[descriptor(LAYER, &layer)])?;
    let docker = json!([{ "Config": blob(&parts.config), "RepoTags": [image.name], "Layers": [blob(&layer)] }]);

    let mut all = Archive::new();
    all.file("oci-layout", 0o644, VERSION)?;
    all.file("index.json", 0o644, parts.index)?;
    all.file("manifest.json", 0o644, serde_json::to_vec(&docker)?)?;
    for bytes in [layer, parts.config, parts.manifest] {
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
            Node::Directory(mode) => {
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
    fn layers_of_a_bundle_are_named_and_not_held() {
        let layer = |purpose: &str, text: &str| {
            let mut files = Archive::new();
            files.file("/usr/local/bin/kube", 0o755, text).unwrap();
            Layer::new(purpose, files).unwrap()
        };
        let (one, other) = (layer("kube", "1"), layer("kube", "2"));
        assert_ne!(one.name, other.name);
        let image =
            Image { name: "kutties.test/kube:1", arch: Arch::X86_64, entrypoint: &[], command: &[], environment: &[], user: "" };
        let all = layout(&image, &[&one, &other], "/usr/lib/kutties/kube/layers").unwrap();
        let read = |path: &str| {
            let Some(Node::File(_, bytes)) = all.get(path) else { unreachable!("{path} is no file") };
            serde_json::from_slice::<Value>(bytes).unwrap()
        };
        let of_digest = |value: &Value| format!("blobs/{}", value["digest"].as_str().unwrap().replace(':', "/"));
        let index = read("index.json");
        let manifest = read(&of_digest(&index["manifests"][0]));
        let config = read(&of_digest(&manifest["config"]));
        for (number, layer) in [&one, &other].into_iter().enumerate() {
            let told = &manifest["layers"][number];
            assert_eq!(told["annotations"][DIRECTORY], format!("/usr/lib/kutties/kube/layers/{}", layer.name));
            assert_eq!(told["digest"], config["rootfs"]["diff_ids"][number]);
            assert!(all.get(&of_digest(told)).is_none() && told["digest"].as_str().unwrap()[7..].starts_with(&layer.name[5..]));
        }
    }

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
