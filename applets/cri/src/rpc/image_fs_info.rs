//! `ImageFsInfo`: the room that images take, for the kubelet's garbage collection.

use kit::paths;

use crate::api::{FilesystemIdentifier, FilesystemUsage, ImageFsInfoRequest, ImageFsInfoResponse, UInt64Value};
use crate::server::{Answer, Shared, now};

pub async fn image_fs_info(server: &Shared, _: ImageFsInfoRequest) -> Answer<ImageFsInfoResponse> {
    let usage = server.images.usage().await?;
    // Images and containers lie on one filesystem: the kubelet compares the two mount points' devices.
    let filesystem = FilesystemUsage {
        timestamp: now(),
        fs_id: Some(FilesystemIdentifier { mountpoint: paths::IMAGES.into() }),
        used_bytes: Some(UInt64Value { value: usage.bytes }),
        inodes_used: Some(UInt64Value { value: usage.inodes }),
    };
    Ok(ImageFsInfoResponse { image_filesystems: vec![filesystem.clone()], container_filesystems: vec![filesystem] })
}
