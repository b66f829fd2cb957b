//! The interfaces that are served, and DHCP on them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use format::dhcp::{Packet, Type};
use format::{pxe, udp4};
use kit::{Context, Error, Result};
use netlink::{Link, Netlink};
use rustix::net::RecvFlags;

use super::identity::SETTINGS;
use super::pool::Mac;
use super::reply::{Boot, Own, in_path};
use super::{Server, say};

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Port of PXE's boot servers, beside a DHCP server.
const BOOT_PORT: u16 = 4011;
/// The longest packet that is taken, in bytes.
const LONGEST: usize = 1500;
const EVERYBODY: Mac = [0xff; 6];

/// An interface that is served.
#[derive(Debug, Clone)]
pub struct Post {
    /// Its name.
    pub name: String,
    index: u32,
    net: Own,
    /// Our address there.
    pub own: Ipv4Addr,
}

/// A thread of the server; it ends when it can't go on.
pub type Part = JoinHandle<Result<()>>;

/// Those with these names; all cards with an address when there are none.
pub fn posts(names: &[String]) -> Result<Vec<Post>> {
    let mut nl = Netlink::open()?;
    let links = if names.is_empty() {
        nl.links()?.into_iter().filter(Link::is_card).collect()
    } else {
        names.iter().map(|name| nl.need(name)).collect::<Result<Vec<Link>, _>>()?
    };
    let mut posts = Vec::new();
    for link in links {
        let found = nl.addresses_of(&link.name)?.into_iter().find_map(|address| match address.cidr.addr {
            IpAddr::V4(own) => Some(Own { address: own, prefix: address.cidr.prefix }),
            IpAddr::V6(_) => None,
        });
        match found {
            Some(net) => posts.push(Post { name: link.name, index: link.index, net, own: net.address }),
            None if names.is_empty() => {}
            None => return Err(Error::new(format!("{}: it has no IPv4 address", link.name))),
        }
    }
    if posts.is_empty() { Err(Error::new("no network card has an IPv4 address")) } else { Ok(posts) }
}

/// Answer DHCP there.
pub fn dhcp(server: &Arc<Server>, post: &Post) -> Result<Vec<Part>> {
    let ear = sys::packet::open_udp(post.index, SERVER_PORT).doing(format_args!("{}: listen for DHCP", post.name))?;
    let (clone, here) = (Arc::clone(server), post.clone());
    if server.network.is_proxy() {
        let socket = UdpSocket::bind((post.own, BOOT_PORT)).doing(format_args!("listen at {}:{BOOT_PORT}", post.own))?;
        let heard = thread::spawn(move || hear(&clone, &here, &ear));
        let (clone, here) = (Arc::clone(server), post.clone());
        return Ok(vec![heard, thread::spawn(move || asked(&clone, &here, &socket))]);
    }
    // The raw socket receives these packets, too; while somebody has the port, the kernel does not
    // refuse them. The server of another interface may have it already.
    let held = match UdpSocket::bind((post.own, SERVER_PORT)) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => None,
        other => Some(other.doing(format_args!("listen at {}:{SERVER_PORT}", post.own))?),
    };
    Ok(vec![thread::spawn(move || {
        let _held = held;
        hear(&clone, &here, &ear)
    })])
}

fn hear(server: &Server, post: &Post, ear: &OwnedFd) -> Result<()> {
    let mut buffer = [0; LONGEST];
    loop {
        let received = rustix::net::recv(ear, &mut buffer[..], RecvFlags::empty());
        let len = match received {
            Ok((len, _)) => len.min(buffer.len()),
            // The interface is down for a while.
            Err(rustix::io::Errno::INTR | rustix::io::Errno::NETDOWN) => continue,
            Err(e) => return Err(e).doing(format_args!("{}: listen for DHCP", post.name)),
        };
        let packet = udp4::read(&buffer[..len], SERVER_PORT).and_then(|(_, data)| Packet::parse(data).ok());
        let Some(answer) = packet.and_then(|packet| answer(server, post, &packet)) else { continue };
        if let Err(e) = send(post, ear, &answer) {
            say(&e.to_string());
        }
    }
}

/// Answers clients of the boot server, which have an address already.
fn asked(server: &Server, post: &Post, socket: &UdpSocket) -> Result<()> {
    let mut buffer = [0; LONGEST];
    loop {
        // An error here is a message that nobody listened to an answer.
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        let answer = Packet::parse(&buffer[..len]).ok().and_then(|packet| answer(server, post, &packet));
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer.to_bytes(), from);
        }
    }
}

fn answer(server: &Server, post: &Post, packet: &Packet) -> Option<Packet> {
    let mac = packet.hardware;
    let client = pxe::client(packet);
    if let Some(uuid) = client.as_ref().and_then(|client| client.uuid.as_deref()) {
        server.identity.remember(mac, Some(uuid));
    }
    if !server.identity.serves(mac) {
        return None;
    }
    let first = matches!(packet.kind(), Some(Type::Discover));
    let boot = client.and_then(|client| match server.directories.first(client.arch, client.loader, mac) {
        Ok(path) => Some(Boot { client, path }),
        Err(why) => {
            if first {
                say(&format!("{}: {why}", pxe::mac(mac)));
            }
            None
        }
    });
    let answer = server.network.answer(packet, post.net, boot.as_ref())?;
    if matches!(answer.kind(), Some(Type::Offer | Type::Ack)) {
        server.visitors.saw(mac, Instant::now());
    }
    match (&boot, answer.kind()) {
        (Some(boot), Some(Type::Offer)) => {
            say(&format!("{}: {:?}, {}: {}", pxe::mac(mac), boot.client.loader, boot.client.arch.name(), boot.path));
        }
        (_, Some(Type::Ack)) if !answer.yours.is_unspecified() => say(&format!("{}: {}", pxe::mac(mac), answer.yours)),
        _ => {}
    }
    Some(answer)
}

/// By the relay, to the address that it has, or to one who has none yet (RFC 2131, 4.1).
fn send(post: &Post, ear: &OwnedFd, answer: &Packet) -> Result<()> {
    let what = || format!("{}: answer {}", post.name, pxe::mac(answer.hardware));
    let bytes = answer.to_bytes();
    if !answer.relay.is_unspecified() {
        let socket = UdpSocket::bind((post.own, 0)).doing(what())?;
        return socket.send_to(&bytes, (answer.relay, SERVER_PORT)).doing(what()).map(drop);
    }
    let nak = answer.kind() == Some(Type::Nak);
    let (to, hardware) = match [answer.client, answer.yours].into_iter().find(|address| !address.is_unspecified()) {
        Some(address) if !nak && (!answer.broadcast || !answer.client.is_unspecified()) => (address, answer.hardware),
        _ => (Ipv4Addr::BROADCAST, EVERYBODY),
    };
    let (from, to) = (SocketAddrV4::new(post.own, SERVER_PORT), SocketAddrV4::new(to, CLIENT_PORT));
    sys::packet::send(ear.as_fd(), post.index, hardware, &udp4::write(from, to, &bytes)).doing(what())
}

impl Server {
    /// Returns the URL of a machine's settings.
    pub fn settings_url(&self, own: Ipv4Addr, mac: Mac) -> String {
        let port = if self.network.port == 80 { String::new() } else { format!(":{}", self.network.port) };
        format!("http://{own}{port}/{}/{SETTINGS}", in_path(mac))
    }
}
