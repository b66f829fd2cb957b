//! The bus of the kubelet: a private D-Bus socket where PID 1 answers as systemd-logind does (org.freedesktop.login1), so that the kubelet
//! learns of a shutdown and can hold it up until its pods have ended in their order, preStop hooks included.
//!
//! Only root may connect, and only what the kubelet says is understood. Clients, bytes, locks and the time of a handshake are bounded, and
//! nobody is waited for: who does not take an answer at once loses the connection.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use format::dbus::{self, Call};
use kit::{Context, Result, paths};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::login::{Login, Outcome};
use crate::sasl::{Handshake, Step};

/// Limit of clients at a time: the kubelet needs one connection, and one more while it makes a new
/// one.
const CLIENTS: usize = 8;
/// Time limit of a client's handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Limit of bytes that one read takes.
const READ: usize = 4096;

/// The listening socket, who is connected, and what they hold.
#[derive(Debug, Default)]
pub struct Bus {
    listener: Option<UnixListener>,
    clients: Vec<Client>,
    /// The number of the next client.
    next: u32,
    login: Login,
}

#[derive(Debug)]
struct Client {
    socket: UnixStream,
    name: String,
    handshake: Handshake,
    /// Deadline of the handshake.
    until: Instant,
    heard: Vec<u8>,
    /// True if the client subscribed to signals.
    listens: bool,
    serial: u32,
}

impl Bus {
    /// Listen at the fixed path, for root alone.
    pub fn open(&mut self) -> Result<()> {
        if self.listener.is_some() {
            return Ok(());
        }
        let _ = fs::remove_file(paths::BUS);
        let listener = UnixListener::bind(paths::BUS).on("listen at", paths::BUS)?;
        fs::set_permissions(paths::BUS, Permissions::from_mode(0o600)).on("set the mode of", paths::BUS)?;
        listener.set_nonblocking(true).on("set up", paths::BUS)?;
        self.listener = Some(listener);
        Ok(())
    }

    /// The setting by which programs find it.
    pub fn address() -> (String, String) {
        ("DBUS_SYSTEM_BUS_ADDRESS".into(), format!("unix:path={}", paths::BUS))
    }

    /// Returns the descriptors to poll.
    pub fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let listener = self.listener.iter().filter(|_| self.clients.len() < CLIENTS).map(AsFd::as_fd);
        listener.chain(self.clients.iter().map(|client| client.socket.as_fd())).chain(self.login.locks())
    }

    /// Returns the earliest deadline of a handshake that is not over.
    pub fn due(&self) -> Option<Instant> {
        self.clients.iter().filter(|client| !client.handshake.is_over()).map(|client| client.until).min()
    }

    /// Let in who knocks, answer what was asked, and see which locks were let go.
    pub fn attend(&mut self) {
        self.accept();
        for mut client in std::mem::take(&mut self.clients) {
            if client.attend(&mut self.login).is_some() {
                self.clients.push(client);
            }
        }
        self.login.release(is_closed);
    }

    /// Tell the listeners that the system is going to end. Who comes later is told then.
    pub fn prepare_for_shutdown(&mut self) {
        self.login.prepare_for_shutdown();
        let (clients, login) = (&mut self.clients, &self.login);
        clients.retain_mut(|client| !client.listens || client.tell(login).is_some());
    }

    /// Tells if an inhibitor lock delays the shutdown.
    pub fn is_held(&self) -> bool {
        self.login.locks().next().is_some()
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while self.clients.len() < CLIENTS {
            let Ok((socket, _)) = listener.accept() else { return };
            let root = socket_peercred(&socket).is_ok_and(|peer| peer.uid.is_root());
            if root && socket.set_nonblocking(true).is_ok() {
                self.clients.push(Client::new(socket, self.next));
                self.next = self.next.wrapping_add(1);
            }
        }
    }
}

impl Client {
    fn new(socket: UnixStream, number: u32) -> Self {
        Self {
            socket,
            name: format!(":1.{number}"),
            handshake: Handshake::default(),
            until: Instant::now() + HANDSHAKE_TIMEOUT,
            heard: Vec::new(),
            listens: false,
            serial: 0,
        }
    }

    /// Hear and answer; none when the connection is over.
    fn attend(&mut self, login: &mut Login) -> Option<()> {
        let mut bytes = [0; READ];
        match self.socket.read(&mut bytes) {
            Ok(0) => return None,
            Ok(count) => self.heard.extend_from_slice(bytes.get(..count)?),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => return None,
        }
        while !self.handshake.is_over() {
            match self.handshake.next(&mut self.heard) {
                Step::Say(line) => self.say(line.as_bytes(), None)?,
                Step::Over => {}
                Step::Part if Instant::now() < self.until => return Some(()),
                Step::Part | Step::Wrong => return None,
            }
        }
        while let Some(length) = dbus::length(&self.heard).ok()?.filter(|length| *length <= self.heard.len()) {
            let rest = self.heard.split_off(length);
            let message = std::mem::replace(&mut self.heard, rest);
            if let Some(call) = Call::parse(&message).ok()? {
                self.answer(&call, login)?;
            }
        }
        Some(())
    }

