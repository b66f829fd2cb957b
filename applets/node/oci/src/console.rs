//! The terminal of a process in the foreground: the container makes a pseudo-terminal and sends us its master, which we
//! relay to our own.

use std::fs::File;
use std::io::{Read, Write, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

/// Bytes relayed at once.
const CHUNK: usize = 8192;

/// The socket on which a terminal comes.
#[derive(Debug)]
pub struct Awaited {
    listener: UnixListener,
    path: PathBuf,
}

impl Awaited {
    /// Listen in a directory of our own.
    pub fn listen(directory: &Path) -> Result<Self> {
        let path = directory.join(format!("console-{}", std::process::id()));
        Ok(Self { listener: UnixListener::bind(&path).on("listen on", &path)?, path })
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Take the terminal that was sent, and put our own into raw mode.
    pub fn receive(self) -> Result<Console> {
        let (socket, _) = self.listener.accept().doing("await the container's terminal")?;
        // It has done its work.
        let _ = std::fs::remove_file(&self.path);
        let (_, fds) = kit::scm::receive(&socket, &mut [0; 64]).doing("receive the container's terminal")?;
        Console::relaying(fds.into_iter().next().ok_or_else(|| Error::new("the container sent no terminal"))?)
    }
}

/// A terminal that is being relayed.
#[derive(Debug)]
pub struct Console {
    master: File,
    before: Option<Termios>,
    input: bool,
    output: bool,
}

impl Console {
    fn relaying(master: OwnedFd) -> Result<Self> {
        let before = tcgetattr(stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw).doing("put the terminal into raw mode")?;
        }
        let console = Self { master: File::from(master), before, input: true, output: true };
        console.take_size();
        Ok(console)
    }

    /// Give the container's terminal the size of ours; without one it keeps its own.
    pub fn take_size(&self) {
        if let Ok(size) = tcgetwinsize(stdin()) {
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// Source of the input, until its end.
    pub fn input(&self) -> Option<BorrowedFd<'static>> {
        self.input.then(rustix::stdio::stdin)
    }

    /// Source of the output, until its end.
    pub fn output(&self) -> Option<BorrowedFd<'_>> {
        self.output.then(|| self.master.as_fd())
    }

    /// Pass on what was typed.
    pub fn relay_input(&mut self) {
        let mut chunk = [0; CHUNK];
        match stdin().read(&mut chunk) {
            Ok(count) if count > 0 => self.input = self.master.write_all(&chunk[..count]).is_ok(),
            _ => self.input = false,
        }
    }

    /// Pass on what was written; a terminal that nobody holds any more answers with an error.
    pub fn relay_output(&mut self) {
        let mut chunk = [0; CHUNK];
        match self.master.read(&mut chunk) {
            Ok(count) if count > 0 => {
                let mut out = stdout();
                self.output = out.write_all(&chunk[..count]).and_then(|()| out.flush()).is_ok();
            }
            _ => self.output = false,
        }
    }

    /// Pass on what is left after the process's end.
    pub fn drain(&mut self) {
        if rustix::io::ioctl_fionbio(&self.master, true).is_ok() {
            while self.output {
                self.relay_output();
            }
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // There is no other way left to give the terminal back.
            let _ = tcsetattr(stdin(), OptionalActions::Drain, before);
        }
    }
}
