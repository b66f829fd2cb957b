//! Sockets of the network namespace, as the kernel's `sock_diag` lists them (linux/inet_diag.h, linux/unix_diag.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use kit::Result;
use rustix::net::netlink;

use crate::Netlink;
use crate::family;
use crate::wire::{attributes, u32_at};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `AF_UNIX`.
const UNIX: u8 = 1;
/// Length of `struct inet_diag_msg` before its attributes.
const INTERNET_LENGTH: usize = 72;
/// Length of `struct unix_diag_msg`.
const UNIX_LENGTH: usize = 16;

/// An internet socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternetSocket {
    /// State as the kernel numbers those of TCP: 1 established to 11 closing; 7 for the unconnected.
    pub state: u8,
    /// Timer: 0 none, 1 retransmission, 2 keepalive, 3 time-wait, 4 probes of a zero window.
    pub timer: u8,
    /// Retransmissions or probes so far.
    pub retransmissions: u8,
    /// Milliseconds until the timer.
    pub expires: u32,
    /// Own end.
    pub local: SocketAddr,
    /// Other end.
    pub remote: SocketAddr,
    /// Number of the interface it is bound to; 0 for none.
    pub interface: u32,
    /// Bytes received and not read; of a listener, connections that wait.
    pub receive_queue: u32,
    /// Bytes sent and not acknowledged; of a listener, connections that may wait.
    pub send_queue: u32,
    /// Owner.
    pub user: u32,
    /// Number of its inode; 0 when no process has it.
    pub inode: u32,
    /// The kernel's own number of it.
    pub cookie: u64,
}

/// A Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// 1 stream, 2 datagram, 5 packets in sequence.
    pub kind: u8,
    /// As of internet sockets: 1, 7 or 10.
    pub state: u8,
    /// Number of its inode.
    pub inode: u32,
    /// Path, `@` before an abstract name, or empty.
    pub name: String,
    /// Inode of the other end; 0 for none.
    pub peer: u32,
    /// Bytes to read; of a listener, connections that wait.
    pub receive_queue: u32,
    /// Bytes to be read by the other end; of a listener, connections that may wait.
    pub send_queue: u32,
}

impl Netlink {
    /// Open the list of sockets.
    pub fn open_sockets() -> Result<Self> {
        Self::open_protocol(Some(netlink::SOCK_DIAG))
    }

    /// Sockets of an IP protocol (6 TCP, 17 UDP, 255 raw) and version whose states' bits are set.
    pub fn internet_sockets(&mut self, is_v6: bool, protocol: u8, states: u32) -> Result<Vec<InternetSocket>> {
        let own = if is_v6 { family::V6 } else { family::V4 };
        let answers = self.dump(BY_FAMILY, |writer| {
            writer.put(&[own, protocol, 0, 0]).put(&states.to_ne_bytes()).put(&[0; 48]);
        })?;
        Ok(answers.iter().filter_map(|answer| internet(&answer.body)).collect())
    }

    /// Unix sockets whose states' bits are set.
    pub fn unix_sockets(&mut self, states: u32) -> Result<Vec<UnixSocket>> {
        /// Name, other end and queues.
        const SHOW: u32 = 1 | 4 | 16;
        let answers = self.dump(BY_FAMILY, |writer| {
            writer.put(&[UNIX, 0, 0, 0]).put(&states.to_ne_bytes()).put(&[0; 4]).put(&SHOW.to_ne_bytes()).put(&[0; 8]);
        })?;
        Ok(answers.iter().filter_map(|answer| unix(&answer.body)).collect())
    }
}

fn internet(body: &[u8]) -> Option<InternetSocket> {
    let body = body.get(..INTERNET_LENGTH)?;
    let is_v6 = body[0] == family::V6;
    let end = |port: usize, at: usize| {
        let ip = if is_v6 {
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(body.get(at..at + 16)?).ok()?))
        } else {
            IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(body.get(at..at + 4)?).ok()?))
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes([body[port], body[port + 1]])))
    };
    let cookie = u64::from(u32_at(body, 44)?) | u64::from(u32_at(body, 48)?) << 32;
    Some(InternetSocket {
        state: body[1],
        timer: body[2],
        retransmissions: body[3],
        local: end(4, 8)?,
        remote: end(6, 24)?,
        interface: u32_at(body, 40)?,
        cookie,
        expires: u32_at(body, 52)?,
        receive_queue: u32_at(body, 56)?,
        send_queue: u32_at(body, 60)?,
        user: u32_at(body, 64)?,
        inode: u32_at(body, 68)?,
    })
}

fn unix(body: &[u8]) -> Option<UnixSocket> {
    let (head, rest) = body.split_at_checked(UNIX_LENGTH)?;
    let mut socket = UnixSocket {
        kind: head[1],
        state: head[2],
        inode: u32_at(head, 4)?,
        name: String::new(),
        peer: 0,
        receive_queue: 0,
        send_queue: 0,
    };
    for attribute in attributes(rest) {
        match attribute.kind {
            0 => {
                let text = String::from_utf8_lossy(attribute.value);
                let text =
                    text.strip_prefix('\0').map_or_else(|| text.trim_end_matches('\0').to_owned(), |rest| format!("@{rest}"));
                // An abstract name may hold any bytes; those that a terminal would obey are shown as points.
                socket.name = text.chars().map(|c| if c.is_control() || c.is_whitespace() { '.' } else { c }).collect();
            }
            2 => socket.peer = attribute.u32(),
            4 => {
                socket.receive_queue = u32_at(attribute.value, 0).unwrap_or_default();
                socket.send_queue = u32_at(attribute.value, 4).unwrap_or_default();
            }
            _ => {}
        }
    }
    Some(socket)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn own_listener_is_in_the_list() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = Netlink::open_sockets().unwrap().internet_sockets(false, 6, 1 << 10).unwrap();
        assert!(found.iter().any(|socket| socket.local == address && socket.send_queue > 0), "{found:?}");
        let (_here, _there) = std::os::unix::net::UnixStream::pair().unwrap();
        let found = Netlink::open_sockets().unwrap().unix_sockets(1 << 1).unwrap();
        assert!(found.iter().any(|socket| socket.kind == 1 && socket.peer != 0));
    }

    #[test]
    fn short_answers_are_none() {
        assert_eq!(internet(&[2; 71]), None);
        assert_eq!(unix(&[1; 15]), None);
    }
}
