//! An address told to the neighbours, and asked for among them: raw packets, IPv4's by ARP, IPv6's by neighbour discovery.

use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use format::{arp, ndp};
use kit::{Context, Result};
use netlink::Link;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

/// The number of questions whether somebody has an address (RFC 5227's `PROBE_NUM`), and the time for an answer to each. The RFC's pauses
/// of up to two seconds are for networks of radios and sleeping machines.
const PROBES: u32 = 3;
const PROBE_TIMEOUT: Duration = Duration::from_millis(700);
/// The longest packet that is looked at, in bytes: those that matter are shorter.
const LONGEST: usize = 128;

/// Tell all neighbours that the address is at this link now. Links without hardware addresses have nobody to tell.
pub fn announce(link: &Link, address: IpAddr) -> Result<()> {
    let Some(own) = hardware(link) else { return Ok(()) };
    let say = || format!("announce {address} on {}", link.name);
    match address {
        IpAddr::V4(v4) => {
            let socket = sys::packet::open(link.index, arp::ETHERTYPE).doing(say())?;
            // Some machines believe the one, some the other.
            for packet in [arp::Packet::announcement(own, v4), arp::Packet::unasked_reply(own, v4)] {
                sys::packet::send_as(socket.as_fd(), link.index, arp::ETHERTYPE, EVERYBODY, &packet.to_bytes()).doing(say())?;
            }
            Ok(())
        }
        IpAddr::V6(v6) => {
            let socket = sys::packet::open(link.index, ndp::ETHERTYPE).doing(say())?;
            let (to, packet) = ndp::advertisement(own, v6);
            sys::packet::send_as(socket.as_fd(), link.index, ndp::ETHERTYPE, to, &packet).doing(say())
        }
    }
}

const EVERYBODY: arp::Mac = [0xff; 6];

/// Tells whether another machine on this link has the address, or is about to take it.
pub fn is_taken(link: &Link, address: IpAddr) -> Result<bool> {
    let Some(own) = hardware(link) else { return Ok(false) };
    let say = || format!("ask for {address} on {}", link.name);
    let kind = if address.is_ipv4() { arp::ETHERTYPE } else { ndp::ETHERTYPE };
    let socket = sys::packet::open(link.index, kind).doing(say())?;
    let (to, question) = match address {
        IpAddr::V4(v4) => (EVERYBODY, arp::Packet::probe(own, v4).to_bytes()),
        IpAddr::V6(v6) => ndp::probe(v6),
    };
    let claims = |packet: &[u8]| match address {
        IpAddr::V4(v4) => arp::Packet::parse(packet).is_some_and(|packet| packet.claims(v4, own)),
        IpAddr::V6(v6) => ndp::advertised(packet) == Some(v6),
    };
    for _ in 0..PROBES {
        sys::packet::send_as(socket.as_fd(), link.index, kind, to, &question).doing(say())?;
        if hear(&socket, Instant::now() + PROBE_TIMEOUT, claims).doing(say())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells whether a packet comes for which that holds.
fn hear(socket: &OwnedFd, until: Instant, is_it: impl Fn(&[u8]) -> bool) -> rustix::io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e),
        }
        let mut buffer = [0; LONGEST];
        match rustix::net::recv(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((len, _)) if is_it(buffer.get(..len).unwrap_or_default()) => return Ok(true),
            // A busy network must not hold this up for ever.
            Ok(_) if Instant::now() >= until => return Ok(false),
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
}

fn hardware(link: &Link) -> Option<arp::Mac> {
    link.address.as_slice().try_into().ok()
}
