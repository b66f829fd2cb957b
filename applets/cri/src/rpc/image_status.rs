//! `ImageStatus`: an image that is not there is an answer without an image, not an error.

use std::collections::BTreeMap;

use crate::api::{Image as Item, ImageSpec, ImageStatusRequest, ImageStatusResponse, Int64Value};
use crate::server::{Answer, Fault, Shared};

pub async fn image_status(server: &Shared, request: ImageStatusRequest) -> Answer<ImageStatusResponse> {
    let name = request.image.unwrap_or_default().image;
    if name.is_empty() {
        return Err(Fault::invalid("an image needs a name"));
    }
    let Some(image) = server.images.find(&name).await? else { return Ok(ImageStatusResponse::default()) };
    let mut info = BTreeMap::new();
    if request.verbose {
        let facts = serde_json::json!({ "chainID": image.chain()?, "imageSpec": image.config, "layers": image.layers });
        info.insert("info".into(), facts.to_string());
    }
    Ok(ImageStatusResponse { image: Some(of(&image)), info })
}

/// The interface's image. A user that is a number is told as a number.
pub fn of(image: &image::Image) -> Item {
    let user = image.config.config().as_ref().and_then(|config| config.user().clone()).unwrap_or_default();
    let user = user.split(':').next().unwrap_or_default();
    let uid = user.parse().ok().map(|value| Int64Value { value });
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
