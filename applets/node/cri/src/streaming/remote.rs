//! Shared by exec and attach: the client's channels, and the pumps between them and a process's streams.

use std::sync::Arc;
use std::time::Duration;

use kit::{Error, Result};
use rustix::termios::{Winsize, tcsetwinsize};
use serde::Deserialize;
use spdy::Block;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::connection::{Halves, Incoming, Input, Outgoing, Running};
use super::descriptor::Descriptor;
use super::token::Streams;
use super::transport::Transport;
use super::upgrade::{Carrier, Choice};
use super::websocket::{Tunnel, WebSocket};
use cri_api::{End, Form};

/// Timeout of a client that opens its channels, as in containerd.
const OPENING: Duration = Duration::from_secs(30);
/// Bytes read of a process's output at once.
const CHUNK: usize = 16 * 1024;
/// Limit of the output read after a process's end: more than a pipe holds, so that only what its children still
/// write is cut.
const REST: usize = 1 << 20;
/// A terminal's size takes a few bytes.
const SIZE_LIMIT: usize = 4096;
/// The channels of a WebSocket: input, output, the other output, the end, sizes.
const FIXED: [u32; 5] = [0, 1, 2, 3, 4];

/// A client's channels. Those that it did not ask for are not there.
pub struct Client {
    /// Its standard input.
    pub stdin: Option<Incoming>,
    /// Its standard output.
    pub stdout: Option<Outgoing>,
    /// Its standard error, when it is separate.
    pub stderr: Option<Outgoing>,
    /// Changes of its terminal's size.
    pub sizes: Option<Incoming>,
    error: Option<Outgoing>,
    form: Form,
}

/// The protocol's machine.
pub fn transport(carrier: Carrier) -> Box<dyn Transport> {
    let session = || spdy::Session::new(spdy::Role::Server);
    match carrier {
        Carrier::Spdy => Box::new(session()),
        Carrier::SpdyInWebSocket => Box::new(Tunnel::new(session())),
        Carrier::WebSocket { base64, closes } => Box::new(WebSocket::new(base64, closes)),
    }
}

impl Client {
    /// Wait until the client has opened its channels.
    pub async fn greet(socket: TcpStream, choice: &Choice, first: Vec<u8>, streams: Streams) -> Result<(Running, Self)> {
        let spdy = choice.carrier == Carrier::Spdy;
        let fixed: &[u32] = if spdy { &[] } else { &FIXED };
        let (mut running, halves) = Running::begin(socket, transport(choice.carrier), first, fixed);
        let mut client = Self { stdin: None, stdout: None, stderr: None, sizes: None, error: None, form: choice.form };
        if spdy {
            client.collect(&mut running, streams, choice.resizes).await?;
        } else {
            client.take(halves, streams).await?;
        }
        Ok((running, client))
    }

    /// SPDY: the client opens a stream for each of its channels.
    async fn collect(&mut self, running: &mut Running, streams: Streams, resizes: bool) -> Result<()> {
        let due = Instant::now() + OPENING;
        let wanted = [true, streams.stdin, streams.stdout, streams.stderr, streams.tty && resizes];
        let mut missing = wanted.iter().filter(|wanted| **wanted).count();
        while missing > 0 {
            let opened =
                timeout_at(due, running.opened.recv()).await.map_err(|_| Error::new("the client did not open its streams"))?;
            let opened = opened.ok_or_else(|| Error::new("the client left before it opened its streams"))?;
            running.connection.accept(opened.channel);
            let (outgoing, incoming) = (opened.outgoing, opened.incoming);
            match opened.headers.value("streamtype").unwrap_or_default().to_ascii_lowercase().as_str() {
                "error" if self.error.is_none() => self.error = Some(outgoing),
                "stdin" if streams.stdin && self.stdin.is_none() => self.stdin = Some(incoming),
                "stdout" if streams.stdout && self.stdout.is_none() => self.stdout = Some(outgoing),
                "stderr" if streams.stderr && self.stderr.is_none() => self.stderr = Some(outgoing),
                "resize" if streams.tty && self.sizes.is_none() => self.sizes = Some(incoming),
                _ => {
                    outgoing.reset();
                    continue;
                }
            }
            missing -= 1;
        }
        Ok(())
    }

