//! `CreateContainer`: a root from the image, the OCI specification, and the order to the pod's monitor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::Image;
use kit::clock::now;
use kit::{Context, Error, Kind, Result, signal};

use crate::id::{new_id, not_found};
use crate::life::{PATIENCE, container, image_volumes, log_quota, rootfs, volumes};
use crate::link;
use crate::server::Shared;
use crate::spec;
use crate::step::{Step, reached};
use crate::store::{Container, ContainerPhase, Sandbox, SandboxPhase, container_name};
use crate::task::blocking;
use cri_api::{
    ContainerConfig, ContainerEventType, CreateContainerRequest, CreateContainerResponse, ImageSpec, LinuxContainerUser,
    NamespaceMode, PodSandboxConfig, Signal,
};
use monitor::wire::{self, Create, Reply, Request};

pub async fn create_container(server: &Shared, request: CreateContainerRequest) -> Result<CreateContainerResponse> {
    let id = &request.pod_sandbox_id;
    let find_sandbox = || server.store.sandbox(id).ok_or_else(|| not_found("sandbox", id));
    let sandbox = find_sandbox()?;
    // It is not stopped before this is done. Where it is just being stopped, this finds it so.
    let _sandbox_turn = server.turns.share(&sandbox.name()).await;
    let sandbox = find_sandbox()?;
    let mut config = request.config.unwrap_or_default();
    if config.metadata.as_ref().is_none_or(|metadata| metadata.name.is_empty()) {
        return Err(Error::of(Kind::Invalid, "a container's metadata needs a name"));
    }
    let name = container_name(&sandbox.id, &config);
    let _turn = server.turns.take(&name).await;
    if let Some(earlier) = server.store.container_named(&name) {
        if earlier.phase == ContainerPhase::Created && earlier.exit.is_none() {
            return Ok(CreateContainerResponse { container_id: earlier.id.clone() });
        }
        if earlier.phase != ContainerPhase::Making {
            return Err(Error::of(Kind::AlreadyExists, format!("container {name} is there already, as {}", earlier.id)));
        }
        // Nobody makes it, since it is our turn: an attempt that could not even be undone.
        container::remove(server, earlier).await?;
    }
    if sandbox.phase != SandboxPhase::Ready {
        return Err(Error::of(Kind::Precondition, format!("sandbox {} is not ready", sandbox.id)));
    }
    check_privileges(&sandbox, &config, request.sandbox_config.as_ref())?;
    let images = Images { root: find(server, config.image.as_ref()).await?, volumes: volumes(server, &mut config).await? };
    let record = server.store.put_container(record(&sandbox, config, &images.root)?)?;
    reached(Step::ContainerNoted);
    match make(server, &sandbox, &record, images).await {
        Ok(()) => {
            server.store.tell(ContainerEventType::ContainerCreatedEvent, &sandbox.id, &record.id);
            Ok(CreateContainerResponse { container_id: record.id.clone() })
        }
        Err(e) => {
            undo(server, record).await;
            Err(e)
        }
    }
}

/// The images that a container needs: its root's, and for each of its mounts the one that is mounted there.
struct Images {
    root: Image,
    volumes: Vec<Option<Image>>,
}

async fn find(server: &Shared, asked: Option<&ImageSpec>) -> Result<Image> {
    let name = asked.map(|spec| spec.image.clone()).unwrap_or_default();
    server.images.find(&name).await?.ok_or_else(|| not_found("image", &name))
}

/// The mounts' images. Which one it was is noted in the mount, whose name may belong to another image tomorrow.
async fn volumes(server: &Shared, config: &mut ContainerConfig) -> Result<Vec<Option<Image>>> {
    let mut volumes = Vec::new();
    for mount in &mut config.mounts {
        let Some(spec) = &mut mount.image else {
            volumes.push(None);
            continue;
        };
        let image = find(server, Some(spec)).await?;
        image.digests.first().unwrap_or(&image.id).clone_into(&mut spec.image_ref);
        volumes.push(Some(image));
    }
    Ok(volumes)
}

/// A sandbox is told before whether it may hold a privileged container; an ephemeral one brings the news with itself.
fn check_privileges(sandbox: &Sandbox, config: &ContainerConfig, told: Option<&PodSandboxConfig>) -> Result<()> {
    let linux = config.linux.as_ref().and_then(|linux| linux.security_context.as_ref());
    let of_pod = |config: &PodSandboxConfig| {
        config.linux.as_ref().and_then(|linux| linux.security_context.as_ref()).is_some_and(|context| context.privileged)
    };
    let may = of_pod(&sandbox.config) || told.is_some_and(of_pod);
    if linux.is_some_and(|context| context.privileged) && !may {
        return Err(Error::of(Kind::Invalid, "a privileged container needs a sandbox that may hold one"));
    }
    Ok(())
}

/// Undoes the request. The part that can't be undone now stays on disk as half-made; the next start of the server tries again.
async fn undo(server: &Shared, record: Arc<Container>) {
    let id = record.id.clone();
    if let Err(e) = container::remove(server, record).await {
        tracing::error!(container = id, error = %e, "undo a half-made container");
    }
}

fn record(sandbox: &Sandbox, config: ContainerConfig, image: &Image) -> Result<Container> {
    let id = new_id()?;
    let of_image = image.config.config().as_ref().and_then(|config| config.stop_signal().clone());
    let stop_signal = stop_signal(config.stop_signal(), of_image.as_deref())?;
    let (directory, file) = (&sandbox.config.log_directory, &config.log_path);
    let logs = !directory.is_empty() && !file.is_empty();
    let log_path = if logs { Path::new(directory).join(file).to_string_lossy().into_owned() } else { String::new() };
    Ok(Container {
        cgroup: format!("{}/{id}", sandbox.cgroup),
        id,
        sandbox: sandbox.id.clone(),
        created_at: now(),
        image_id: image.id.clone(),
        image_ref: image.digests.first().unwrap_or(&image.id).clone(),
        log_path,
        stop_signal,
        config,
        ..Container::default()
    })
}

