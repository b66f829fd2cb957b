//! Connections to ports of a pod, made inside of its network.

use std::collections::HashMap;
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream as StdStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Context, Error, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use spdy::Block;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::connection::{Halves, Incoming, Input, Opened, Outgoing, Running};
use super::remote::transport;
use super::upgrade::{Carrier, Choice};
use crate::server::Server;
use monitor::wire;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;
/// Timeout of one half of a pair that waits for the other, as in containerd.
const OPENING: Duration = Duration::from_secs(30);
/// Timeout of a connection to a pod's own loopback.
const CONNECTING: Duration = Duration::from_secs(30);
/// Halves that wait for their other halves; more clients than that at the same moment are none.
const WAITING_LIMIT: usize = 1024;

/// Pod whose ports are forwarded.
#[derive(Clone)]
pub struct Pod {
    id: String,
    /// The file of its network; none where it is the node's.
    net: Option<PathBuf>,
}

impl Pod {
    /// The pod of that sandbox.
    pub fn of(server: &Server, sandbox: &crate::store::Sandbox) -> Self {
        let net = (!sandbox.on_host_network()).then(|| wire::namespace(&server.store.dir(&sandbox.id), "net"));
        Self { id: sandbox.id.clone(), net }
    }
}

/// Forward until the client leaves.
pub async fn run(pod: Pod, ports: &[u16], socket: TcpStream, choice: &Choice, first: Vec<u8>) {
    if let Carrier::WebSocket { .. } = choice.carrier {
        return fixed(&pod, ports, socket, choice, first).await;
    }
    let (mut running, _) = Running::begin(socket, transport(choice.carrier), first, &[]);
    let mut forwards = JoinSet::new();
    let mut waiting = Waiting::default();
    while let Some(opened) = running.opened.recv().await {
        while forwards.try_join_next().is_some() {}
        let channel = opened.channel;
        match waiting.pair(opened) {
            Ok(pair) => {
                running.connection.accept(channel);
                if let Some((port, data, error)) = pair {
                    forwards.spawn(forward(pod.clone(), port, data, error));
                }
            }
            Err(refused) => refused.reset(),
        }
    }
}

/// The older way: a WebSocket with two channels for each port that was named before.
async fn fixed(pod: &Pod, ports: &[u16], socket: TcpStream, choice: &Choice, first: Vec<u8>) {
    let channels: Vec<u32> = (0..ports.len() as u32 * 2).collect();
    let (running, halves) = Running::begin(socket, transport(choice.carrier), first, &channels);
    let mut forwards = JoinSet::new();
    let mut halves = halves.into_iter();
    for port in ports {
        let (Some(data), Some((error, _))) = (halves.next(), halves.next()) else { break };
        // Each channel begins with its port.
        let number = port.to_le_bytes();
        if data.0.send(&number).await.is_err() || error.send(&number).await.is_err() {
            return;
        }
        forwards.spawn(forward(pod.clone(), *port, data, error));
    }
    tokio::select! {
        _ = forwards.join_all() => running.close().await,
        () = running.connection.lost() => {}
    }
}

/// Streams whose other halves have not come yet, by the client's name for the pair.
#[derive(Default)]
struct Waiting(HashMap<String, (Instant, u16, Half)>);

enum Half {
    Data(Halves),
    Error(Outgoing),
}

impl Waiting {
    /// The pair that a new stream makes whole, if it does. The stream itself when it is none of a port-forward's.
    fn pair(&mut self, opened: Opened) -> Result<Option<(u16, Halves, Outgoing)>, Outgoing> {
        let Opened { channel, headers, incoming, outgoing } = opened;
        let now = Instant::now();
        for (_, (.., late)) in self.0.extract_if(|_, (since, ..)| now - *since >= OPENING) {
            let (Half::Data((half, _)) | Half::Error(half)) = late;
            half.reset();
        }
        let port = headers.value("port").and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0);
        let (Some(port), true) = (port, self.0.len() < WAITING_LIMIT) else { return Err(outgoing) };
        let data = match headers.value("streamtype") {
            Some("data") => true,
            Some("error") => false,
            _ => return Err(outgoing),
        };
        // Old clients do not name pairs; they open the error stream first and the data stream right after it.
        let own = || if data { channel.saturating_sub(2) } else { channel }.to_string();
        let name = headers.value("requestid").filter(|name| !name.is_empty()).map_or_else(own, str::to_owned);
        let half = if data { Half::Data((outgoing, incoming)) } else { Half::Error(outgoing) };
        match (self.0.remove(&name), half) {
            (None, half) => {
                self.0.insert(name, (now, port, half));
                Ok(None)
            }
            (Some((_, port, Half::Error(error))), Half::Data(data)) | (Some((_, port, Half::Data(data))), Half::Error(error)) => {
                Ok(Some((port, data, error)))
            }
            (Some(earlier), Half::Data((again, _)) | Half::Error(again)) => {
                self.0.insert(name, earlier);
                Err(again)
            }
        }
    }
}

