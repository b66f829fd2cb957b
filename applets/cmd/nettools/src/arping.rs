//! `arping [-DUAfqb] [-c COUNT] [-w SECONDS] [-i SECONDS] [-s SOURCE] -I INTERFACE ADDRESS` asks an address of the same network by ARP.
//!
//! `-D` looks for another owner of the address (exit status 1 if there is one), `-U` and `-A` announce the address as ours. `-f` ends with the first answer.
//! Without them the exit status is 0 if somebody answered.
//!
//! Example: `arping -c 3 -I eth0 10.0.0.1`, `arping -D -c 2 -I eth0 10.0.0.7`.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use clap::Parser;
use format::arp::{ETHERTYPE, Mac, Operation, Packet};
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use netlink::Netlink;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

/// ARP by hand.
pub const ARPING: Applet = Applet { name: "arping", about: "ask for an address by ARP", place: Place::Sbin, run };

const EVERYBODY: Mac = [0xff; 6];

#[derive(Parser)]
struct Options {
    /// Look for another owner
    #[arg(short = 'D', conflicts_with_all = ["update", "answer"])]
    duplicate: bool,
    /// Announce the address by requests
    #[arg(short = 'U', conflicts_with = "answer")]
    update: bool,
    /// Announce the address by answers
    #[arg(short = 'A')]
    answer: bool,
    /// End with the first answer
    #[arg(short)]
    first: bool,
    /// Say nothing
    #[arg(short)]
    quiet: bool,
    /// Ask everybody each time
    #[arg(short)]
    broadcast: bool,
    /// Number of packets
    #[arg(short, value_name = "COUNT")]
    count: Option<u32>,
    /// End after so many seconds
    #[arg(short, value_name = "SECONDS")]
    wait: Option<f64>,
    /// Seconds between two packets
    #[arg(short, value_name = "SECONDS", default_value_t = 1.0)]
    interval: f64,
    /// Own address in the packets
    #[arg(short, value_name = "SOURCE", conflicts_with = "answer")]
    source: Option<Ipv4Addr>,
    /// The interface
    #[arg(short = 'I', value_name = "INTERFACE")]
    interface: Option<String>,
    /// The address
    address: Ipv4Addr,
}

struct Asker<'a> {
    options: &'a Options,
    interface: u32,
    own: Mac,
    source: Ipv4Addr,
    socket: OwnedFd,
    /// Hardware address of the first that answered.
    found: Option<Mac>,
    sent: u32,
    broadcasts: u32,
    received: u32,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&ARPING, args)?;
    let interval = seconds(options.interval)?;
    let limit = options.wait.map(seconds).transpose()?;
    ask(&options, interval, limit).map_err(|e| e.with_exit(Exit(2)))
}

fn seconds(number: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(number)
        .ok()
        .filter(|time| time.as_secs() < 1 << 31)
        .ok_or_else(|| Error::usage("that is no time"))
}

/// The interface that was given, or the one on the way to the address.
fn interface(options: &Options, netlink: &mut Netlink) -> Result<String> {
    if let Some(name) = &options.interface {
        return Ok(name.clone());
    }
    let route = netlink.route_to(options.address.into())?;
    let link = netlink.link_by_index(route.index.unwrap_or_default())?;
    Ok(link.ok_or_else(|| Error::usage("give an interface with -I"))?.name)
}

