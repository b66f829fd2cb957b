//! Manifests: which media types there are, and which image of an index is for this machine.

use std::fmt::Write;

use kit::{Error, Kind, Result};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};

use crate::candidate::architecture;
use crate::configuration;
use crate::shared;

/// Media types to ask for: images and indexes, in both families of types.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// Registries take no manifests that are larger (distribution-spec, "Pushing Manifests"), in bytes.
pub const LIMIT: u64 = 4 << 20;

/// A manifest or an index, told by what is in it.
pub enum Document {
    /// Several images.
    Index(Box<ImageIndex>),
    /// One image.
    Image(Box<ImageManifest>),
}

/// Decode what came for a reference.
pub fn decode(bytes: &[u8]) -> Result<Document> {
    let invalid = |why: String| Error::of(Kind::Invalid, why);
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| invalid(format!("the manifest is no JSON: {e}")))?;
    if value.get("schemaVersion").and_then(serde_json::Value::as_u64) == Some(1) {
        return Err(invalid("the image is in docker's first format (schema 1), which nobody serves any more".into()));
    }
    // An image that also claims to be an index could be two things to two readers.
    match (value.get("manifests").is_some(), value.get("layers").is_some()) {
        (true, false) => serde_json::from_value(value)
            .map(|index| Document::Index(Box::new(index)))
            .map_err(|e| invalid(format!("the index is malformed: {e}"))),
        (false, true) => configuration::manifest(value)
            .map(|manifest| Document::Image(Box::new(manifest)))
            .map_err(|e| invalid(format!("the manifest is malformed: {e}"))),
        _ => Err(invalid("what came is neither an image manifest nor an index".into())),
    }
}

/// The image for this machine: the plain architecture before its variants.
pub fn choose(index: &ImageIndex) -> Result<&Descriptor> {
    let rank = |descriptor: &&Descriptor| -> Option<u8> {
        let Some(platform) = descriptor.platform() else { return Some(9) };
        if platform.os().to_string() != "linux" || platform.architecture().to_string() != architecture() {
            return None;
        }
        match (architecture(), platform.variant().as_deref().unwrap_or_default()) {
            (_, "") => Some(0),
            ("amd64", "v1") | ("arm64", "v8") => Some(1),
            // A variant newer than the first of its kind may not run here.
            _ => None,
        }
    };
    let best = index.manifests().iter().filter_map(|d| Some((rank(&d)?, d))).min_by_key(|(rank, _)| *rank);
    best.map(|(_, descriptor)| descriptor).ok_or_else(|| {
        let mut has = String::new();
        for platform in index.manifests().iter().filter_map(|d| d.platform().as_ref()) {
            let variant = platform.variant().as_ref().map(|v| format!("/{v}")).unwrap_or_default();
            // Writing to a string can't fail.
            let _ = write!(has, " {}/{}{variant}", platform.os(), platform.architecture());
        }
        has.truncate(has.char_indices().nth(300).map_or(has.len(), |(at, _)| at));
        Error::of(Kind::NotFound, format!("there is no image for linux/{} in it, only for:{has}", architecture()))
    })
}

/// Refuse what is no container image before anything is downloaded.
pub fn check(manifest: &ImageManifest) -> Result<()> {
    let kind = manifest.config().media_type().to_string();
    let known = ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
    // Old builders left the type out, or called it this.
    if !known.contains(&kind.as_str()) && kind != "application/octet-stream" && !kind.is_empty() {
        return Err(Error::of(Kind::Invalid, format!("it is no container image: its configuration is of the type {kind:?}")));
    }
    if let Some(path) = manifest.layers().iter().find_map(shared::named) {
        let why = format!("a layer of it is at {path}: only a layout that came with the node may name a directory of it");
        return Err(Error::of(Kind::Invalid, why));
    }
    match manifest.layers().iter().map(|layer| layer.media_type().to_string()).find(|kind| kind.ends_with("+encrypted")) {
        Some(kind) => Err(Error::of(Kind::Invalid, format!("its layers are encrypted ({kind}), which is not supported"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn index(platforms: &[(&str, &str, &str)]) -> ImageIndex {
        let manifests = platforms.iter().enumerate().map(|(n, (os, arch, variant))| {
            let digest = format!("sha256:{}", format!("{n:02x}").repeat(32));
            let mut platform = serde_json::json!({ "os": os, "architecture": arch });
            if !variant.is_empty() {
                platform["variant"] = (*variant).into();
            }
            serde_json::json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 7, "platform": platform })
        });
        let text = serde_json::json!({ "schemaVersion": 2, "manifests": manifests.collect::<Vec<_>>() });
        match decode(text.to_string().as_bytes()).unwrap() {
            Document::Index(index) => *index,
            Document::Image(_) => unreachable!("it has no layers"),
        }
    }

    fn chosen(platforms: &[(&str, &str, &str)]) -> Option<usize> {
        let index = index(platforms);
        let found = choose(&index).ok()?.clone();
        index.manifests().iter().position(|d| *d == found)
    }

    #[test]
    fn the_machine_s_own_image_is_chosen() {
        let here = architecture();
        let first = if here == "arm64" { "v8" } else { "v1" };
        assert_eq!(chosen(&[("linux", "s390x", ""), ("linux", here, "")]), Some(1));
        assert_eq!(chosen(&[("windows", here, ""), ("linux", here, "v9"), ("linux", here, first)]), Some(2));
        assert_eq!(chosen(&[("unknown", "unknown", ""), ("linux", here, "v9")]), None);
        let said = choose(&index(&[("linux", "s390x", ""), ("linux", "arm", "v7")])).unwrap_err();
        assert_eq!(said.kind(), Kind::NotFound);
        assert!(said.message().contains("linux/arm/v7"), "{said}");
    }

    #[test]
    fn no_registry_names_a_directory_of_the_node() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let mut layer = serde_json::json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 7 });
        layer["annotations"] = serde_json::json!({ "dev.kutties.layer": "/usr/lib/kutties/kube/layers/kube" });
        let config = serde_json::json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 7 });
        let text = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
        let Document::Image(manifest) = decode(text.to_string().as_bytes()).unwrap() else { unreachable!("it is an image") };
        let said = check(&manifest).unwrap_err();
        assert!(said.kind() == Kind::Invalid && said.message().contains("/usr/lib/kutties/kube/layers/kube"), "{said}");
    }

    #[test]
    fn odd_documents_are_refused() {
        for text in ["", "[]", "{}", r#"{"schemaVersion":1,"fsLayers":[]}"#, r#"{"manifests":[],"layers":[]}"#, r#"{"layers":7}"#]
        {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }
}
