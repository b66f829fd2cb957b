//! The socket on which `oci` hands over a terminal: one message with the descriptor beside it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::OFlags;

/// Socket at which a terminal arrives.
#[derive(Debug)]
pub struct Console {
    listener: UnixListener,
    path: PathBuf,
}

impl Console {
    /// Listen at a path of at most 107 bytes, which goes with this.
    pub fn listen(path: PathBuf) -> Result<Self> {
        // A socket that an interrupted run left is in the way.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).on("listen at", &path)?;
        listener.set_nonblocking(true).on("listen at", &path)?;
        Ok(Self { listener, path })
    }

    /// Returns the path of the socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Take the terminal, which was sent before `oci` ended. It does not block.
    pub fn take(&self) -> Result<OwnedFd> {
        let (socket, _) = self.listener.accept().doing("receive the terminal")?;
        let (_, fds) = kit::scm::receive(&socket, &mut [0; 4096]).doing("receive the terminal")?;
        let fd = fds.into_iter().next().ok_or_else(|| Error::new("oci sent no terminal"))?;
        rustix::fs::fcntl_setfl(&fd, OFlags::NONBLOCK | OFlags::RDWR).doing("receive the terminal")?;
        Ok(fd)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Nobody else makes or needs it.
        let _ = std::fs::remove_file(&self.path);
    }
}
