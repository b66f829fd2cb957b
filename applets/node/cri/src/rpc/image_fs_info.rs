//! `ImageFsInfo`: the room that images and containers take, for the kubelet's garbage collection.

use std::path::{Path, PathBuf};

use image::Usage;
use kit::clock::now;
use kit::{Result, paths};

use crate::life::rootfs;
use crate::server::Shared;
use crate::task::blocking;
use cri_api::{FilesystemIdentifier, FilesystemUsage, ImageFsInfoRequest, ImageFsInfoResponse, UInt64Value};

pub async fn image_fs_info(server: &Shared, _: ImageFsInfoRequest) -> Result<ImageFsInfoResponse> {
    let images = server.images.usage().await?;
    let dir: PathBuf = server.containers.clone();
    let containers = blocking(move || Ok(written(&dir))).await?;
    Ok(ImageFsInfoResponse { image_filesystems: vec![filesystem(images)], container_filesystems: vec![filesystem(containers)] })
}

/// The sum of all containers' directories, removed ones' rests too: the images' layers were counted before.
fn written(containers: &Path) -> Usage {
    let mut sum = Usage::default();
    for entry in std::fs::read_dir(containers).into_iter().flatten().flatten() {
        let (bytes, inodes) = rootfs::held(&entry.path());
        sum.bytes += bytes;
        sum.inodes += inodes;
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
