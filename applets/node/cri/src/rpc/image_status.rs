//! `ImageStatus`: an image that is not there is an answer without an image, not an error.

use kit::{Error, Kind, Result};
use std::collections::BTreeMap;

use crate::server::Shared;
use crate::spec;
use cri_api::{Image as Item, ImageSpec, ImageStatusRequest, ImageStatusResponse, Int64Value};

pub async fn image_status(server: &Shared, request: ImageStatusRequest) -> Result<ImageStatusResponse> {
    let name = request.image.unwrap_or_default().image;
    if name.is_empty() {
        return Err(Error::of(Kind::Invalid, "an image needs a name"));
    }
    let Some(image) = server.images.find(&name).await? else { return Ok(ImageStatusResponse::default()) };
    let mut info = BTreeMap::new();
    if request.verbose {
        let facts = serde_json::json!({ "chainID": image.chain()?, "imageSpec": image.config, "layers": image.layers });
        info.insert("info".into(), facts.to_string());
    }
    Ok(ImageStatusResponse { image: Some(of(&image)), info })
}

/// The interface's image. A user that is a number is told as a number; one that is no user's stays a name, which the kubelet refuses
/// where a pod must not run as root.
pub fn of(image: &image::Image) -> Item {
    let user = image.config.config().as_ref().and_then(|config| config.user().clone()).unwrap_or_default();
    let user = user.split(':').next().unwrap_or_default();
    let uid = spec::number(user).ok().flatten().map(|uid| Int64Value { value: uid.into() });
    Item {
        id: image.id.clone(),
        repo_tags: image.tags.clone(),
        repo_digests: image.digests.clone(),
        size: image.size,
        username: if uid.is_some() { String::new() } else { user.to_owned() },
        uid,
        spec: Some(ImageSpec { image: image.id.clone(), ..ImageSpec::default() }),
        pinned: image.pinned,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::of;

    /// The kubelet takes a number other than 0 for another user than root, so that one must be it (CVE-2026-46680).
    #[test]
    fn a_number_that_is_no_users_is_told_as_a_name() {
        let told = |user: &str| {
            let text = serde_json::json!({ "architecture": "amd64", "os": "linux", "config": { "User": user },
                "rootfs": { "type": "layers", "diff_ids": [] } });
            let config = serde_json::from_value(text).unwrap();
            let image = image::Image {
                id: String::new(),
                tags: Vec::new(),
                digests: Vec::new(),
                size: 0,
                pinned: false,
                config,
                layers: Vec::new(),
            };
            let item = of(&image);
            (item.uid.map(|uid| uid.value), item.username)
        };
        assert_eq!(told("1000:2000"), (Some(1000), String::new()));
        assert_eq!(told("0"), (Some(0), String::new()));
        assert_eq!(told("web:2000"), (None, "web".into()));
        for odd in ["4294967295", "4294967296", "18446744073709551616", "-1"] {
            assert_eq!(told(odd), (None, odd.to_owned()));
        }
    }
}
