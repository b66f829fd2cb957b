#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::io::{BufRead, BufReader, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::sync::mpsc;
use std::time::Duration;

use rustix::net::{AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType};
use tonic::Code;

use super::*;
use cri_api::client;
use cri_api::*;
use monitor::wire::{self, Info, Reply, Request, Spawn};

/// A zygote of one thread a monitor, which makes nothing and says yes. The receiver gets each monitor's watching connection.
pub(crate) fn zygote() -> (Zygote, mpsc::Receiver<StdStream>) {
    zygote_with(|_| {})
}

/// The same, whose monitors do something first at each request; at none when they are made.
fn zygote_with(work: impl Fn(Option<&Request>) + Clone + Send + 'static) -> (Zygote, mpsc::Receiver<StdStream>) {
    let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let (tell, watches) = mpsc::channel();
    std::thread::spawn(move || {
        while let Some((spawn, notify)) = receive(&theirs) {
            let listener = StdListener::bind(wire::socket(&spawn.dir)).unwrap();
            let (tell, work) = (tell.clone(), work.clone());
            std::thread::spawn(move || {
                work(None);
                say(&notify, &info());
                tell.send(notify).unwrap();
                listener.incoming().flatten().for_each(|socket| monitor(socket, &tell, &work));
            });
        }
    });
    (Zygote(ours), watches)
}

fn receive(socket: &OwnedFd) -> Option<(Spawn, StdStream)> {
    let mut bytes = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut beside, RecvFlags::empty()).unwrap();
    let fd = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    })?;
    Some((serde_json::from_slice(&bytes[..got.bytes]).unwrap(), fd.into()))
}

fn monitor(socket: StdStream, tell: &mpsc::Sender<StdStream>, work: &impl Fn(Option<&Request>)) {
    let mut line = String::new();
    BufReader::new(&socket).read_line(&mut line).unwrap();
    let request = serde_json::from_str(&line).unwrap();
    work(Some(&request));
    match request {
        Request::Watch => {
            say(&socket, &info());
            let _ = tell.send(socket);
        }
        _ => say(&socket, &Reply::Done),
    }
}

fn info() -> Reply {
    Reply::Info(Info { pid: 1, containers: Vec::new() })
}

fn say(mut socket: &StdStream, reply: &Reply) {
    socket.write_all(format!("{}\n", serde_json::to_string(reply).unwrap()).as_bytes()).unwrap();
}

pub(crate) fn options(name: &str) -> Options {
    // Short: a socket's path has 108 bytes, and an id takes 64.
    let root = Path::new("/tmp").join(format!("cri-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    let [socket, state, images, containers] = ["s", "p", "i", "c"].map(|part| root.join(part));
    Options { socket, state, images, containers, writable: "25%".into() }
}

/// Remove what was left. The server of the test still lives and may write a file meanwhile, so it is tried again.
pub(crate) fn clear(options: &Options) {
    let root = options.state.parent().unwrap();
    while let Err(e) = fs::remove_dir_all(root) {
        assert_eq!(e.kind(), std::io::ErrorKind::DirectoryNotEmpty, "{e}");
    }
}

/// A pod that needs nothing of the host: no root is needed to make it.
pub(crate) fn pod(attempt: u32) -> PodSandboxConfig {
    let host = NamespaceMode::Node.into();
    let namespaces = NamespaceOption { network: host, pid: host, ipc: host, ..NamespaceOption::default() };
    let context = LinuxSandboxSecurityContext { namespace_options: Some(namespaces), ..LinuxSandboxSecurityContext::default() };
    let linux = LinuxPodSandboxConfig { security_context: Some(context), cgroup_parent: "/t".into(), ..Default::default() };
    let metadata = PodSandboxMetadata { name: "p".into(), namespace: "n".into(), uid: "u".into(), attempt };
    PodSandboxConfig { metadata: Some(metadata), linux: Some(linux), ..PodSandboxConfig::default() }
}

pub(crate) fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_mins(1), work).await.unwrap() });
}