    fn answer(&mut self, call: &Call, login: &mut Login) -> Option<()> {
        let outcome = login.call(call, &self.name);
        let serial = self.count();
        let (bytes, lock) = match &outcome {
            Outcome::Done(values) => (call.answer(serial, &values.iter().map(|v| v.borrowed()).collect::<Vec<_>>(), 0), None),
            Outcome::Lock(lock) => (call.answer(serial, &[dbus::Value::Handle(0)], 1), Some(lock.as_fd())),
            Outcome::Listen => (call.answer(serial, &[], 0), None),
            Outcome::Refused(name, why) => (call.refuse(serial, name, why), None),
        };
        if call.answered {
            self.say(&bytes, lock)?;
        }
        if matches!(outcome, Outcome::Listen) {
            self.listens = true;
            self.tell(login)?;
        }
        Some(())
    }

    /// The signal, if it is time for it.
    fn tell(&mut self, login: &Login) -> Option<()> {
        if !login.is_ending() {
            return Some(());
        }
        let serial = self.count();
        self.say(&login.signal(serial), None)
    }

    /// The number of the next message.
    fn count(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1).max(1);
        self.serial
    }

    /// All at once or not at all; a descriptor goes with the first byte.
    fn say(&mut self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> Option<()> {
        let Some(descriptor) = descriptor else {
            return self.socket.write_all(bytes).ok();
        };
        let fds = [descriptor];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        beside.push(SendAncillaryMessage::ScmRights(&fds)).then_some(())?;
        let sent = sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL).ok()?;
        (sent == bytes.len()).then_some(())
    }
}

/// Tells if the client has closed its end of a lock.
fn is_closed(lock: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(lock, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let [watched] = match poll(&mut watched, Some(&now)) {
        Ok(1..) => watched,
        _ => return false,
    };
    watched.revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use std::io::IoSliceMut;

    const MANAGER: &str = "org.freedesktop.login1.Manager";

    /// A bus with one client, whose socket comes along.
    fn connected() -> (Bus, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_read_timeout(Some(HANDSHAKE_TIMEOUT)).unwrap();
        let mut bus = Bus::default();
        bus.clients.push(Client::new(ours, 3));
        (bus, theirs)
    }

    fn call(path: &str, interface: &str, member: &str, texts: &[&str]) -> Vec<u8> {
        let values: Vec<dbus::Value<'_>> = texts.iter().copied().map(dbus::Value::Text).collect();
        dbus::call(9, "org.freedesktop.login1", [path, interface, member], &values)
    }

    /// Reads the bus's reply, and the descriptor that came with it.
    fn hear(client: &UnixStream) -> (Vec<u8>, Option<OwnedFd>) {
        let mut bytes = [0; 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let heard = recvmsg(client, &mut [IoSliceMut::new(&mut bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
        let fd = beside.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        (bytes[..heard].to_vec(), fd)
    }

    #[test]
    fn a_lock_holds_the_shutdown_up_until_it_is_let_go() {
        let (mut bus, mut client) = connected();
        client.write_all(b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n").unwrap();
        bus.attend();
        assert!(hear(&client).0.ends_with(b"AGREE_UNIX_FD\r\n"));
        let inhibit = call("/org/freedesktop/login1", MANAGER, "Inhibit", &["shutdown", "kubelet", "why", "delay"]);
        // Messages come in parts as well.
        let (first, rest) = inhibit.split_at(21);
        client.write_all(first).unwrap();
        bus.attend();
        client.write_all(rest).unwrap();
        bus.attend();
        let (answer, lock) = hear(&client);
        assert_eq!(dbus::length(&answer), Ok(Some(answer.len())));
        assert!(lock.is_some() && bus.is_held());
        let rule = "type='signal',member='PrepareForShutdown'";
        client.write_all(&call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", &[rule])).unwrap();
        bus.attend();
        assert!(!String::from_utf8_lossy(&hear(&client).0).contains("PrepareForShutdown"));
        bus.prepare_for_shutdown();
        assert!(String::from_utf8_lossy(&hear(&client).0).contains("PrepareForShutdown"));
        bus.attend();
        assert!(bus.is_held());
        drop(lock);
        bus.attend();
        assert!(!bus.is_held());
    }

    #[test]
    fn who_comes_late_is_told_at_once() {
        let (mut bus, mut client) = connected();
        bus.prepare_for_shutdown();
        client.write_all(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n").unwrap();
        client.write_all(&call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", &["type='signal'"])).unwrap();
        bus.attend();
        assert!(String::from_utf8_lossy(&hear(&client).0).contains("PrepareForShutdown"));
    }

    #[test]
    fn nonsense_ends_the_connection_alone() {
        let long = [b"l\x01\0\x01".as_slice(), &[0xff; 12]].concat();
        let head = b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n".as_slice();
        for nonsense in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            [head, b"nonsense nonsense nonsense"].concat(),
            [head, &long].concat(),
            vec![0; 300],
        ] {
            let (mut bus, mut client) = connected();
            client.write_all(&nonsense).unwrap();
            bus.attend();
            assert!(bus.clients.is_empty(), "{nonsense:?}");
        }
        let (mut bus, client) = connected();
        drop(client);
        bus.attend();
        assert!(bus.clients.is_empty() && bus.due().is_none());
    }
}
