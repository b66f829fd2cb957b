//! `kutties cri`: the container runtime that the kubelet calls, gRPC on a Unix socket.
//!
//! It may be killed at any time: pods live in their monitors, and the next server takes them over.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kit::{Applet, Context, Exit, Place, Result, paths};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;
use tonic::codegen::{Service as _, http};

use crate::images::Images;
use crate::life::recover;
use crate::life::rootfs::Writable;
use crate::link::Zygote;
use crate::rates::Rates;
use crate::server::{Server, Shared};
use crate::service::Service;
use crate::store::{Store, private_dir};
use crate::streaming::Streaming;
use crate::turns::Turns;
use cri_api::image_service_server::ImageServiceServer;
use cri_api::runtime_service_server::RuntimeServiceServer;

/// The applet.
pub const CRI: Applet = Applet { name: "cri", about: "serve Kubernetes' container runtime interface", place: Place::Hidden, run };

/// Program that pulls images: this one.
const PROGRAM: &str = "/proc/self/exe";

/// Timeout of monitors that a killed server ordered, until they listen: they wait for nobody.
const LAST_MONITORS: Duration = Duration::from_secs(20);
/// Between two looks for them; mostly the first one finds none.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Between two attempts to accept a connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Threads for what blocks: mounts, plugins, unpacking. More pods at once than that wait for one another.
const BLOCKING_THREADS: usize = 8;

#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Socket to answer on
    #[arg(long, value_name = "PATH", default_value = paths::CRI)]
    socket: PathBuf,
    /// Directory for the state of pods and containers
    #[arg(long, value_name = "DIR", default_value = paths::PODS)]
    pub(crate) state: PathBuf,
    /// Directory of the image store
    #[arg(long, value_name = "DIR", default_value = paths::IMAGES)]
    images: PathBuf,
    /// Directory for bundles and roots of containers
    #[arg(long, value_name = "DIR", default_value = paths::CONTAINERS)]
    containers: PathBuf,
    /// Size of a container's writable layer in memory: a percentage of the file system, or bytes with k, m or g
    #[arg(long, value_name = "SIZE", default_value_t = Writable::DEFAULT.to_string())]
    writable: String,
    /// Write the steps at which a test may kill the server, `RPC STEP` a line, and end
    #[cfg(feature = "failpoints")]
    #[arg(long)]
    steps: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&CRI, args)?;
    #[cfg(feature = "failpoints")]
    if options.steps {
        return crate::step::list().map(|()| Exit::OK);
    }
    // Before any thread: a child that is forked without exec has only the thread that forked it.
    // Processes that enter containers are forked from here or run through our /proc/self/exe.
    kit::own::protect()?;
    // A client or a process that is gone is no reason for the server or a monitor to end.
    sys::sigpipe::ignore();
    // Each pod costs descriptors. Containers get their limits by their specification.
    raise_files()?;
    let zygote = Zygote(monitor::start(alone(&options.state)?.into())?);
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false).init();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).build().doing("start the event loop")?;
    runtime.block_on(serve(&options, zygote))
}

/// Wait until no zygote of a killed server makes monitors any more: one that comes after its half-made sandbox was undone would stay for
/// ever. The lock goes with the processes that hold the file.
fn alone(state: &Path) -> Result<File> {
    let path = state.with_extension("lock");
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    let file = File::options().write(true).create(true).truncate(false).open(&path).on("open", &path)?;
    let due = Instant::now() + LAST_MONITORS;
    while let Err(e) = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        match e {
            Errno::WOULDBLOCK if Instant::now() < due => std::thread::sleep(LOOK_AGAIN),
            // Rather a monitor too many than a node without a runtime.
            Errno::WOULDBLOCK => break,
            Errno::INTR => {}
            e => return Err(e).on("lock", &path),
        }
    }
    Ok(file)
}

async fn serve(options: &Options, zygote: Zygote) -> Result<Exit> {
    // First of all: who connects from now on is answered as soon as the state is read.
    let listener = listen(&options.socket)?;
    private_dir(&options.containers)?;
    if let Err(e) = crate::spec::apparmor::load() {
        tracing::error!(error = %e, "containers have no default AppArmor profile");
    }
    let (streaming, visitors) = Streaming::listen()?;
    let server = Arc::new(Server {
        store: Store::open(&options.state)?,
        images: Images::open(&options.images, Path::new(PROGRAM))?,
        zygote,
        containers: options.containers.clone(),
        writable: writable(&options.writable),
        turns: Turns::default(),
        streaming,
        rates: Rates::default(),
    });
    recover::all(&server).await;
    let collector = server.clone();
    // Plugins may be slow, or wait for what pods must bring first.
    tokio::spawn(async move { crate::life::network::collect(&collector).await });
    tokio::spawn(crate::streaming::serve(server.clone(), visitors));
    tracing::info!(socket = %options.socket.display(), "answering");
    tokio::select! {
        () = accept_all(&listener, &server) => Ok(Exit::OK),
        // The supervisor starts both anew; pods live on in their monitors.
        e = server.zygote.death() => Err(e),
    }
}

async fn accept_all(listener: &UnixListener, server: &Shared) {
    loop {
        let socket = persist(|| async { listener.accept().await.map(|(socket, _)| socket) }).await;
        tokio::spawn(answer(socket, server.clone()));
    }
}

/// Try until it goes well: a connection that can't be accepted now, for want of descriptors or memory, can be later.
async fn persist<T, F: Future<Output = io::Result<T>>>(accept: impl Fn() -> F) -> T {
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(e) => tracing::warn!(error = %e, "accept a connection"),
        }
        sleep(ACCEPT_RETRY).await;
    }
}

/// As many open files as the hard limit allows, for this process and its monitors.
fn raise_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).doing("raise the limit of open files")
}

/// The option's value. It is a setting of the node's, and a wrong one must not leave the node without a runtime.
fn writable(text: &str) -> Writable {
    text.parse().unwrap_or_else(|e: kit::Error| {
        tracing::error!(error = %e, default = %Writable::DEFAULT, "read the size of writable layers: the default holds");
        Writable::DEFAULT
    })
}

/// Root's alone: who can speak here can do anything on the node.
fn listen(path: &Path) -> Result<UnixListener> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let listener = UnixListener::bind(&new).on("listen at", path)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).on("close to others", path)?;
    fs::rename(&new, path).on("listen at", path)?;
    Ok(listener)
}

/// Answer one connection until it ends: gRPC is HTTP/2, its path names the service.
async fn answer(socket: UnixStream, server: Shared) {
    let runtime = RuntimeServiceServer::new(Service(server.clone()));
    let images = ImageServiceServer::new(Service(server));
    let route = service_fn(move |request: http::Request<Incoming>| {
        let (mut runtime, mut images) = (runtime.clone(), images.clone());
        async move {
            if request.uri().path().starts_with("/runtime.v1.ImageService/") {
                images.call(request).await
            } else {
                runtime.call(request).await
            }
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), route);
    if let Err(e) = connection.await {
        tracing::debug!(error = %e, "a connection ended");
    }
}

#[cfg(test)]
pub(crate) mod tests;