/// One connection, to its end.
async fn forward(pod: Pod, port: u16, data: Halves, error: Outgoing) {
    match connect(&pod, port).await {
        Ok(socket) => {
            relay(socket, data).await;
            error.finish();
        }
        Err(e) => {
            tracing::info!(sandbox = pod.id, port, error = %e, "forward a port");
            let sentence = format!("error forwarding port {port} to pod {}: {e}", pod.id);
            // A client that is gone does not care.
            let _ = error.send(sentence.as_bytes()).await;
            error.finish();
            data.0.reset();
        }
    }
}

async fn relay(socket: TcpStream, (to_client, from_client): Halves) {
    // Small answers, such as a prompt, go at once.
    let _ = socket.set_nodelay(true);
    let (from_pod, to_pod) = socket.into_split();
    let down = tokio::spawn(carry_down(from_pod, to_client));
    let lost = carry_up(from_client, to_pod).await;
    if lost {
        down.abort();
    }
    // An aborted one has nothing to say.
    let _ = down.await;
}

/// From the pod to the client.
async fn carry_down(mut from: OwnedReadHalf, to: Outgoing) {
    let mut bytes = vec![0; CHUNK];
    loop {
        match from.read(&mut bytes).await {
            Ok(0) => return to.finish(),
            Ok(count) => {
                if to.send(&bytes[..count]).await.is_err() {
                    return;
                }
            }
            // The pod broke it off, and so do we.
            Err(_) => return to.reset(),
        }
    }
}

/// From the client to the pod: whether the client broke it off.
async fn carry_up(mut from: Incoming, mut to: OwnedWriteHalf) -> bool {
    loop {
        match from.next().await {
            Input::Piece(piece) => {
                if to.write_all(&piece).await.is_err() {
                    // The pod reads nothing more; what it has said is carried still.
                    drop(piece);
                    while let Input::Piece(_) = from.next().await {}
                    return false;
                }
            }
            Input::Finished => {
                // One that is closed already is closed.
                let _ = to.shutdown().await;
                return false;
            }
            Input::Lost => return true,
        }
    }
}

/// Connect to a port on the pod's loopback, by IPv4, then by IPv6.
async fn connect(pod: &Pod, port: u16) -> Result<TcpStream> {
    let four = connect_to(pod, (Ipv4Addr::LOCALHOST, port).into()).await;
    let why = match four {
        Ok(stream) => return Ok(stream),
        Err(e) => e,
    };
    // The first failure is the one that a person knows what to do with.
    connect_to(pod, (Ipv6Addr::LOCALHOST, port).into()).await.map_err(|_| why)
}

async fn connect_to(pod: &Pod, address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::from_std_stream(StdStream::from(socket(pod.net.clone(), address).await?));
    match timeout(CONNECTING, socket.connect(address)).await {
        Ok(connected) => connected.doing(format_args!("connect to {address} in the pod")),
        Err(_) => Err(Error::new(format!("connect to {address} in the pod: no answer"))),
    }
}

/// A socket of the pod's network. It belongs to where it was made, whoever uses it; so a thread of its own makes it there and ends.
async fn socket(net: Option<PathBuf>, address: SocketAddr) -> Result<OwnedFd> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("pod-socket".into())
        .stack_size(64 * 1024)
        .spawn(move || {
            // The asker may have left.
            let _ = tell.send(make_socket(net.as_deref(), address));
        })
        .doing("start a thread")?;
    told.await.doing("make a socket in the pod's network")?
}

fn make_socket(net: Option<&Path>, address: SocketAddr) -> Result<OwnedFd> {
    if let Some(path) = net {
        let file = File::open(path).on("open", path)?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).on("enter", path)?;
    }
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None).doing("make a socket")
}