/// A server as a task of its own, and its clients.
pub(crate) async fn start(
    options: &Options,
    zygote: Zygote,
) -> (
    tokio::task::JoinHandle<()>,
    runtime_service_client::RuntimeServiceClient<client::Channel>,
    image_service_client::ImageServiceClient<client::Channel>,
) {
    let own = Options {
        socket: options.socket.clone(),
        state: options.state.clone(),
        images: options.images.clone(),
        containers: options.containers.clone(),
        writable: options.writable.clone(),
    };
    let _ = fs::remove_file(&own.socket);
    let task = tokio::spawn(async move {
        serve(&own, zygote).await.unwrap();
    });
    loop {
        match client::connect(&options.socket).await {
            Ok((runtime, images)) => return (task, runtime, images),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[test]
fn it_answers_as_the_kubelet_expects() {
    run(async {
        let options = options("a");
        let (_task, mut runtime, mut images) = start(&options, zygote().0).await;
        let version = runtime.version(VersionRequest::default()).await.unwrap().into_inner();
        assert_eq!((version.runtime_name.as_str(), version.runtime_api_version.as_str()), ("kutties", "v1"));
        let status = runtime.status(StatusRequest { verbose: true }).await.unwrap().into_inner();
        let conditions = status.status.unwrap().conditions;
        assert_eq!((conditions[0].r#type.as_str(), conditions[0].status), ("RuntimeReady", true));
        assert_eq!((conditions[1].r#type.as_str(), status.info.contains_key("config")), ("NetworkReady", true));
        let config = runtime.runtime_config(RuntimeConfigRequest {}).await.unwrap().into_inner();
        assert_eq!(config.linux.unwrap().cgroup_driver(), CgroupDriver::Cgroupfs);
        assert_eq!(runtime.exec(ExecRequest::default()).await.unwrap_err().code(), Code::InvalidArgument);

        let spec = Some(ImageSpec { image: "nothing:1".into(), ..ImageSpec::default() });
        let status = images.image_status(ImageStatusRequest { image: spec.clone(), verbose: false }).await.unwrap();
        assert!(status.into_inner().image.is_none());
        assert!(images.pull_image(PullImageRequest { image: spec.clone(), ..Default::default() }).await.is_err());
        images.remove_image(RemoveImageRequest { image: spec }).await.unwrap();
        assert!(images.list_images(ListImagesRequest::default()).await.unwrap().into_inner().images.is_empty());
        assert_eq!(images.image_fs_info(ImageFsInfoRequest {}).await.unwrap().into_inner().image_filesystems.len(), 1);
        let unknown = ContainerStatusRequest { container_id: "no".into(), verbose: false };
        assert_eq!(runtime.container_status(unknown).await.unwrap_err().code(), Code::NotFound);
        runtime.stop_container(StopContainerRequest { container_id: "no".into(), timeout: 0 }).await.unwrap();
        runtime.remove_container(RemoveContainerRequest { container_id: "no".into() }).await.unwrap();
        clear(&options);
    });
}

#[test]
fn a_sandbox_lives_once_whatever_is_repeated() {
    run(async {
        let options = options("s");
        let (zygote, _watches) = zygote();
        let (_task, mut runtime, _) = start(&options, zygote).await;
        let request = RunPodSandboxRequest { config: Some(pod(0)), ..Default::default() };
        let id = runtime.run_pod_sandbox(request.clone()).await.unwrap().into_inner().pod_sandbox_id;
        assert_eq!(runtime.run_pod_sandbox(request.clone()).await.unwrap().into_inner().pod_sandbox_id, id);
        let other = RunPodSandboxRequest { config: Some(pod(1)), ..Default::default() };
        assert_ne!(runtime.run_pod_sandbox(other).await.unwrap().into_inner().pod_sandbox_id, id);
        assert!(options.state.join(&id).join("pod.json").exists());

        let status = PodSandboxStatusRequest { pod_sandbox_id: id.clone(), verbose: true };
        let answer = runtime.pod_sandbox_status(status.clone()).await.unwrap().into_inner().status.unwrap();
        assert_eq!((answer.state(), answer.network.unwrap().ip.as_str()), (PodSandboxState::SandboxReady, ""));
        for _ in 0..2 {
            runtime.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: id.clone() }).await.unwrap();
        }
        let answer = runtime.pod_sandbox_status(status.clone()).await.unwrap().into_inner().status.unwrap();
        assert_eq!(answer.state(), PodSandboxState::SandboxNotready);
        assert_eq!(runtime.run_pod_sandbox(request).await.unwrap_err().code(), Code::AlreadyExists);
        for _ in 0..2 {
            runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id: id.clone() }).await.unwrap();
        }
        assert_eq!(runtime.pod_sandbox_status(status).await.unwrap_err().code(), Code::NotFound);
        assert!(!options.state.join(&id).exists());
        clear(&options);
    });
}

#[test]
fn a_listener_hears_a_sandboxs_life() {
    use {ContainerEventType as Kind, PodSandboxState as State};
    run(async {
        let options = options("e");
        let (zygote, _watches) = zygote();
        let (_task, mut runtime, _) = start(&options, zygote).await;
        let mut events = runtime.get_container_events(GetEventsRequest {}).await.unwrap().into_inner();
        let request = RunPodSandboxRequest { config: Some(pod(0)), ..Default::default() };
        let id = runtime.run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id;
        runtime.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: id.clone() }).await.unwrap();
        runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id: id.clone() }).await.unwrap();
        for (kind, state) in [
            (Kind::ContainerCreatedEvent, State::SandboxReady),
            (Kind::ContainerStartedEvent, State::SandboxReady),
            (Kind::ContainerStoppedEvent, State::SandboxNotready),
            (Kind::ContainerDeletedEvent, State::SandboxNotready),
        ] {
            let event = events.message().await.unwrap().unwrap();
            let status = event.pod_sandbox_status.clone().unwrap();
            assert_eq!((event.container_event_type(), status.state(), &event.container_id), (kind, state, &id));
            assert_eq!(status.metadata.unwrap().uid, "u");
        }
        clear(&options);
    });
}

