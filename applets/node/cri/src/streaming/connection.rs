//! A connection with channels, shared by the tasks that use them.
//!
//! Nobody is ever told to wait while another could go on: the network's two directions have a task each, a slow receiver holds up
//! the reading only when [`spdy::HELD_LIMIT`] is held for all, and a slow network holds up those who send.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spdy::{Event, Headers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::transport::Transport;

/// Bytes read at once.
const READ: usize = 32 * 1024;
/// Silence of a peer after which it is taken to wait for our next frame. Long for a machine, short for a person.
const SILENCE: Duration = Duration::from_millis(20);
/// A connection on which nothing happens for that long is closed, as in containerd.
const IDLE: Duration = Duration::from_hours(4);
/// Timeout of a peer that reads the last frames and closes.
const FAREWELL: Duration = Duration::from_secs(10);

/// A connection.
pub struct Connection {
    transport: Mutex<Box<dyn Transport>>,
    channels: Mutex<HashMap<u32, mpsc::UnboundedSender<Came>>>,
    /// There is something to write, or nothing more to come.
    output: Notify,
    /// There is room for more in the output, or in the peer's windows.
    room: Notify,
    /// There is room for more of what comes.
    input: Notify,
    /// The peer is gone, or was let go.
    over: AtomicBool,
    gone: Notify,
    /// Our last words are in the output.
    closing: AtomicBool,
    /// Something happened since the last look.
    busy: AtomicBool,
}

/// Event of a channel.
enum Came {
    Piece(Piece),
    Finished,
}

/// Bytes that came. They count as held until this is dropped.
pub struct Piece {
    bytes: Vec<u8>,
    channel: u32,
    connection: Arc<Connection>,
}

impl std::ops::Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.connection.lock().used(self.channel, self.bytes.len());
        self.connection.input.notify_one();
        self.connection.output.notify_one();
    }
}

/// Message for a channel's receiver.
pub enum Input {
    /// Bytes.
    Piece(Piece),
    /// The peer sends nothing more.
    Finished,
    /// The peer ended the channel, or is gone.
    Lost,
}

/// The receiving half of a channel.
pub struct Incoming {
    from: mpsc::UnboundedReceiver<Came>,
}

impl Incoming {
    /// Next message.
    pub async fn next(&mut self) -> Input {
        match self.from.recv().await {
            Some(Came::Piece(piece)) => Input::Piece(piece),
            Some(Came::Finished) => Input::Finished,
            None => Input::Lost,
        }
    }
}

/// The sending half of a channel.
#[derive(Clone)]
pub struct Outgoing {
    channel: u32,
    connection: Arc<Connection>,
}

/// The channel or the connection is closed.
#[derive(Debug)]
pub struct Closed;

impl Outgoing {
    /// Send all of it; waits for room.
    pub async fn send(&self, mut bytes: &[u8]) -> Result<(), Closed> {
        loop {
            // Made before the look: what happens after the look wakes it.
            let room = self.connection.room.notified();
            if self.connection.is_over() {
                return Err(Closed);
            }
            let taken = self.connection.lock().send(self.channel, bytes).map_err(|_| Closed)?;
            self.connection.output.notify_one();
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return Ok(());
            }
            room.await;
        }
    }

    /// Send nothing more.
    pub fn finish(&self) {
        self.connection.lock().finish(self.channel);
        self.connection.output.notify_one();
    }

    /// End the channel at once.
    pub fn reset(&self) {
        self.connection.lock().reset(self.channel);
        self.connection.forget(self.channel);
        self.connection.output.notify_one();
    }
}

/// A channel that the peer opened.
pub struct Opened {
    /// Its number.
    pub channel: u32,
    /// Purpose of the channel.
    pub headers: Headers,
    /// Its receiving half.
    pub incoming: Incoming,
    /// Its sending half.
    pub outgoing: Outgoing,
}

/// Both halves of a channel.
pub type Halves = (Outgoing, Incoming);

/// A connection and the tasks that move its bytes.
pub struct Running {
    /// The connection.
    pub connection: Arc<Connection>,
    /// The channels that the peer opens; none when it is gone.
    pub opened: mpsc::UnboundedReceiver<Opened>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.connection.end();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Running {
    /// Begin to move bytes. `first` came behind the request's head; `fixed` are channels that are open from the start.
    pub fn begin(socket: TcpStream, transport: Box<dyn Transport>, first: Vec<u8>, fixed: &[u32]) -> (Self, Vec<Halves>) {
        let connection = Arc::new(Connection {
            transport: Mutex::new(transport),
            channels: Mutex::default(),
            output: Notify::new(),
            room: Notify::new(),
            input: Notify::new(),
            over: AtomicBool::new(false),
            gone: Notify::new(),
            closing: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        });
        let halves = fixed.iter().map(|channel| connection.channel(*channel)).collect();
        let (tell, opened) = mpsc::unbounded_channel();
        let (read, write) = socket.into_split();
        let reading = tokio::spawn(reading(connection.clone(), read, first, tell));
        let writing = tokio::spawn(writing(connection.clone(), write));
        (Self { connection, opened, tasks: [reading, writing] }, halves)
    }

    /// Say the last words, and wait until the peer has read them and closes.
    pub async fn close(self) {
        self.connection.lock().say_goodbye();
        self.connection.closing.store(true, Ordering::Relaxed);
        self.connection.output.notify_one();
        // A peer that does not close in time is let go.
        let _ = timeout(FAREWELL, self.connection.lost()).await;
    }
}

impl Connection {
    fn channel(self: &Arc<Self>, channel: u32) -> Halves {
        let (to, from) = mpsc::unbounded_channel();
        self.lock_channels().insert(channel, to);
        (Outgoing { channel, connection: self.clone() }, Incoming { from })
    }

