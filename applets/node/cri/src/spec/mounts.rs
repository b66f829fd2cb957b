//! Mounts: what every container has, then what Kubernetes asks for, shallow places first.

use std::fs;
use std::path::{Component, Path, PathBuf};

use kit::{Context, Error, Result, paths};
use serde_json::{Value, json};

use super::host;
use super::input::Input;
use cri_api::{LinuxContainerSecurityContext, Mount, MountPropagation};

/// Options that a mount may ask for beside the others.
const OPTIONS: &[&str] = &["noexec", "nodev", "nosuid"];

/// Directory of devices.
const DEV: &str = "/dev";

/// The `mounts` section, and how the root's mounts spread.
#[derive(Debug)]
pub struct Mounts {
    /// In the order of mounting.
    pub list: Vec<Value>,
    /// `private`, `rslave` or `rshared`.
    pub propagation: &'static str,
}

/// The mounts that every container has, then Kubernetes' mounts.
pub fn build(input: &Input, security: &LinuxContainerSecurityContext) -> Result<Mounts> {
    let asked = &input.config.mounts;
    // A mount at /dev brings what lies below it: ours would hide the host's terminals and shared memory, or be hidden.
    let places: Vec<PathBuf> = asked.iter().map(|mount| clean(&mount.container_path)).collect();
    let dev_taken = places.iter().any(|place| place == Path::new(DEV));
    let taken = |place: &str| places.iter().any(|it| it == Path::new(place)) || (dev_taken && Path::new(place).starts_with(DEV));
    let mut list: Vec<Value> = system(input, security.privileged);
    // An image's volume at /etc must not cover our files.
    list.extend(
        input
            .image_volumes
            .iter()
            .map(|volume| mount(&volume.place.to_string_lossy(), "bind", &volume.source, &["rbind", "rprivate", "rw"])),
    );
    list.extend(files(input, security.readonly_rootfs));
    list.retain(|mount| mount["destination"].as_str().is_none_or(|place| !taken(place)));
    let mut binds = Vec::new();
    for (index, mount) in asked.iter().enumerate() {
        binds.push(bind(mount, input.volumes.get(index).and_then(Option::as_deref))?);
    }
    // A mount that lies in another one must come after it.
    binds.sort_by_key(|mount| mount["destination"].as_str().map_or(0, |place| place.matches('/').count()));
    list.extend(binds);
    Ok(Mounts { list, propagation: propagation(asked) })
}

/// The kernel's filesystems. A privileged container may write to /sys and sees the host's cgroups.
fn system(input: &Input, privileged: bool) -> Vec<Value> {
    let access = if privileged { "rw" } else { "ro" };
    let host_shm = input.sandbox.on_host_ipc();
    let shm = if host_shm { PathBuf::from("/dev/shm") } else { input.dir.join("shm") };
    vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", access]),
        mount("/dev/shm", "bind", shm, &["rbind", "rprivate", "nosuid", "noexec", "nodev", "rw"]),
    ]
}

/// The three files of /etc that the sandbox gives.
fn files(input: &Input, readonly: bool) -> Vec<Value> {
    let access = if readonly { "ro" } else { "rw" };
    let file = |name: &str| mount(&format!("/etc/{name}"), "bind", input.dir.join(name), &["rbind", "rprivate", access]);
    ["hostname", "hosts", "resolv.conf"].map(file).to_vec()
}

fn mount(place: &str, kind: &str, source: impl AsRef<Path>, options: &[&str]) -> Value {
    json!({ "destination": place, "type": kind, "source": source.as_ref(), "options": options })
}

/// A mount of Kubernetes', of what lies at `volume` when it is one of an image. The host's path is made when it is missing, as
/// every runtime does.
fn bind(mount: &Mount, volume: Option<&Path>) -> Result<Value> {
    check(mount)?;
    let source = match (volume, &mount.image) {
        (Some(volume), _) => volume.to_owned(),
        (None, Some(image)) => {
            return Err(Error::new(format!("mount {}: image {} is missing", mount.container_path, image.image)));
        }
        (None, None) => host_path(&mount.host_path)?,
    };
    host::spreads(&source, mount.propagation())?;
    let spread = match spread(mount, &source) {
        MountPropagation::PropagationPrivate => "rprivate",
        MountPropagation::PropagationHostToContainer => "rslave",
        MountPropagation::PropagationBidirectional => "rshared",
    };
    let access = match (mount.readonly, mount.recursive_read_only) {
        (false, _) => "rw",
        (true, false) => "ro",
        (true, true) => "rro",
    };
    let mut options = vec!["rbind", spread, access];
    options.extend(mount.mount_options.iter().map(String::as_str));
    Ok(self::mount(&clean(&mount.container_path).to_string_lossy(), "bind", source, &options))
}

fn check(mount: &Mount) -> Result<()> {
    let place = &mount.container_path;
    let no = |what: &str| Err(Error::new(format!("mount {place}: {what}")));
    if mount.image.is_some() && !(mount.readonly && mount.host_path.is_empty()) {
        return no("an image's volume is read-only and has no path on the host");
    }
    if mount.image.is_none() && !mount.image_sub_path.is_empty() {
        return no("a path in an image needs an image");
    }
    if !mount.uid_mappings.is_empty() || !mount.gid_mappings.is_empty() {
        return no("mounts with mapped ids are not implemented yet");
    }
    if let Some(unknown) = mount.mount_options.iter().find(|option| !OPTIONS.contains(&option.as_str())) {
        return no(&format!("option {unknown} is not implemented yet"));
    }
    if mount.selinux_relabel && host::has_selinux() {
        return no("SELinux labels are not implemented yet");
    }
    if mount.recursive_read_only && !mount.readonly {
        return no("recursively read-only, but not read-only");
    }
    if mount.recursive_read_only && mount.propagation() != MountPropagation::PropagationPrivate {
        return no("recursively read-only needs private propagation");
    }
    if place.is_empty() || (mount.host_path.is_empty() && mount.image.is_none()) {
        return no("a mount needs a place in the container and a path on the host");
    }
    Ok(())
}

fn host_path(path: &str) -> Result<PathBuf> {
    if !Path::new(path).exists() {
        fs::create_dir_all(path).on("make", path)?;
    }
    fs::canonicalize(path).on("find", path)
}

/// An absolute path without `.`, `..` and doubled slashes.
fn clean(path: &str) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    clean
}

/// Returns how a mount spreads. A copy of the runtime's own mounts in a container would keep the memory of containers that are gone: their end
/// must reach it. What is read-only for good has no new mounts in it.
fn spread(mount: &Mount, source: &Path) -> MountPropagation {
    let holds_containers = mount.image.is_none() && Path::new(paths::CONTAINERS).starts_with(source);
    match mount.propagation() {
        MountPropagation::PropagationPrivate
            if holds_containers && !source.as_os_str().is_empty() && !mount.recursive_read_only =>
        {
            MountPropagation::PropagationHostToContainer
        }
        asked => asked,
    }
}

/// The root must spread what one of its mounts is to spread.
pub fn propagation(mounts: &[Mount]) -> &'static str {
    let source = |mount: &Mount| fs::canonicalize(&mount.host_path).unwrap_or_default();
    let any = |kind| mounts.iter().any(|mount| spread(mount, &source(mount)) == kind);
    if any(MountPropagation::PropagationBidirectional) {
        "rshared"
    } else if any(MountPropagation::PropagationHostToContainer) {
        "rslave"
    } else {
        "private"
    }
}
