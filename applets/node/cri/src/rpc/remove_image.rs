//! `RemoveImage`: by any of its names, all of it goes; no error when it is gone.

use kit::{Error, Kind, Result};

use crate::server::Shared;
use cri_api::{RemoveImageRequest, RemoveImageResponse};

pub async fn remove_image(server: &Shared, request: RemoveImageRequest) -> Result<RemoveImageResponse> {
    let name = request.image.unwrap_or_default().image;
    if name.is_empty() {
        return Err(Error::of(Kind::Invalid, "an image needs a name"));
    }
    server.images.remove(&name).await?;
    Ok(RemoveImageResponse {})
}