#[test]
fn streams_hold_what_lists_hold() {
    run(async {
        let options = options("l");
        let (zygote, _watches) = zygote();
        let (_task, mut runtime, _) = start(&options, zygote).await;
        let all = StreamPodSandboxesRequest::default();
        assert!(runtime.stream_pod_sandboxes(all.clone()).await.unwrap().into_inner().message().await.unwrap().is_none());
        for attempt in 0..3 {
            let request = RunPodSandboxRequest { config: Some(pod(attempt)), ..Default::default() };
            runtime.run_pod_sandbox(request).await.unwrap();
        }
        let list = runtime.list_pod_sandbox(ListPodSandboxRequest::default()).await.unwrap().into_inner().items;
        let mut stream = runtime.stream_pod_sandboxes(all).await.unwrap().into_inner();
        assert_eq!(stream.message().await.unwrap().unwrap().pod_sandboxes, list);
        assert!(stream.message().await.unwrap().is_none());

        let stats = runtime.list_pod_sandbox_stats(ListPodSandboxStatsRequest::default()).await.unwrap().into_inner().stats;
        assert_eq!(stats.len(), 3);
        let linux = stats[0].linux.clone().unwrap();
        assert!(linux.network.is_none() && linux.process.is_some());
        let filter = PodSandboxStatsFilter { id: list[0].id.clone(), ..Default::default() };
        let request = StreamPodSandboxStatsRequest { filter: Some(filter) };
        let piece = runtime.stream_pod_sandbox_stats(request).await.unwrap().into_inner().message().await.unwrap().unwrap();
        assert_eq!(piece.pod_sandbox_stats[0].attributes.clone().unwrap().id, list[0].id);
        clear(&options);
    });
}

