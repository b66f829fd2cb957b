//! `ImageFsInfo`: the room that images and containers take, for the kubelet's garbage collection.

use std::path::{Path, PathBuf};

use image::Usage;
use kit::paths;

use crate::api::{FilesystemIdentifier, FilesystemUsage, ImageFsInfoRequest, ImageFsInfoResponse, UInt64Value};
use crate::server::{Answer, Shared, blocking, now};
use crate::{life::rootfs, usage};

pub async fn image_fs_info(server: &Shared, _: ImageFsInfoRequest) -> Answer<ImageFsInfoResponse> {
    let images = server.images.usage().await?;
    let dir: PathBuf = server.containers.clone();
    let containers = blocking(move || Ok(written(&dir))).await?;
    Ok(ImageFsInfoResponse { image_filesystems: vec![filesystem(images)], container_filesystems: vec![filesystem(containers)] })
}

/// What containers wrote, and what of removed ones is still there. Their roots are mounted beside it and hold the images' layers, which
/// were counted.
fn written(containers: &Path) -> Usage {
    let mut sum = Usage::default();
    for entry in std::fs::read_dir(containers).into_iter().flatten().flatten() {
        for (bytes, inodes) in rootfs::own(&entry.path()).iter().map(|path| usage::of(path)) {
            sum.bytes += bytes;
            sum.inodes += inodes;
        }
    }
    sum
}

/// Images and containers lie on one filesystem: the kubelet compares the two mount points' devices.
fn filesystem(usage: Usage) -> FilesystemUsage {
    FilesystemUsage {
        timestamp: now(),
        fs_id: Some(FilesystemIdentifier { mountpoint: paths::IMAGES.into() }),
        used_bytes: Some(UInt64Value { value: usage.bytes }),
        inodes_used: Some(UInt64Value { value: usage.inodes }),
    }
}