    /// Accept a channel that the peer opened.
    pub fn accept(&self, channel: u32) {
        self.lock().accept(channel);
        self.output.notify_one();
    }

    /// Wait until the peer is gone.
    pub async fn lost(&self) {
        loop {
            let gone = self.gone.notified();
            if self.is_over() {
                return;
            }
            gone.await;
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        // Taken out first: what is dropped with them takes the other lock.
        let channels = std::mem::take(&mut *self.lock_channels());
        drop(channels);
        self.gone.notify_waiters();
        self.room.notify_waiters();
        self.output.notify_one();
    }

    fn forget(&self, channel: u32) {
        let forgotten = self.lock_channels().remove(&channel);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Box<dyn Transport>> {
        self.busy.store(true, Ordering::Relaxed);
        self.transport.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_channels(&self) -> MutexGuard<'_, HashMap<u32, mpsc::UnboundedSender<Came>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Take bytes from the network, and hand out what they say.
    fn take(self: &Arc<Self>, bytes: &[u8], tell: &mpsc::UnboundedSender<Opened>) -> Result<(), String> {
        let mut events = Vec::new();
        let result = self.lock().receive(bytes, &mut events);
        self.output.notify_one();
        self.room.notify_waiters();
        for event in events {
            self.hand_out(event, tell);
        }
        result
    }

    fn hand_out(self: &Arc<Self>, event: Event, tell: &mpsc::UnboundedSender<Opened>) {
        match event {
            Event::Opened(channel, headers) => {
                // Known before its first bytes come.
                let (outgoing, incoming) = self.channel(channel);
                // Data of new channels is dropped once nobody accepts them any more.
                let _ = tell.send(Opened { channel, headers, incoming, outgoing });
            }
            Event::Data(channel, bytes) => {
                let piece = Piece { bytes, channel, connection: self.clone() };
                let to = self.lock_channels().get(&channel).cloned();
                // A piece that nobody takes is used up here.
                let _ = to.map(|to| to.send(Came::Piece(piece)));
            }
            Event::Finished(channel) => {
                let to = self.lock_channels().remove(&channel);
                let _ = to.map(|to| to.send(Came::Finished));
            }
            Event::Reset(channel, _) => self.forget(channel),
            // It closes by itself when it has what it waits for.
            Event::GoAway(_) | Event::Replied(..) | Event::Headers(..) | Event::Pong(_) => {}
        }
    }
}

async fn reading(connection: Arc<Connection>, mut from: OwnedReadHalf, first: Vec<u8>, tell: mpsc::UnboundedSender<Opened>) {
    let mut bytes = vec![0; READ];
    let mut result = connection.take(&first, &tell);
    while result.is_ok() {
        let full = connection.lock().is_full();
        if full {
            connection.input.notified().await;
            continue;
        }
        match read(&connection, &mut from, &mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(count) => result = connection.take(&bytes[..count], &tell),
        }
    }
    if let Err(why) = result {
        tracing::warn!(why, "a streaming connection ended");
        // The last frames are sent before the connection is closed.
        connection.closing.store(true, Ordering::Relaxed);
        connection.output.notify_one();
        let _ = timeout(FAREWELL, async { while let Ok(1..) = from.read(&mut bytes).await {} }).await;
    }
    connection.end();
}

/// Read what comes, and be told when nothing does.
async fn read(connection: &Connection, from: &mut OwnedReadHalf, bytes: &mut [u8]) -> io::Result<usize> {
    let waiting = connection.lock().may_be_waiting();
    if waiting {
        if let Ok(read) = timeout(SILENCE, from.read(bytes)).await {
            return read;
        }
        connection.lock().assume_waiting();
        connection.output.notify_one();
    }
    loop {
        connection.busy.store(false, Ordering::Relaxed);
        match timeout(IDLE, from.read(bytes)).await {
            Ok(read) => return read,
            Err(_) if connection.busy.load(Ordering::Relaxed) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

async fn writing(connection: Arc<Connection>, mut to: OwnedWriteHalf) {
    while !connection.is_over() {
        let bytes = connection.lock().take_output();
        if bytes.is_empty() {
            if connection.closing.load(Ordering::Relaxed) {
                // The peer sees the end, and closes its side; the reader sees that.
                let _ = to.shutdown().await;
                break;
            }
            connection.output.notified().await;
        } else if to.write_all(&bytes).await.is_err() {
            connection.end();
        } else {
            connection.room.notify_waiters();
            connection.input.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