#[test]
fn a_sandboxs_new_resources_are_kept() {
    run(async {
        let options = options("u");
        let (zygote, _watches) = zygote();
        let (_task, mut runtime, _) = start(&options, zygote).await;
        let request = RunPodSandboxRequest { config: Some(pod(0)), ..Default::default() };
        let id = runtime.run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id;
        let resources = Some(LinuxContainerResources { cpu_shares: 77, ..Default::default() });
        let request = UpdatePodSandboxResourcesRequest { pod_sandbox_id: id.clone(), overhead: None, resources };
        runtime.update_pod_sandbox_resources(request.clone()).await.unwrap();
        let status = PodSandboxStatusRequest { pod_sandbox_id: id, verbose: true };
        let info = runtime.pod_sandbox_status(status).await.unwrap().into_inner().info;
        let config: serde_json::Value = serde_json::from_str(&info["info"]).unwrap();
        assert_eq!(config["config"]["linux"]["resources"]["cpu_shares"], 77);
        let nobody = UpdatePodSandboxResourcesRequest { pod_sandbox_id: "no".into(), ..request };
        assert_eq!(runtime.update_pod_sandbox_resources(nobody).await.unwrap_err().code(), Code::NotFound);
        let nobody = UpdateContainerResourcesRequest { container_id: "no".into(), ..Default::default() };
        assert_eq!(runtime.update_container_resources(nobody).await.unwrap_err().code(), Code::InvalidArgument);
        clear(&options);
    });
}

#[test]
fn the_next_server_takes_over_and_a_dead_monitor_ends_its_pod() {
    run(async {
        let options = options("t");
        let (first, watches) = zygote();
        let (task, mut runtime, _) = start(&options, first).await;
        let request = RunPodSandboxRequest { config: Some(pod(0)), ..Default::default() };
        let id = runtime.run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id;
        let spawned = watches.recv().unwrap();
        task.abort();

        let (_task, mut runtime, _) = start(&options, zygote().0).await;
        let taken_over = tokio::task::spawn_blocking(move || watches.recv().unwrap()).await.unwrap();
        let state = async |runtime: &mut runtime_service_client::RuntimeServiceClient<client::Channel>| {
            let request = PodSandboxStatusRequest { pod_sandbox_id: id.clone(), verbose: false };
            runtime.pod_sandbox_status(request).await.unwrap().into_inner().status.unwrap().state()
        };
        assert_eq!(state(&mut runtime).await, PodSandboxState::SandboxReady);
        drop((spawned, taken_over));
        while state(&mut runtime).await == PodSandboxState::SandboxReady {
            tokio::task::yield_now().await;
        }
        clear(&options);
    });
}

#[test]
fn what_can_not_be_given_is_refused() {
    run(async {
        let options = options("r");
        let (_task, mut runtime, _) = start(&options, zygote().0).await;
        let mut refused = async |change: &dyn Fn(&mut NamespaceOption)| {
            let mut config = pod(0);
            let context = config.linux.as_mut().unwrap().security_context.as_mut().unwrap();
            change(context.namespace_options.as_mut().unwrap());
            let request = RunPodSandboxRequest { config: Some(config), ..Default::default() };
            runtime.run_pod_sandbox(request).await.unwrap_err().code()
        };
        assert_eq!(refused(&|namespaces| namespaces.pid = NamespaceMode::Target.into()).await, Code::InvalidArgument);
        assert_eq!(refused(&|namespaces| namespaces.ipc = NamespaceMode::Container.into()).await, Code::InvalidArgument);
        assert_eq!(refused(&|namespaces| namespaces.userns_options = Some(UserNamespace::default())).await, Code::Unimplemented);
        let request = RunPodSandboxRequest { config: Some(pod(0)), runtime_handler: "other".into() };
        assert_eq!(runtime.run_pod_sandbox(request).await.unwrap_err().code(), Code::InvalidArgument);
        let list = runtime.list_pod_sandbox(ListPodSandboxRequest::default()).await.unwrap().into_inner();
        assert!(list.items.is_empty());
        clear(&options);
    });
}

