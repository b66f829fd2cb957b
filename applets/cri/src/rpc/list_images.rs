//! `ListImages`.

use super::image_status::of;
use crate::api::{ListImagesRequest, ListImagesResponse};
use crate::server::{Answer, Shared};

pub async fn list_images(server: &Shared, request: ListImagesRequest) -> Answer<ListImagesResponse> {
    let name = request.filter.and_then(|filter| filter.image).unwrap_or_default().image;
    let images =
        if name.is_empty() { server.images.all().await? } else { server.images.find(&name).await?.into_iter().collect() };
    Ok(ListImagesResponse { images: images.iter().map(of).collect() })
}
