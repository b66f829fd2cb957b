//! Talking to DHCP servers on one interface.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use format::dhcp::{Packet, Type, option};
use format::udp4;
use kit::{Context, Error, Result};
use netlink::{Link, Netlink};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;

use super::lease::Lease;

const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
/// The first wait for an answer, and the longest; it doubles each time. RFC 2131 begins with 4 s, which is long for a boot.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(16));
/// Number of requests for an offered address.
const REQUESTS: u32 = 4;
/// Timeout of a server's answer to a renewal.
const RENEWAL: Duration = Duration::from_secs(4);
/// Interval of the check for a carrier.
const LOOK: Duration = Duration::from_millis(20);
/// The longest packet that is taken, in bytes.
const LONGEST: usize = 1500;
/// Options to ask for.
const WANTED: &[u8] = &[
    option::MASK,
    option::ROUTES,
    option::ROUTERS,
    option::DNS,
    option::HOST_NAME,
    option::DOMAIN,
    option::MTU,
    option::BROADCAST,
    option::NTP,
    option::LEASE,
    option::SERVER,
    option::RENEW,
    option::REBIND,
    option::BOOT_SERVER,
    option::BOOT_FILE,
    option::SEARCH,
    option::SETTINGS,
];

/// An interface.
pub struct Nic {
    pub name: String,
    link: Link,
    hardware: [u8; 6],
    host_name: Option<String>,
    verbose: bool,
    began: Instant,
}

/// A server's word on a request.
pub enum Word {
    /// The address is ours.
    Yes(Box<Lease>),
    /// It is not.
    No(String),
    /// Nobody answered.
    Silence,
}

impl Nic {
    /// Set the interface up and wait for its carrier, until `limit`.
    pub fn open(name: &str, host_name: Option<String>, verbose: bool, limit: Option<Instant>) -> Result<Self> {
        let mut nl = Netlink::open()?;
        if !nl.need(name)?.is_up() {
            nl.up(name)?;
        }
        let link = loop {
            let link = nl.need(name)?;
            if link.is_running() {
                break link;
            }
            if limit.is_some_and(|limit| Instant::now() > limit) {
                return Err(Error::new(format!("{name}: there is no carrier")));
            }
            std::thread::sleep(LOOK);
        };
        let hardware = link.address.as_slice().try_into();
        let hardware = hardware.map_err(|_| Error::new(format!("{name}: it is not an Ethernet interface")))?;
        let host_name = host_name.or_else(own_name);
        Ok(Self { name: name.to_owned(), link, hardware, host_name, verbose, began: Instant::now() })
    }

    /// Get a lease; none when there is none by `limit`.
    pub fn obtain(&mut self, limit: Option<Instant>) -> Result<Option<Lease>> {
        self.began = Instant::now();
        let ear = self.listen()?;
        let mut pause = PAUSE.0;
        while limit.is_none_or(|limit| Instant::now() < limit) {
            let discover = self.packet(Type::Discover)?;
            self.broadcast(&ear, &discover)?;
            let round = jitter(pause)?.min(left(limit));
            let until = Instant::now() + round;
            pause = (pause * 2).min(PAUSE.1);
            let Some(offer) = self.hear(&ear, until, discover.exchange, &[Type::Offer])? else { continue };
            match self.take(&ear, &discover, &offer, limit)? {
                Word::Yes(lease) => return Ok(Some(*lease)),
                Word::No(why) => {
                    self.say(&format!("refused: {why}"));
                    // A server that offers and refuses at once must not be asked at full speed.
                    std::thread::sleep(until.saturating_duration_since(Instant::now()));
                }
                Word::Silence => {}
            }
        }
        Ok(None)
    }

    /// Ask for the offered address.
    fn take(&self, ear: &OwnedFd, discover: &Packet, offer: &Packet, limit: Option<Instant>) -> Result<Word> {
        let mut request = self.packet(Type::Request)?;
        request.exchange = discover.exchange;
        request.options.insert(option::REQUESTED, offer.yours.octets().to_vec());
        if let Some(server) = offer.options.get(&option::SERVER) {
            request.options.insert(option::SERVER, server.clone());
        }
        let mut pause = PAUSE.0;
        for _ in 0..REQUESTS {
            self.broadcast(ear, &request)?;
            let until = Instant::now() + pause.min(left(limit));
            if let Some(answer) = self.hear(ear, until, request.exchange, &[Type::Ack, Type::Nak])? {
                return Ok(self.judge(&answer));
            }
            pause *= 2;
        }
        Ok(Word::Silence)
    }