fn ask(options: &Options, interval: Duration, limit: Option<Duration>) -> Result<Exit> {
    let mut netlink = Netlink::open()?;
    let name = interface(options, &mut netlink)?;
    let link = netlink.need(&name)?;
    let own: Mac =
        link.address.as_slice().try_into().map_err(|_| Error::new(format!("{name} has no hardware address of Ethernet")))?;
    let is_announced = options.update || options.answer;
    let source = match options.source {
        Some(source) => source,
        None if options.duplicate => Ipv4Addr::UNSPECIFIED,
        None if is_announced => options.address,
        None => {
            let addresses = netlink.addresses_of(&name)?;
            let fourth = |address: &netlink::Address| if let IpAddr::V4(ip) = address.cidr.addr { Some(ip) } else { None };
            let beside = addresses.iter().find(|address| address.cidr.contains(options.address.into()));
            beside
                .or(addresses.first())
                .and_then(fourth)
                .or_else(|| addresses.iter().find_map(fourth))
                .unwrap_or(Ipv4Addr::UNSPECIFIED)
        }
    };
    let socket = sys::packet::open(link.index, ETHERTYPE).doing(format!("listen on {name}"))?;
    let mut asker =
        Asker { options, interface: link.index, own, source, socket, found: None, sent: 0, broadcasts: 0, received: 0 };
    asker.say(&format!("ARPING {} from {source} {name}\n", options.address))?;
    asker.talk(interval, limit)?;
    asker.say(&format!(
        "Sent {} probes ({} broadcast(s))\nReceived {} response(s)\n",
        asker.sent, asker.broadcasts, asker.received
    ))?;
    Ok(match (options.duplicate, asker.received > 0) {
        (true, found) => {
            if found {
                Exit::FAILED
            } else {
                Exit::OK
            }
        }
        (false, found) => {
            if found || is_announced {
                Exit::OK
            } else {
                Exit::FAILED
            }
        }
    })
}

impl Asker<'_> {
    fn say(&self, text: &str) -> Result<()> {
        if self.options.quiet { Ok(()) } else { kit::print(text) }
    }

    fn send(&mut self) -> Result<()> {
        let (own, address) = (self.own, self.options.address);
        let packet = if self.options.answer {
            Packet::unasked_reply(own, address)
        } else {
            let (operation, sender_address) = (Operation::Request, self.source);
            Packet { operation, sender: own, sender_address, target: EVERYBODY, target_address: address }
        };
        let to = if self.options.broadcast { EVERYBODY } else { self.found.unwrap_or(EVERYBODY) };
        sys::packet::send_as(self.socket.as_fd(), self.interface, ETHERTYPE, to, &packet.to_bytes()).doing("send a packet")?;
        self.sent += 1;
        self.broadcasts += u32::from(to == EVERYBODY);
        Ok(())
    }

    fn talk(&mut self, interval: Duration, limit: Option<Duration>) -> Result<()> {
        let begun = Instant::now();
        let end = limit.map(|limit| begun + limit);
        let mut next = begun;
        let mut sent_at = begun;
        loop {
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            if now >= next {
                if self.options.count.is_some_and(|count| self.sent >= count) {
                    return Ok(());
                }
                self.send()?;
                (sent_at, next) = (now, now + interval);
            }
            let until = end.map_or(next, |end| end.min(next));
            let answered = self.hear(until, sent_at)?;
            if answered && (self.options.first || self.options.duplicate) {
                return Ok(());
            }
        }
    }

    /// Waits for an answer until a time; true if one came.
    fn hear(&mut self, until: Instant, sent_at: Instant) -> Result<bool> {
        let left = until.saturating_duration_since(Instant::now());
        let limit = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(false),
            ready => ready.doing("wait for an answer")?,
        };
        let mut bytes = [0; 256];
        let (_, len) = rustix::net::recv(&self.socket, &mut bytes[..], RecvFlags::TRUNC).doing("receive")?;
        let Some(packet) = Packet::parse(bytes.get(..len).unwrap_or(&bytes)) else { return Ok(false) };
        let address = self.options.address;
        let is_answer = if self.options.duplicate {
            packet.claims(address, self.own)
        } else {
            packet.operation == Operation::Reply && packet.sender_address == address && packet.sender != self.own
        };
        if !is_answer || self.options.update || self.options.answer {
            return Ok(false);
        }
        self.received += 1;
        let kind = if packet.target == self.own { "Unicast" } else { "Broadcast" };
        let what = if packet.operation == Operation::Reply { "reply" } else { "request" };
        let time = sent_at.elapsed().as_secs_f64() * 1000.0;
        let mac = kit::hex::joined(packet.sender, ":").to_uppercase();
        self.say(&format!("{kind} {what} from {} [{mac}]  {time:.3}ms\n", packet.sender_address))?;
        self.found = Some(packet.sender);
        Ok(true)
    }
}
