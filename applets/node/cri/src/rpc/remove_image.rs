//! `RemoveImage`: by any of its names, all of it goes; no error when it is gone.

use crate::api::{RemoveImageRequest, RemoveImageResponse};
use crate::server::{Answer, Fault, Shared};

pub async fn remove_image(server: &Shared, request: RemoveImageRequest) -> Answer<RemoveImageResponse> {
    let name = request.image.unwrap_or_default().image;
    if name.is_empty() {
        return Err(Fault::invalid("an image needs a name"));
    }
    server.images.remove(&name).await?;
    Ok(RemoveImageResponse {})
}
