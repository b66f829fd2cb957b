//! A person's terminal: a program on a pseudo-terminal, what it shows, and what is typed.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::until;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A program that runs there. Dropping it closes the terminal's window, so to speak: the program is killed.
pub struct Session {
    child: Child,
    master: File,
    seen: Arc<Mutex<Vec<u8>>>,
    /// Position after the text that was waited for already, which is not found again.
    from: usize,
}

impl Session {
    /// Start a program on a new terminal of that many rows and columns.
    pub fn start(mut command: Command, size: (u16, u16)) -> Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).doing("make a terminal")?;
        grantpt(&master).doing("make a terminal")?;
        unlockpt(&master).doing("make a terminal")?;
        set_size(&master, size)?;
        let name = ptsname(&master, Vec::new()).doing("make a terminal")?;
        let path = name.to_str().doing("make a terminal")?;
        let open = || File::options().read(true).write(true).open(path).on("open", path);
        let child = command.stdin(Stdio::from(open()?)).stdout(Stdio::from(open()?)).stderr(Stdio::from(open()?));
        let child = child.spawn().doing("start a program on a terminal")?;
        let master = File::from(master);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (master.try_clone().doing("share a terminal")?, seen.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..count]);
            }
        });
        Ok(Self { child, master, seen, from: 0 })
    }

    /// Type.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        self.master.write_all(text.as_bytes()).doing("type")
    }

    /// Type a line.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        self.type_text(&format!("{line}\r"))
    }

    /// Drag the window's corner.
    pub fn resize(&mut self, size: (u16, u16)) -> Result<()> {
        set_size(&self.master, size)?;
        // The kernel tells whose controlling terminal it is, which this is not.
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::WINCH).doing("tell of a new size")
    }

    /// Wait until a text is seen behind what was waited for before.
    pub fn wait(&mut self, text: &str, limit: Duration) -> Result<()> {
        let found = until(limit, || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let at = seen[self.from..].windows(text.len()).position(|window| window == text.as_bytes());
            at.map(|at| self.from + at + text.len()).ok_or_else(|| Error::new(format!("{text:?} is not seen")))
        });
        match found {
            Ok(at) => {
                self.from = at;
                Ok(())
            }
            Err(e) => Err(Error::new(format!("{e}; seen is:\n{}", self.seen()))),
        }
    }

    /// Wait until the program has ended: its code.
    pub fn end(&mut self, limit: Duration) -> Result<Option<i32>> {
        until(limit, || match self.child.try_wait().doing("ask after a program")? {
            Some(status) => Ok(status.code()),
            None => Err(Error::new(format!("it runs still; seen is:\n{}", self.seen()))),
        })
    }

    /// All that was seen.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_size(terminal: impl std::os::fd::AsFd, (rows, columns): (u16, u16)) -> Result<()> {
    tcsetwinsize(terminal, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).doing("set a terminal's size")
}
