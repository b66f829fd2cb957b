//! `ListImages` and `StreamImages`.

use tonic::codegen::BoxStream;

use super::image_status::of;
use crate::api::{Image, ImageFilter, ListImagesRequest, ListImagesResponse, StreamImagesRequest, StreamImagesResponse};
use crate::pieces;
use crate::server::{Answer, Shared};

pub async fn list_images(server: &Shared, request: ListImagesRequest) -> Answer<ListImagesResponse> {
    Ok(ListImagesResponse { images: items(server, request.filter).await? })
}

pub async fn stream_images(server: &Shared, request: StreamImagesRequest) -> Answer<BoxStream<StreamImagesResponse>> {
    Ok(pieces::stream(items(server, request.filter).await?, |images| StreamImagesResponse { images }))
}

async fn items(server: &Shared, filter: Option<ImageFilter>) -> Answer<Vec<Image>> {
    let name = filter.and_then(|filter| filter.image).unwrap_or_default().image;
    let images =
        if name.is_empty() { server.images.all().await? } else { server.images.find(&name).await?.into_iter().collect() };
    Ok(images.iter().map(of).collect())
}
