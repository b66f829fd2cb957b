//! `ListImages` and `StreamImages`.

use kit::Result;
use tonic::codegen::BoxStream;

use super::image_status::of;
use crate::pieces;
use crate::server::Shared;
use cri_api::{Image, ImageFilter, ListImagesRequest, ListImagesResponse, StreamImagesRequest, StreamImagesResponse};

pub async fn list_images(server: &Shared, request: ListImagesRequest) -> Result<ListImagesResponse> {
    Ok(ListImagesResponse { images: items(server, request.filter).await? })
}

pub async fn stream_images(server: &Shared, request: StreamImagesRequest) -> Result<BoxStream<StreamImagesResponse>> {
    Ok(pieces::stream(items(server, request.filter).await?, |images| StreamImagesResponse { images }))
}

async fn items(server: &Shared, filter: Option<ImageFilter>) -> Result<Vec<Image>> {
    let name = filter.and_then(|filter| filter.image).unwrap_or_default().image;
    let images =
        if name.is_empty() { server.images.all().await? } else { server.images.find(&name).await?.into_iter().collect() };
    Ok(images.iter().map(of).collect())
}