    /// Ask the lease's server to prolong it.
    pub fn renew(&self, lease: &Lease) -> Result<Word> {
        let (own, Some(server)) = (lease.ipv4()?, lease.server) else { return self.rebind(lease) };
        let request = self.prolong(own)?;
        self.say(&format!("request {own} from {server}"));
        let socket = UdpSocket::bind((own, CLIENT_PORT)).doing(format_args!("{}: listen at {own}", self.name))?;
        socket.send_to(&request.to_bytes(), (server, SERVER_PORT)).doing(format_args!("{}: ask {server}", self.name))?;
        let until = Instant::now() + RENEWAL;
        let mut buffer = [0; LONGEST];
        loop {
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Ok(Word::Silence);
            }
            socket.set_read_timeout(Some(wait)).doing("set a time limit")?;
            // An error here is the time limit or a message that nobody listens there.
            let Ok((len, _)) = socket.recv_from(&mut buffer) else { continue };
            if let Some(answer) = self.answer(&buffer[..len], request.exchange, &[Type::Ack, Type::Nak]) {
                return Ok(self.judge(&answer));
            }
        }
    }

    /// Ask any server to prolong it.
    pub fn rebind(&self, lease: &Lease) -> Result<Word> {
        let ear = self.listen()?;
        let request = self.prolong(lease.ipv4()?)?;
        self.broadcast(&ear, &request)?;
        let until = Instant::now() + RENEWAL;
        let answer = self.hear(&ear, until, request.exchange, &[Type::Ack, Type::Nak])?;
        Ok(answer.map_or(Word::Silence, |answer| self.judge(&answer)))
    }

    fn prolong(&self, own: Ipv4Addr) -> Result<Packet> {
        let mut request = self.packet(Type::Request)?;
        request.client = own;
        request.seconds = 0;
        Ok(request)
    }

    fn judge(&self, answer: &Packet) -> Word {
        let reason = answer.text(option::MESSAGE).unwrap_or_else(|| "without a reason".into());
        match (answer.kind(), Lease::of(&self.name, answer)) {
            (Some(Type::Ack), Some(lease)) => Word::Yes(Box::new(lease)),
            (Some(Type::Ack), None) => Word::No("it acknowledged no address".into()),
            _ => Word::No(reason),
        }
    }

    /// A packet of ours with what every one has.
    fn packet(&self, kind: Type) -> Result<Packet> {
        let mut packet = Packet::of_client(kind, u32::from_ne_bytes(random()?), self.hardware);
        packet.seconds = self.began.elapsed().as_secs().try_into().unwrap_or(u16::MAX);
        packet.options.insert(option::WANTED, WANTED.to_vec());
        packet.options.insert(option::MAX_SIZE, (LONGEST as u16).to_be_bytes().to_vec());
        packet.options.insert(option::VENDOR_CLASS, b"kutties".to_vec());
        if let Some(name) = &self.host_name {
            packet.options.insert(option::HOST_NAME, name.clone().into_bytes());
        }
        Ok(packet)
    }

    fn listen(&self) -> Result<OwnedFd> {
        sys::packet::open_udp(self.link.index, CLIENT_PORT).doing(format_args!("{}: listen for DHCP", self.name))
    }

    fn broadcast(&self, ear: &OwnedFd, packet: &Packet) -> Result<()> {
        const EVERYBODY: [u8; 6] = [0xff; 6];
        self.say(&format!("send {:?} {:08x}", packet.kind(), packet.exchange));
        let from = SocketAddrV4::new(packet.client, CLIENT_PORT);
        let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT);
        let bytes = udp4::write(from, to, &packet.to_bytes());
        sys::packet::send(ear.as_fd(), self.link.index, EVERYBODY, &bytes).doing(format_args!("{}: send", self.name))
    }

    /// The first answer of one of `kinds` to the exchange, until `until`.
    fn hear(&self, ear: &OwnedFd, until: Instant, exchange: u32, kinds: &[Type]) -> Result<Option<Packet>> {
        let mut buffer = [0; LONGEST];
        while wait(ear, until)? {
            let received = rustix::net::recv(ear, &mut buffer[..], RecvFlags::empty());
            let (len, _) = received.doing(format_args!("{}: listen for DHCP", self.name))?;
            let data = udp4::read(&buffer[..len], CLIENT_PORT);
            if let Some(packet) = data.and_then(|(_, data)| self.answer(data, exchange, kinds)) {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// The packet in `data` when it is an answer to us.
    fn answer(&self, data: &[u8], exchange: u32, kinds: &[Type]) -> Option<Packet> {
        let packet = Packet::parse(data).ok()?;
        let ours = packet.reply && packet.exchange == exchange && packet.hardware == self.hardware;
        let fits = ours && packet.kind().is_some_and(|kind| kinds.contains(&kind));
        if fits {
            let server = packet.address(option::SERVER).unwrap_or(packet.next_server);
            self.say(&format!("{:?} {} from {server}", packet.kind(), packet.yours));
        }
        fits.then_some(packet)
    }

    /// A line on standard error, when somebody wants to know.
    pub fn say(&self, what: &str) {
        if self.verbose {
            // Nobody is told when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{}: {what}", self.name);
        }
    }
}

/// Wait until there is something to read; false at `until`.
fn wait(ear: &OwnedFd, until: Instant) -> Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(ear.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("wait for an answer"),
        }
    }
}

/// A tenth more or less, so that a rack of machines does not ask in step.
fn jitter(pause: Duration) -> Result<Duration> {
    let [byte, ..] = random()?;
    Ok(pause.mul_f32(0.9 + 0.2 * f32::from(byte) / 255.0))
}

fn left(limit: Option<Instant>) -> Duration {
    limit.map_or(Duration::MAX, |limit| limit.saturating_duration_since(Instant::now()))
}

fn random() -> Result<[u8; 4]> {
    let mut bytes = [0; 4];
    // Not for secrets: before the kernel's pool is full it must not block a boot.
    let flags = rustix::rand::GetRandomFlags::INSECURE;
    rustix::rand::getrandom(&mut bytes, flags).doing("get random bytes")?;
    Ok(bytes)
}

/// The machine's name, when it has one.
pub fn own_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned();
    (!["", "(none)", "localhost"].contains(&name.as_str())).then_some(name)
}