    /// WebSocket: the channels are there, and an empty message tells the client so.
    async fn take(&mut self, halves: Vec<Halves>, streams: Streams) -> Result<()> {
        let Ok([stdin, stdout, stderr, error, sizes]) = <[Halves; 5]>::try_from(halves) else {
            return Err(Error::new("a WebSocket has no channels"));
        };
        self.stdin = streams.stdin.then_some(stdin.1);
        self.stdout = streams.stdout.then_some(stdout.0);
        self.stderr = streams.stderr.then_some(stderr.0);
        self.sizes = streams.tty.then_some(sizes.1);
        let lowest = self.stdout.as_ref().or(self.stderr.as_ref()).unwrap_or(&error.0);
        lowest.send(&[]).await.map_err(|_| Error::new("the client left"))?;
        self.error = Some(error.0);
        Ok(())
    }

    /// Tell the end on the channel that is there for it, after all else.
    pub async fn tell(&self, end: &End) {
        let Some(error) = &self.error else { return };
        let text = end.text(self.form);
        if !text.is_empty() {
            // A client that is gone does not care.
            let _ = error.send(&text).await;
        }
        error.finish();
    }
}

/// Carry a process's output to the client, if it wants it, to its end. Once the process has `ended`, what it left is carried still, but
/// what else holds the stream open is not waited for.
pub async fn carry_out(from: Arc<Descriptor>, to: Option<Outgoing>, mut ended: watch::Receiver<bool>) {
    let mut bytes = vec![0; CHUNK];
    let mut left = REST;
    let mut live = true;
    while left > 0 {
        let count = if live {
            tokio::select! {
                biased;
                read = from.read(&mut bytes) => read.unwrap_or(0),
                _ = ended.wait_for(|ended| *ended) => {
                    live = false;
                    continue;
                }
            }
        } else {
            left = left.saturating_sub(CHUNK);
            from.read_now(&mut bytes).unwrap_or(0)
        };
        if count == 0 {
            break;
        }
        if let Some(to) = &to
            && to.send(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
    if let Some(to) = to {
        to.finish();
    }
}

/// Carry what the client types to the process, to its end, which closes a pipe. Where the process takes nothing any more, the rest is
/// dropped.
pub async fn carry_in(mut from: Incoming, to: Arc<Descriptor>) {
    while let Input::Piece(piece) = from.next().await {
        if to.write_all(&piece).await.is_err() {
            drop(to);
            drop(piece);
            while let Input::Piece(_) = from.next().await {}
            return;
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

/// Give the terminal the sizes that the client tells.
pub async fn carry_sizes(mut from: Incoming, terminal: Arc<Descriptor>) {
    let mut held = Vec::new();
    while let Input::Piece(piece) = from.next().await {
        held.extend_from_slice(&piece);
        for size in sizes(&mut held) {
            let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
            // A terminal that is gone has no size.
            let _ = tcsetwinsize(&*terminal, size);
        }
    }
}

/// The sizes that are whole; what is no size is dropped.
fn sizes(held: &mut Vec<u8>) -> Vec<Size> {
    let mut values = serde_json::Deserializer::from_slice(held).into_iter::<Size>();
    let mut whole = Vec::new();
    let broken = loop {
        match values.next() {
            Some(Ok(size)) => whole.push(size),
            Some(Err(e)) => break !e.is_eof(),
            None => break false,
        }
    };
    let end = values.byte_offset();
    if broken || held.len() - end > SIZE_LIMIT {
        held.clear();
    } else {
        held.drain(..end);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn sizes_come_whole_in_parts_and_broken() {
        let read = |held: &mut Vec<u8>| sizes(held).iter().map(|size| (size.width, size.height)).collect::<Vec<_>>();
        let mut held = b"{\"Width\":80,\"Height\":24}\n{\"Width\":1".to_vec();
        assert_eq!(read(&mut held), [(80, 24)]);
        held.extend_from_slice(b"32,\"Height\":50}");
        assert_eq!(read(&mut held), [(132, 50)]);
        for broken in [&b"{\"Width\":-1,\"Height\":2}"[..], b"nonsense", b"{\"Width\":70000,\"Height\":2}"] {
            let mut held = broken.to_vec();
            assert!(read(&mut held).is_empty() && held.is_empty(), "{broken:?}");
        }
        let mut long = vec![b' '; 5000];
        assert!(read(&mut long).is_empty() && long.len() < 4097);
    }
}
