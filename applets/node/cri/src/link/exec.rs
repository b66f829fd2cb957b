//! A process that is run to its end, and its output, which is read here: a monitor has all of its pod to serve and little memory.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use kit::{Context, Result};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::{Talk, unexpected};
use crate::step::{Step, reached};
use crate::streaming::descriptor::Descriptor;
use monitor::wire::{self, ExecDone, Reply, Request};

/// The bytes of output that all processes together may have here. What comes beyond is dropped, as is what one has beyond its limit.
const ALL: usize = 64 << 20;
/// Bytes that are read at once: a pipe's capacity unless somebody changes it.
const READ: usize = 64 << 10;
/// Between two reads of what is dropped: the writer is not stopped, but others go first.
const DROP_PAUSE: Duration = Duration::from_millis(10);

static ROOM: Semaphore = Semaphore::const_new(ALL);

/// One of a process's outputs.
struct Output {
    pipe: Descriptor,
    limit: usize,
    kept: Vec<u8>,
    /// Its part of [`ROOM`].
    room: Option<SemaphorePermit<'static>>,
}

impl Output {
    fn new(pipe: OwnedFd, limit: usize) -> Result<Self> {
        Ok(Self { pipe: Descriptor::reading(pipe)?, limit, kept: Vec::new(), room: None })
    }

    /// Keep what there is room for: whether that was all.
    fn keep(&mut self, bytes: &[u8]) -> bool {
        let count = bytes.len().min(self.limit.saturating_sub(self.kept.len()));
        // A read is far smaller than 4 GiB.
        let Ok(room) = ROOM.try_acquire_many(u32::try_from(count).unwrap_or_default()) else { return false };
        match &mut self.room {
            Some(before) => before.merge(room),
            none => *none = Some(room),
        }
        self.kept.extend_from_slice(&bytes[..count]);
        count == bytes.len()
    }

    /// Read until its end. A pipe that is never empty is always ready: others must have their turn all the same.
    async fn follow(&mut self) {
        let mut bytes = vec![0; READ];
        while let Ok(count @ 1..) = self.pipe.read(&mut bytes).await {
            if self.keep(&bytes[..count]) { yield_now().await } else { sleep(DROP_PAUSE).await }
        }
    }

    /// Read what is there when the process has ended: what others write from now on is not its own.
    fn finish(&mut self) {
        let mut bytes = vec![0; READ];
        let waiting = rustix::io::ioctl_fionread(self.pipe.as_fd()).unwrap_or(READ as u64);
        let mut left = usize::try_from(waiting).unwrap_or(READ);
        while let Some(count @ 1..) = self.pipe.read_now(&mut bytes).filter(|_| left > 0) {
            self.keep(&bytes[..count.min(left)]);
            left = left.saturating_sub(count);
        }
    }
}

/// Run a process to its end: its exit, and at most `limit` bytes of stdout and of stderr each. When this is dropped the monitor kills it.
pub async fn exec(dir: &Path, request: &wire::Exec, limit: usize) -> Result<(ExecDone, Vec<u8>, Vec<u8>)> {
    let [(out, out_far), (err, err_far)] = [pipe()?, pipe()?];
    let mut talk = Talk::begin(dir, &Request::Exec(request.clone()), &[out_far.as_fd(), err_far.as_fd()]).await?;
    drop((out_far, err_far));
    reached(Step::ExecOrdered);
    let (mut stdout, mut stderr) = (Output::new(out, limit)?, Output::new(err, limit)?);
    // The outputs may end before the process does.
    let follow = async {
        tokio::join!(stdout.follow(), stderr.follow());
        std::future::pending::<Result<ExecDone>>().await
    };
    let ended = tokio::select! {
        ended = end(&mut talk) => ended,
        never = follow => never,
    };
    stdout.finish();
    stderr.finish();
    let done = ended?;
    reached(Step::ExecEnded);
    Ok((done, stdout.kept, stderr.kept))
}

/// The process's end.
async fn end(talk: &mut Talk) -> Result<ExecDone> {
    loop {
        match talk.next().await? {
            (Reply::Begun, _) => {}
            (Reply::Exec(done), _) => return Ok(done),
            (other, _) => return Err(unexpected(other)),
        }
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")
}
