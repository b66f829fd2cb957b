//! The server's side of the monitors' sockets, see [`monitor::wire`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::time::Duration;

use kit::{Context, Error, Result, scm};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::step::{self, Step, reached};
use crate::streaming::descriptor::Descriptor;
use monitor::wire::{self, Info, LIMIT, Reply, Request, Spawn};

mod exec;

pub use exec::exec;

/// The zygote's socket, which makes monitors.
#[derive(Debug)]
pub struct Zygote(pub OwnedFd);

/// A connection on which a monitor tells of starts and exits until it dies.
pub struct Watch(BufReader<UnixStream>);

impl Zygote {
    /// A new monitor for the pod whose `pod.json` is in that directory; its namespaces are there when this returns.
    pub async fn spawn(&self, dir: &Path, patience: Duration) -> Result<(Info, Watch)> {
        let (ours, theirs) = StdStream::pair().doing("make a socket pair")?;
        let request = serde_json::to_vec(&Spawn { dir: dir.to_owned() }).doing("encode a request")?;
        self.send(&request, &theirs).doing("ask the zygote for a monitor")?;
        reached(Step::MonitorOrdered);
        ours.set_nonblocking(true).doing("make a socket wait for nobody")?;
        let mut watch = Watch(BufReader::new(UnixStream::from_std(ours).doing("watch a socket")?));
        let info = within(patience, watch.first()).await?;
        Ok((info, watch))
    }

    /// Wait for the zygote's death, which is an error: without it there are no new pods.
    pub async fn death(&self) -> Error {
        let watched = self.0.try_clone().doing("watch the zygote").and_then(Descriptor::reading);
        match watched {
            // It never says anything: whatever comes is its end.
            Ok(socket) => drop(socket.read(&mut [0]).await),
            Err(e) => return e,
        }
        Error::new("the zygote, from which monitors come, has died")
    }

    fn send(&self, request: &[u8], theirs: &StdStream) -> rustix::io::Result<usize> {
        scm::send(&self.0, request, &[theirs.as_fd()])
    }
}

impl Watch {
    /// Watch a monitor that lives.
    pub async fn open(dir: &Path, patience: Duration) -> Result<(Info, Self)> {
        within(patience, async {
            let mut watch = Self(ask(dir, &Request::Watch).await?);
            let info = watch.first().await?;
            Ok((info, watch))
        })
        .await
    }

    /// Next event of a container ([`Reply::Running`] or [`Reply::Exited`]), or none when the monitor is dead.
    pub async fn next(&mut self) -> Option<Reply> {
        loop {
            match read_reply(&mut self.0).await {
                Ok(news @ (Reply::Running { .. } | Reply::Exited { .. })) => return Some(news),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    async fn first(&mut self) -> Result<Info> {
        match read_reply(&mut self.0).await? {
            Reply::Info(info) => Ok(info),
            other => Err(unexpected(other)),
        }
    }
}

/// Ask the monitor in that directory, and take its reply. A failure that it tells becomes an error.
pub async fn call(dir: &Path, request: &Request, patience: Duration) -> Result<Reply> {
    within(patience, async {
        let mut answer = ask(dir, request).await?;
        step::ordered(request);
        match read_reply(&mut answer).await? {
            Reply::Failed(report) => Err(report.into_error()),
            reply => Ok(reply),
        }
    })
    .await
}

/// As [`call`], where the only good answer is that it is done.
pub async fn order(dir: &Path, request: &Request, patience: Duration) -> Result<()> {
    match call(dir, request, patience).await? {
        Reply::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// A request with more than one reply, or with descriptors. When this is dropped, the monitor ends what it asked for.
pub struct Talk {
    socket: UnixStream,
    inbox: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Talk {
    /// Ask the monitor in that directory, with descriptors beside the line.
    pub async fn begin(dir: &Path, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<Self> {
        let path = wire::socket(dir);
        let mut socket = UnixStream::connect(&path).await.on("reach the monitor at", &path)?;
        let mut line = serde_json::to_vec(request).doing("encode a request")?;
        line.push(b'\n');
        socket.writable().await.on("ask the monitor at", &path)?;
        // A new socket has room for the first bytes, beside which the descriptors travel.
        let sent = socket.try_io(Interest::WRITABLE, || Ok(scm::send(&socket, &line, fds)?)).on("ask the monitor at", &path)?;
        socket.write_all(&line[sent..]).await.on("ask the monitor at", &path)?;
        Ok(Self { socket, inbox: Vec::new(), fds: Vec::new() })
    }

    /// The next reply, and what came beside it. A failure that it tells becomes an error.
    pub async fn next(&mut self) -> Result<(Reply, Option<OwnedFd>)> {
        loop {
            if let Some(end) = self.inbox.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.inbox.drain(..=end).collect();
                return match serde_json::from_slice(&line).doing("decode a monitor's answer")? {
                    Reply::Failed(report) => Err(report.into_error()),
                    reply => Ok((reply, self.fds.pop())),
                };
            }
            if self.inbox.len() > LIMIT {
                return Err(Error::new("the pod's monitor says too much"));
            }
            let mut bytes = [0; 4096];
            self.socket.readable().await.doing("hear from a monitor")?;
            match self.socket.try_io(Interest::READABLE, || Ok(scm::receive(&self.socket, &mut bytes)?)) {
                Ok((0, _)) => return Err(Error::new("the pod's monitor died")),
                Ok((count, fds)) => {
                    self.inbox.extend_from_slice(&bytes[..count]);
                    self.fds.extend(fds);
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e).doing("hear from a monitor"),
            }
        }
    }
}

/// Error of an answer that does not fit the request.
pub fn unexpected(reply: Reply) -> Error {
    match reply {
        Reply::Failed(report) => report.into_error(),
        Reply::Unknown => Error::new("the pod's monitor knows no such container"),
        other => Error::new(format!("the pod's monitor answered {other:?}")),
    }
}

async fn ask(dir: &Path, request: &Request) -> Result<BufReader<UnixStream>> {
    let path = wire::socket(dir);
    let mut socket = UnixStream::connect(&path).await.on("reach the monitor at", &path)?;
    let mut line = serde_json::to_vec(request).doing("encode a request")?;
    line.push(b'\n');
    socket.write_all(&line).await.on("ask the monitor at", &path)?;
    Ok(BufReader::new(socket))
}

async fn read_reply(from: &mut BufReader<UnixStream>) -> Result<Reply> {
    let mut line = Vec::new();
    from.take(LIMIT as u64).read_until(b'\n', &mut line).await.doing("hear from a monitor")?;
    if line.last() != Some(&b'\n') {
        return Err(Error::new("the pod's monitor died"));
    }
    serde_json::from_slice(&line).doing("decode a monitor's answer")
}

async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || Error::new(format!("the pod's monitor did not answer within {} s", patience.as_secs()));
    timeout(patience, answer).await.map_err(|_| late())?
}

#[cfg(test)]
mod tests;
