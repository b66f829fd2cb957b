//! The HTTP server that the URLs lead to. It answers on the node's loopback alone, where the kubelet is.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::http::{HEAD_LIMIT, Head, refusal};
use super::remote::Client;
use super::token::Order;
use super::upgrade::{Choice, Refusal, Work, choose};
use super::{attach, exec, forward};
use crate::server::Shared;

/// Visitors that have not said yet what they want. Every process on the node's network can be one.
const STRANGERS: usize = 256;
/// Timeout of such a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause when there are no descriptors for another connection.
const BREATH: Duration = Duration::from_millis(100);

/// Serve visitors for ever.
pub async fn serve(server: Shared, listener: std::net::TcpListener) -> Result<()> {
    let listener = TcpListener::from_std(listener).doing("listen for streams")?;
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    loop {
        let Ok(stranger) = strangers.clone().acquire_owned().await else { return Ok(()) };
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(e) => {
                tracing::warn!(error = %e, "accept a visitor");
                sleep(BREATH).await;
                continue;
            }
        };
        let server = server.clone();
        tokio::spawn(async move {
            let known = timeout(PATIENCE, know(&server, socket)).await;
            drop(stranger);
            if let Ok(Ok(Some(visit))) = known {
                keep(&server, visit).await;
            }
        });
    }
}

/// A visitor who is owed something.
struct Visit {
    socket: TcpStream,
    order: Order,
    choice: Choice,
    first: Vec<u8>,
}

/// Hear what a visitor wants. None when it was answered at once.
async fn know(server: &Shared, mut socket: TcpStream) -> io::Result<Option<Visit>> {
    let mut bytes = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = Head::end(&bytes).filter(|end| *end <= HEAD_LIMIT) {
            break end;
        }
        if bytes.len() > HEAD_LIMIT {
            refuse(&mut socket, "431 Request Header Fields Too Large", &[], "the request's head is too long").await?;
            return Ok(None);
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let first = bytes.split_off(end);
    let Some(head) = Head::parse(&bytes) else {
        refuse(&mut socket, "400 Bad Request", &[], "this is no request of HTTP/1.1").await?;
        return Ok(None);
    };
    match agree(server, &head) {
        Ok((order, choice)) => {
            socket.write_all(choice.answer.as_bytes()).await?;
            Ok(Some(Visit { socket, order, choice, first }))
        }
        Err(Refusal { status, accepted, sentence }) => {
            let fields: Vec<_> = accepted.iter().map(|name| ("X-Accepted-Stream-Protocol-Versions", *name)).collect();
            refuse(&mut socket, status, &fields, &sentence).await?;
            Ok(None)
        }
    }
}

async fn refuse(socket: &mut TcpStream, status: &str, fields: &[(&str, &str)], sentence: &str) -> io::Result<()> {
    socket.write_all(refusal(status, fields, sentence).as_bytes()).await?;
    socket.shutdown().await?;
    // A close with something unread would take the answer with it.
    let mut rest = [0; 1024];
    while socket.read(&mut rest).await? > 0 {}
    Ok(())
}

/// The order of a token, and the protocol that the client asks for.
fn agree(server: &Shared, head: &Head) -> Result<(Order, Choice), Refusal> {
    let nothing = |status, sentence: &str| Refusal { status, accepted: Vec::new(), sentence: sentence.into() };
    if head.method != "GET" && head.method != "POST" {
        return Err(nothing("405 Method Not Allowed", "only GET and POST are known here"));
    }
    let mut words = head.path.split('/').skip(1);
    let (Some(wanted), Some(token), None) = (words.next(), words.next(), words.next()) else {
        return Err(nothing("404 Not Found", "there is nothing here"));
    };
    let work = if wanted == "portforward" { Work::Forward } else { Work::Process };
    // A choice that fails leaves the token for another try.
    let choice = choose(head, work)?;
    let order = server
        .streaming
        .redeem(token, wanted)
        .ok_or_else(|| nothing("404 Not Found", "this address is not good, or not any more"))?;
    Ok((order, choice))
}

/// Give the visitor what it came for.
async fn keep(server: &Shared, visit: Visit) {
    let Visit { socket, order, choice, first } = visit;
    // Each key that is typed goes at once.
    let _ = socket.set_nodelay(true);
    let done = match order {
        Order::Forward { sandbox, ports } => match server.store.sandbox(&sandbox) {
            Some(sandbox) => {
                forward::run(forward::Pod::of(server, &sandbox), &ports, socket, &choice, first).await;
                Ok(())
            }
            None => Err(kit::Error::new(format!("sandbox {sandbox} is gone"))),
        },
        Order::Exec { ref container, streams, .. } | Order::Attach { ref container, streams } => {
            process(server, container, &order, Client::greet(socket, &choice, first, streams), streams.tty).await
        }
    };
    if let Err(e) = done {
        tracing::warn!(error = %e, "serve a stream");
    }
}

async fn process(
    server: &Shared,
    container: &str,
    order: &Order,
    client: impl Future<Output = Result<(super::connection::Running, Client)>>,
    tty: bool,
) -> Result<()> {
    let (running, mut client) = client.await?;
    let container = server.store.container(container).ok_or_else(|| kit::Error::new(format!("container {container} is gone")))?;
    let end = match order {
        Order::Exec { command, .. } => exec::run(server, &container, command, tty, &mut client, &running.connection).await,
        _ => attach::run(server, &container, &mut client, &running.connection).await,
    };
    if let Some(end) = end {
        client.tell(&end).await;
        running.close().await;
    }
    Ok(())
}
