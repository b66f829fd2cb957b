//! A container's own streams, beside its log.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Result};
use std::os::fd::AsFd;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::Connection;
use super::descriptor::Descriptor;
use super::remote::{Client, carry_in, carry_out, carry_sizes};
use crate::life::PATIENCE;
use crate::link::{Talk, unexpected};
use crate::server::Shared;
use crate::store::Container;
use cri_api::End;
use monitor::wire::{Reply, Request};

/// Timeout of a container that reads the input of a client that has left.
const REST: Duration = Duration::from_secs(10);

/// Show the container to the client until its output ends. None when the client left before.
pub async fn run(server: &Shared, container: &Container, client: &mut Client, connection: &Connection) -> Option<End> {
    // The client's input is dropped if the container has none.
    let stdin = client.stdin.take().filter(|_| container.config.stdin);
    let mut attached = match Attached::begin(server, container, stdin.is_some()).await {
        Ok(attached) => attached,
        Err(e) => return Some(End::Failure(format!("error attaching to container: {e}"))),
    };
    // Nobody says that it has ended: its streams do.
    let (_ended, watch) = watch::channel(false);
    let (mut output, mut input) = (JoinSet::new(), JoinSet::new());
    output.spawn(carry_out(attached.stdout, client.stdout.take(), watch.clone()));
    output.spawn(carry_out(attached.stderr, client.stderr.take(), watch));
    if let Some(to) = attached.input.take() {
        if let Some(from) = client.sizes.take().filter(|_| container.config.tty) {
            input.spawn(carry_sizes(from, to.clone()));
        }
        if let Some(from) = stdin {
            input.spawn(carry_in(from, to));
        }
    }
    tokio::select! {
        _ = output.join_all() => Some(End::Success),
        () = connection.lost() => {
            // Input typed before the client left still goes to the container, if it reads it.
            let _ = timeout(REST, input.join_all()).await;
            None
        }
    }
}

/// Our ends of the container's streams. The connection to its monitor lasts as long as this.
struct Attached {
    stdout: Arc<Descriptor>,
    stderr: Arc<Descriptor>,
    input: Option<Arc<Descriptor>>,
    _talk: Talk,
}

impl Attached {
    async fn begin(server: &Shared, container: &Container, stdin: bool) -> Result<Self> {
        let (stdout, stderr) = (UnixStream::pair().doing("make a socket pair")?, UnixStream::pair().doing("make a socket pair")?);
        let request = Request::Attach { container: container.id.clone(), stdin };
        let dir = server.store.dir(&container.sandbox);
        let mut talk = Talk::begin(&dir, &request, &[stdout.1.as_fd(), stderr.1.as_fd()]).await?;
        let late = |_| kit::Error::new(format!("the pod's monitor did not answer within {} s", PATIENCE.as_secs()));
        let (reply, input) = timeout(PATIENCE, talk.next()).await.map_err(late)??;
        if reply != Reply::Attached {
            return Err(unexpected(reply));
        }
        let reading = |fd: UnixStream| Descriptor::reading(OwnedFd::from(fd)).map(Arc::new);
        let input = input.map(|fd| Descriptor::writing(fd).map(Arc::new)).transpose()?;
        Ok(Self { stdout: reading(stdout.0)?, stderr: reading(stderr.0)?, input, _talk: talk })
    }
}