/// The pod's, the image's, or the usual one. Some builders write an empty one into the image.
fn stop_signal(asked: Signal, of_image: Option<&str>) -> Result<i32> {
    match asked {
        Signal::RuntimeDefault => signal::number(of_image.filter(|name| !name.trim().is_empty()).unwrap_or("SIGTERM")),
        asked => signal::number(asked.as_str_name().trim_start_matches("SIGNAL_")),
    }
}

async fn make(server: &Shared, sandbox: &Arc<Sandbox>, record: &Arc<Container>, images: Images) -> Result<()> {
    let target = target(server, record).await?;
    let dir = server.store.dir(&sandbox.id);
    let bundle = server.containers.join(&record.id);
    let (made, of, directory, home) = (record.clone(), sandbox.clone(), bundle.clone(), dir.clone());
    let writable = server.writable;
    let user = blocking(move || {
        rootfs::make_layer(&directory, writable)?;
        make_bundle(&of, &made, &images, &directory, &home, target)
    });
    let user = user.await?;
    let create = Create {
        container: record.id.clone(),
        bundle,
        log: (!record.log_path.is_empty()).then(|| PathBuf::from(&record.log_path)),
        log_quota: log_quota::of_node(),
        cgroup: record.cgroup.clone(),
        terminal: record.config.tty,
        stdin: record.config.stdin,
        stdin_once: record.config.stdin_once,
    };
    match link::call(&dir, &Request::Create(create), PATIENCE).await? {
        Reply::Created { .. } => reached(Step::ContainerMade),
        other => return Err(link::unexpected(other)),
    }
    server.store.change_container(&record.id, |container| {
        container.user = user;
        container.phase = ContainerPhase::Created;
    })?;
    reached(Step::ContainerCreated);
    Ok(())
}

/// The container's directory: its root, mounted, and `config.json`.
fn make_bundle(
    sandbox: &Sandbox,
    record: &Container,
    images: &Images,
    bundle: &Path,
    dir: &Path,
    target: Option<i32>,
) -> Result<LinuxContainerUser> {
    let image = &images.root;
    let rootfs = rootfs::make(bundle, &image.layers)?;
    reached(Step::RootMounted);
    let mounts = record.config.mounts.iter().zip(&images.volumes).enumerate();
    let volumes = mounts.map(|(number, (mount, image))| match image {
        Some(image) => volumes::make(bundle, number, image, &mount.image_sub_path).map(Some),
        None => Ok(None),
    });
    let volumes = volumes.collect::<Result<Vec<_>>>()?;
    reached(Step::VolumesMounted);
    let of_image = image.config.config().as_ref().and_then(|config| config.volumes().clone()).unwrap_or_default();
    let places: Vec<&str> = record.config.mounts.iter().map(|mount| mount.container_path.as_str()).collect();
    let image_volumes = image_volumes::make(bundle, &rootfs, &of_image, &places)?;
    let security = record.config.linux.as_ref().and_then(|linux| linux.security_context.clone()).unwrap_or_default();
    let of_image = image.config.config().as_ref().and_then(|config| config.user().clone()).unwrap_or_default();
    let user = spec::resolve_user(&rootfs, &of_image, &security)?;
    let config = &record.config;
    let (cgroup, volumes, image_volumes) = (&record.cgroup, &volumes, &image_volumes);
    let input = spec::Input { sandbox, dir, config, image, rootfs, user: &user, cgroup, target, volumes, image_volumes };
    let spec = serde_json::to_vec(&spec::build(&input)?).doing("encode config.json")?;
    let path = bundle.join("config.json");
    std::fs::write(&path, spec).on("write", &path)?;
    reached(Step::BundleWritten);
    Ok(LinuxContainerUser::from(&user))
}

/// The process of the container whose PID namespace this one is to join.
async fn target(server: &Shared, record: &Container) -> Result<Option<i32>> {
    let linux = record.config.linux.clone().unwrap_or_default();
    let Some(options) = linux.security_context.and_then(|context| context.namespace_options) else { return Ok(None) };
    if options.pid() != NamespaceMode::Target {
        return Ok(None);
    }
    let of_pod = server.store.container(&options.target_id).filter(|target| target.sandbox == record.sandbox);
    let target = of_pod.ok_or_else(|| Error::new(format!("the pod has no container {}", options.target_id)))?;
    match link::call(&server.store.dir(&record.sandbox), &Request::Info, PATIENCE).await? {
        Reply::Info(wire::Info { containers, .. }) => {
            Ok(containers.iter().find(|seen| seen.id == target.id).and_then(|seen| seen.pid))
        }
        other => Err(link::unexpected(other)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn an_empty_stop_signal_is_none() {
        let of = |asked, image| stop_signal(asked, image).unwrap();
        for image in [None, Some(""), Some(" ")] {
            assert_eq!(of(Signal::RuntimeDefault, image), 15, "{image:?}");
        }
        assert_eq!(of(Signal::RuntimeDefault, Some("SIGQUIT")), 3);
        assert_eq!(of(Signal::Sigint, Some("")), 2);
        assert!(stop_signal(Signal::RuntimeDefault, Some("SIGNOTHING")).is_err());
    }
}
