//! Packets with a time to live, and what the routers say of them (RFC 792, RFC 4443).

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use kit::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto};

/// Place on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The time to live ended there.
    Router,
    /// It is the host.
    Host,
    /// A letter for the reason why it goes no further.
    Refused(char),
}

/// An answer to a packet.
pub struct Answer {
    /// Its sender.
    pub from: IpAddr,
    /// Time since the packet.
    pub time: Duration,
    /// Place on the way.
    pub end: End,
}

/// The two sockets: packets go out by one, answers come in by the other.
pub struct Prober {
    to: SocketAddr,
    out: OwnedFd,
    answers: OwnedFd,
    is_icmp: bool,
    data: Vec<u8>,
    /// Own port of UDP, or identifier of ICMP.
    own: u16,
    sequence: u16,
}

impl Prober {
    /// Open the sockets; both are for root alone.
    pub fn open(to: SocketAddr, source: Option<IpAddr>, is_icmp: bool, bytes: u16) -> Result<Self> {
        let (family, protocol, header) =
            if to.is_ipv4() { (AddressFamily::INET, ipproto::ICMP, 20) } else { (AddressFamily::INET6, ipproto::ICMPV6, 40) };
        let raw = || rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol));
        let answers = raw().doing("open a raw socket")?;
        let out = if is_icmp {
            raw().doing("open a raw socket")?
        } else {
            rustix::net::socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None).doing("open a socket")?
        };
        let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        rustix::net::bind(&out, &SocketAddr::new(source.unwrap_or(any), 0)).doing("use the own address")?;
        let own = if is_icmp {
            std::process::id() as u16
        } else {
            let address = rustix::net::getsockname(&out).doing("ask for the own port")?;
            SocketAddr::try_from(address).map(|address| address.port()).unwrap_or_default()
        };
        let data = vec![0x40; usize::from(bytes).saturating_sub(header + 8)];
        Ok(Self { to, out, answers, is_icmp, data, own, sequence: 0 })
    }

    /// Send a packet with that time to live, and wait for what is said of it.
    pub fn ask(&mut self, ttl: u8, wait: Duration) -> Result<Option<Answer>> {
        self.sequence = self.sequence.wrapping_add(1);
        let set = if self.to.is_ipv4() {
            rustix::net::sockopt::set_ip_ttl(&self.out, ttl.into())
        } else {
            rustix::net::sockopt::set_ipv6_unicast_hops(&self.out, Some(ttl))
        };
        set.doing("set the time to live")?;
        let begun = Instant::now();
        let port = self.to.port().wrapping_add(self.sequence - 1).max(1);
        let packet = if self.is_icmp { self.echo() } else { self.data.clone() };
        let to = SocketAddr::new(self.to.ip(), if self.is_icmp { 0 } else { port });
        // sendto reports the ICMP error of an earlier packet: the probe itself was not refused.
        let _ = rustix::net::sendto(&self.out, &packet, SendFlags::empty(), &to);
        loop {
            let left = wait.saturating_sub(begun.elapsed());
            let limit = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&limit)) {
                Ok(0) => return Ok(None),
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready.doing("wait for an answer")?,
            };
            let mut bytes = [0; 2048];
            let (len, _, from) = rustix::net::recvfrom(&self.answers, &mut bytes[..], RecvFlags::empty()).doing("receive")?;
            let Some(from) = from.and_then(|from| SocketAddr::try_from(from).ok()) else { continue };
            let asked = Asked { is_icmp: self.is_icmp, own: self.own, sequence: self.sequence, port };
            let end = if self.to.is_ipv4() { v4(&bytes[..len], &asked) } else { v6(&bytes[..len], &asked) };
            if let Some(end) = end {
                return Ok(Some(Answer { from: from.ip(), time: begun.elapsed(), end }));
            }
        }
    }

    /// An echo request; the kernel fills in the checksum of version 6.
    fn echo(&self) -> Vec<u8> {
        let kind = if self.to.is_ipv4() { 8 } else { 128 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.own.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(&self.data);
        if self.to.is_ipv4() {
            let sum = format::udp4::checksum(&[&packet]);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }
}

/// Marks of the packet that an answer must be about.
struct Asked {
    is_icmp: bool,
    own: u16,
    sequence: u16,
    port: u16,
}

impl Asked {
    /// Tells if the packet that an error quotes, behind its IP header, is ours.
    fn is_quoted(&self, quoted: &[u8], protocol: u8) -> bool {
        let word = |at: usize| quoted.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        if self.is_icmp {
            (protocol == 1 || protocol == 58) && word(4) == Some(self.own) && word(6) == Some(self.sequence)
        } else {
            protocol == 17 && word(0) == Some(self.own) && word(2) == Some(self.port)
        }
    }

    fn is_echo(&self, answer: &[u8]) -> bool {
        let word = |at: usize| answer.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        self.is_icmp && word(4) == Some(self.own) && word(6) == Some(self.sequence)
    }
}

/// Place that an answer of version 4 tells, with its IP header; none if it is about something else.
fn v4(packet: &[u8], asked: &Asked) -> Option<End> {
    let behind = |packet: &[u8]| Some(usize::from(packet.first()? & 15) * 4);
    let icmp = packet.get(behind(packet)?..)?;
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    if kind == 0 {
        return asked.is_echo(icmp).then_some(End::Host);
    }
    let inner = icmp.get(8..)?;
    if !asked.is_quoted(inner.get(behind(inner)?..)?, *inner.get(9)?) {
        return None;
    }
    match (kind, code) {
        (11, _) => Some(End::Router),
        (3, 3) => Some(End::Host),
        (3, 0) => Some(End::Refused('N')),
        (3, 1) => Some(End::Refused('H')),
        (3, 2) => Some(End::Refused('P')),
        (3, 4) => Some(End::Refused('F')),
        (3, _) => Some(End::Refused('X')),
        _ => None,
    }
}

/// The same of version 6, which comes without its IP header.
fn v6(icmp: &[u8], asked: &Asked) -> Option<End> {
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    if kind == 129 {
        return asked.is_echo(icmp).then_some(End::Host);
    }
    let inner = icmp.get(8..)?;
    if !asked.is_quoted(inner.get(40..)?, *inner.get(6)?) {
        return None;
    }
    match (kind, code) {
        (3, _) => Some(End::Router),
        (1, 4) => Some(End::Host),
        (1, 0) => Some(End::Refused('N')),
        (1, 3) => Some(End::Refused('H')),
        (1, _) => Some(End::Refused('X')),
        (2, _) => Some(End::Refused('F')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_quotes_our_packet_is_an_answer() {
        let asked = Asked { is_icmp: false, own: 4000, sequence: 1, port: 33434 };
        let header = |protocol: u8| [&[0x45, 0, 0, 0, 0, 0, 0, 0, 1, protocol][..], &[0; 10]].concat();
        let udp = [&4000_u16.to_be_bytes()[..], &33434_u16.to_be_bytes(), &[0; 4]].concat();
        let packet =
            |kind: u8, code: u8, udp: &[u8]| [&header(1)[..], &[kind, code, 0, 0, 0, 0, 0, 0], &header(17), udp].concat();
        assert_eq!(v4(&packet(11, 0, &udp), &asked), Some(End::Router));
        assert_eq!(v4(&packet(3, 3, &udp), &asked), Some(End::Host));
        assert_eq!(v4(&packet(3, 13, &udp), &asked), Some(End::Refused('X')));
        assert_eq!(v4(&packet(11, 0, &[0; 8]), &asked), None);
        assert_eq!(v4(&packet(11, 0, &udp)[..30], &asked), None);
        for len in 0..60 {
            let _ = v6(&vec![3; len], &asked);
            let _ = v4(&vec![0xff; len], &asked);
        }
    }
}
