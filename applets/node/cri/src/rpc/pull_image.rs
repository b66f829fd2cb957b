//! `PullImage`: always asks the registry, also for what is there: the kubelet's policies and checks of secrets depend on it.

use kit::{Error, Kind, Result};

use crate::server::Shared;
use cri_api::{PullImageRequest, PullImageResponse};

pub async fn pull_image(server: &Shared, request: PullImageRequest) -> Result<PullImageResponse> {
    let name = request.image.unwrap_or_default().image;
    if name.is_empty() {
        return Err(Error::of(Kind::Invalid, "an image needs a name"));
    }
    let id = server.images.pull(&name, request.auth).await?;
    Ok(PullImageResponse { image_ref: id })
}
