//! Pipes, sockets and terminals as the event loop reads and writes them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kit::{Context, Result};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor that does not block.
pub struct Descriptor(AsyncFd<OwnedFd>);

impl Descriptor {
    /// One to read from.
    pub fn reading(fd: OwnedFd) -> Result<Self> {
        Self::new(fd, Interest::READABLE)
    }

    /// One to write to.
    pub fn writing(fd: OwnedFd) -> Result<Self> {
        Self::new(fd, Interest::WRITABLE)
    }

    /// One for both: a terminal.
    pub fn both(fd: OwnedFd) -> Result<Self> {
        Self::new(fd, Interest::READABLE | Interest::WRITABLE)
    }

    fn new(fd: OwnedFd, interest: Interest) -> Result<Self> {
        let flags = fcntl_getfl(&fd).doing("look at a stream")?;
        fcntl_setfl(&fd, flags | OFlags::NONBLOCK).doing("keep a stream from waiting")?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe, for types that are not sure which descriptor they hold; this one is"
        )]
        let watched = AsyncFd::with_interest(fd, interest);
        watched.map(Self).doing("watch a stream")
    }

    /// Read what comes; 0 at the end. A terminal that nobody has open any more is at its end.
    pub async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(result) = ready.try_io(|fd| read(fd.get_ref().as_fd(), bytes)) {
                return result;
            }
        }
    }

    /// Read what is there; none when nothing is.
    pub fn read_now(&self, bytes: &mut [u8]) -> Option<usize> {
        read(self.0.get_ref().as_fd(), bytes).ok()
    }

    /// Write all of it.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            if let Ok(result) = ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?)) {
                bytes = &bytes[result?..];
            }
        }
        Ok(())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

fn read(fd: BorrowedFd, bytes: &mut [u8]) -> io::Result<usize> {
    match rustix::io::read(fd, bytes) {
        Err(Errno::IO) => Ok(0),
        other => Ok(other?),
    }
}
