//! Image configurations and manifests as they are found, not only as the specification has them: Go writes a list that has nothing in it
//! as null or not at all, and an image without layers has such lists.

use oci_spec::image::{ImageConfiguration, ImageManifest};
use serde_json::{Value, json};

/// Decode an image's configuration.
///
/// # Errors
/// Bytes that are no such document.
pub fn configuration(bytes: &[u8]) -> serde_json::Result<ImageConfiguration> {
    let mut value: Value = serde_json::from_slice(bytes)?;
    if let Some(whole) = value.as_object_mut() {
        let rootfs = whole.entry("rootfs").or_insert(Value::Null);
        if rootfs.is_null() {
            *rootfs = json!({ "type": "layers" });
        }
        if let Some(rootfs) = rootfs.as_object_mut() {
            empty(rootfs.entry("diff_ids").or_insert(Value::Null));
        }
    }
    serde_json::from_value(value)
}

/// Decode a manifest.
///
/// # Errors
/// A value that is no such document.
pub fn manifest(mut value: Value) -> serde_json::Result<ImageManifest> {
    if let Some(layers) = value.get_mut("layers") {
        empty(layers);
    }
    serde_json::from_value(value)
}

fn empty(list: &mut Value) {
    if list.is_null() {
        *list = json!([]);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn an_image_without_layers_has_lists_of_four_kinds() {
        for rootfs in [
            r#""rootfs":{"type":"layers","diff_ids":[]},"#,
            r#""rootfs":{"type":"layers","diff_ids":null},"#,
            r#""rootfs":{"type":"layers"},"#,
            r#""rootfs":null,"#,
            "",
        ] {
            let text = format!(r#"{{{rootfs}"architecture":"amd64","os":"linux"}}"#);
            assert!(configuration(text.as_bytes()).unwrap().rootfs().diff_ids().is_empty(), "{rootfs}");
        }
        let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
            "digest": format!("sha256:{}", "0a".repeat(32)) });
        let of = |layers: Value| manifest(json!({ "schemaVersion": 2, "config": config, "layers": layers }));
        assert!(of(Value::Null).unwrap().layers().is_empty() && of(json!([])).unwrap().layers().is_empty());
        assert!(of(json!(7)).is_err() && manifest(json!([])).is_err() && configuration(b"[]").is_err());
    }
}
