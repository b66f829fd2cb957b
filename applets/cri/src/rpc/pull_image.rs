//! `PullImage`: of images that the node has. Registries come later.

use tonic::Code;

use crate::api::{PullImageRequest, PullImageResponse};
use crate::server::{Answer, Fault, Shared};

pub async fn pull_image(server: &Shared, request: PullImageRequest) -> Answer<PullImageResponse> {
    let name = request.image.unwrap_or_default().image;
    if let Some(image) = server.images.find(&name).await? {
        return Ok(PullImageResponse { image_ref: image.id });
    }
    let message = format!("pull {name}: the node does not have it, and registries are not implemented yet");
    Err(Fault::new(Code::Unimplemented, message))
}
