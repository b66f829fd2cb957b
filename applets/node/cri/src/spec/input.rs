//! Input of a specification: the questions that each section answers.

use std::path::{Path, PathBuf};

use image::Image;

use super::user::User;
use crate::life::image_volumes::ImageVolume;
use crate::store::Sandbox;
use cri_api::{ContainerConfig, LinuxContainerResources, LinuxContainerSecurityContext};

/// All that a specification is made from.
pub struct Input<'a> {
    /// The sandbox's record.
    pub sandbox: &'a Sandbox,
    /// The sandbox's directory, with `ns/`, `shm`, `hosts`, `hostname` and `resolv.conf`.
    pub dir: &'a Path,
    /// The container's configuration.
    pub config: &'a ContainerConfig,
    /// Its image.
    pub image: &'a Image,
    /// Its root, mounted.
    pub rootfs: PathBuf,
    /// User and groups of its first process.
    pub user: &'a User,
    /// Its cgroup below the hierarchy's root.
    pub cgroup: &'a str,
    /// The process whose PID namespace it joins, when it was asked to join another container's.
    pub target: Option<i32>,
    /// For each of the configuration's mounts that is an image's volume: what to mount.
    pub volumes: &'a [Option<PathBuf>],
    /// The VOLUMEs of its own image.
    pub image_volumes: &'a [ImageVolume],
}

impl Input<'_> {
    /// The security context, or one with nothing in it.
    pub fn security(&self) -> LinuxContainerSecurityContext {
        self.config.linux.as_ref().and_then(|linux| linux.security_context.clone()).unwrap_or_default()
    }

    /// The limits, or none.
    pub fn resources(&self) -> LinuxContainerResources {
        self.config.linux.as_ref().and_then(|linux| linux.resources.clone()).unwrap_or_default()
    }
}
