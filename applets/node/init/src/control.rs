//! The supervisor's control socket: PID 1's side of [`kit::control`]. Bounded in clients, bytes and time, and never waited for.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use kit::control::{self, Reply, Request};
use kit::{Context, Result, paths};

/// Limit of clients at a time; all are root's own commands.
const CLIENTS: usize = 16;
/// The longest request in bytes: a verb and a service's name fit many times.
const REQUEST: usize = 4096;
/// Time limit of a client's request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The listening socket and who is connected.
#[derive(Debug, Default)]
pub struct Control {
    listener: Option<UnixListener>,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    socket: UnixStream,
    said: Vec<u8>,
    until: Instant,
}

impl Control {
    /// Listen at the fixed path, for root alone.
    pub fn open(&mut self) -> Result<()> {
        let _ = fs::remove_file(paths::CONTROL);
        let listener = UnixListener::bind(paths::CONTROL).on("listen at", paths::CONTROL)?;
        fs::set_permissions(paths::CONTROL, Permissions::from_mode(0o600)).on("set the mode of", paths::CONTROL)?;
        listener.set_nonblocking(true).on("set up", paths::CONTROL)?;
        self.listener = Some(listener);
        Ok(())
    }

    /// Returns the descriptors to poll.
    pub fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.listener
            .iter()
            .filter(|_| self.clients.len() < CLIENTS)
            .map(AsFd::as_fd)
            .chain(self.clients.iter().map(|client| client.socket.as_fd()))
    }

    /// Returns the earliest deadline of a client.
    pub fn due(&self) -> Option<Instant> {
        self.clients.iter().map(|client| client.until).min()
    }

    /// Let in who knocks and hear what the others say. Whoever said a whole line is given back, to be answered.
    pub fn requests(&mut self) -> Vec<(UnixStream, Result<Request>)> {
        self.accept();
        let mut complete = Vec::new();
        for mut client in std::mem::take(&mut self.clients) {
            match client.hear() {
                Heard::Line(request) => complete.push((client.socket, request)),
                Heard::Part if Instant::now() < client.until => self.clients.push(client),
                Heard::Part | Heard::End => {}
            }
        }
        complete
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while self.clients.len() < CLIENTS {
            let Ok((socket, _)) = listener.accept() else { return };
            if socket.set_nonblocking(true).is_ok() {
                self.clients.push(Client { socket, said: vec![], until: Instant::now() + REQUEST_TIMEOUT });
            }
        }
    }
}

/// Input from a client.
enum Heard {
    Line(Result<Request>),
    Part,
    End,
}

impl Client {
    fn hear(&mut self) -> Heard {
        let mut bytes = [0; REQUEST];
        match self.socket.read(&mut bytes) {
            Ok(0) => return Heard::End,
            Ok(count) => self.said.extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Heard::Part,
            Err(_) => return Heard::End,
        }
        if self.said.contains(&b'\n') {
            return Heard::Line(control::receive(self.said.as_slice()));
        }
        if self.said.len() > REQUEST { Heard::End } else { Heard::Part }
    }
}

/// Answer; a client that does not take its answer at once loses it.
pub fn answer(mut client: UnixStream, reply: &Reply) {
    let _ = control::send(&mut client, reply);
}
