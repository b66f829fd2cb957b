//! The server's side of the monitors' sockets, see [`crate::monitor::wire`].

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::time::Duration;

use kit::{Context, Error, Result};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::monitor::wire::{self, ExecDone, Info, LIMIT, Reply, Request, Spawn};

/// Where monitors come from: the zygote's socket.
#[derive(Debug)]
pub struct Zygote(pub OwnedFd);

/// A connection on which a monitor tells of exits until it dies.
pub struct Watch(BufReader<UnixStream>);

impl Zygote {
    /// A new monitor for the pod whose `pod.json` is in that folder; its namespaces are there when this returns.
    pub async fn spawn(&self, dir: &Path, patience: Duration) -> Result<(Info, Watch)> {
        let (ours, theirs) = StdStream::pair().doing("make a socket pair")?;
        let request = serde_json::to_vec(&Spawn { dir: dir.to_owned() }).doing("encode a request")?;
        self.send(&request, &theirs).doing("ask the zygote for a monitor")?;
        ours.set_nonblocking(true).doing("make a socket wait for nobody")?;
        let mut watch = Watch(BufReader::new(UnixStream::from_std(ours).doing("watch a socket")?));
        let info = within(patience, watch.first()).await?;
        Ok((info, watch))
    }

    fn send(&self, request: &[u8], theirs: &StdStream) -> rustix::io::Result<usize> {
        let fds = [theirs.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        beside.push(SendAncillaryMessage::ScmRights(&fds));
        sendmsg(&self.0, &[IoSlice::new(request)], &mut beside, SendFlags::NOSIGNAL)
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

    /// The id of the next container that ends, or none when the monitor is dead.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            match read_reply(&mut self.0).await {
                Ok(Reply::Exited { container }) => return Some(container),
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

/// Ask the monitor in that folder, and take its reply. A failure that it tells becomes an error.
pub async fn call(dir: &Path, request: &Request, patience: Duration) -> Result<Reply> {
    within(patience, async {
        let mut answer = ask(dir, request).await?;
        match read_reply(&mut answer).await? {
            Reply::Failed(sentence) => Err(Error::new(sentence)),
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

/// Run a process to its end: its exit, stdout and stderr. When this is dropped the monitor kills it.
pub async fn exec(dir: &Path, request: &wire::Exec) -> Result<(ExecDone, Vec<u8>, Vec<u8>)> {
    let mut answer = ask(dir, &Request::Exec(request.clone())).await?;
    let done = match read_reply(&mut answer).await? {
        Reply::Exec(done) if done.stdout <= request.limit && done.stderr <= request.limit => done,
        other => return Err(unexpected(other)),
    };
    let mut stdout = vec![0; done.stdout];
    let mut stderr = vec![0; done.stderr];
    answer.read_exact(&mut stdout).await.doing("read an exec's output")?;
    answer.read_exact(&mut stderr).await.doing("read an exec's output")?;
    Ok((done, stdout, stderr))
}

/// What an answer that does not fit the question becomes.
pub fn unexpected(reply: Reply) -> Error {
    match reply {
        Reply::Failed(sentence) => Error::new(sentence),
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