#[test]
fn a_stop_waits_for_the_run_that_it_undoes() {
    run(async {
        let options = options("w");
        let (go, wait) = mpsc::channel();
        let (wait, seen) =
            (std::sync::Arc::new(std::sync::Mutex::new(wait)), std::sync::Arc::new(std::sync::Mutex::new(Vec::new())));
        let noted = seen.clone();
        let (zygote, _watches) = zygote_with(move |request| match request {
            // Being made takes its time.
            None => wait.lock().unwrap().recv().unwrap(),
            Some(request) => noted.lock().unwrap().push(request.clone()),
        });
        let (_task, mut runtime, _) = start(&options, zygote).await;
        let request = RunPodSandboxRequest { config: Some(pod(0)), ..Default::default() };
        let mut client = runtime.clone();
        let making = tokio::spawn(async move { client.run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id });
        // It is listed while it is made: a kubelet that does not want it any more stops it.
        let id = loop {
            let listed = runtime.list_pod_sandbox(ListPodSandboxRequest::default()).await.unwrap().into_inner().items;
            match listed.first() {
                Some(item) => break item.id.clone(),
                None => tokio::task::yield_now().await,
            }
        };
        let undoing: Vec<_> = [true, false]
            .map(|stop| {
                let (mut client, pod_sandbox_id) = (runtime.clone(), id.clone());
                tokio::spawn(async move {
                    if stop {
                        client.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id }).await.map(drop)
                    } else {
                        client.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id }).await.map(drop)
                    }
                })
            })
            .into();
        // Many answers later neither has begun.
        for _ in 0..200 {
            runtime.version(VersionRequest::default()).await.unwrap();
        }
        assert!(undoing.iter().all(|task| !task.is_finished()) && seen.lock().unwrap().is_empty());
        go.send(()).unwrap();
        assert_eq!(making.await.unwrap(), id);
        for task in undoing {
            task.await.unwrap().unwrap();
        }
        let seen = seen.lock().unwrap();
        assert!(!seen.is_empty() && seen.iter().all(|request| *request == Request::Shutdown), "{seen:?}");
        assert!(!options.state.join(&id).exists());
        clear(&options);
    });
}

#[test]
fn a_server_without_its_zygote_ends() {
    run(async {
        let options = options("z");
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let (task, mut runtime, _) = start(&options, Zygote(ours)).await;
        runtime.version(VersionRequest::default()).await.unwrap();
        drop(theirs);
        let panic = task.await.unwrap_err().into_panic();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.contains("zygote"), "{said}");
        clear(&options);
    });
}

#[test]
fn a_failed_accept_ends_nothing() {
    run(async {
        let left = std::sync::atomic::AtomicI32::new(3);
        let accepted = persist(|| async {
            match left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) {
                1.. => Err(Errno::MFILE.into()),
                _ => Ok("the fourth"),
            }
        });
        assert_eq!(accepted.await, "the fourth");
    });
}

#[test]
fn turns_are_shared_by_those_who_share_them() {
    use crate::turns::Turns;
    run(async {
        let turns = std::sync::Arc::new(Turns::default());
        let (first, second) = (turns.share("pod").await, turns.share("pod").await);
        let of_stop = turns.clone();
        let stop = tokio::spawn(async move { drop(of_stop.take("pod").await) });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!stop.is_finished());
        drop((turns.take("another").await, first, second));
        stop.await.unwrap();
    });
}

#[test]
fn a_wrong_size_leaves_the_node_its_runtime() {
    assert_eq!((writable("64m"), writable("much")), (Writable::Bytes(64 << 20), Writable::DEFAULT));
}
