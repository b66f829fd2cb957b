//! `ping`: see whether a host answers.
//!
//! Usage: ping [-46nq] [-c COUNT] [-i SECONDS] [-W SECONDS] [-w SECONDS] [-s BYTES] [-t TTL] [-I INTERFACE|ADDRESS] HOST
//!
//! Sends ICMP echo requests, one a second, until COUNT or Ctrl-C, and tells how long each answer took. Addresses are never turned
//! into names, so -n changes nothing.
//!
//! Exit status: 0 when something answered, 1 when nothing did, 2 when it could not be tried.

mod icmp;
mod statistics;

use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{setsockopt, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto};

use icmp::{Heard, Icmp};
use statistics::Statistics;

/// The record.
pub const NAME: Applet = Applet { name: "ping", about: "see whether a host answers", place: Place::Bin, run };

/// Could not be tried.
const NOT_TRIED: Exit = Exit(2);
/// The shortest pause, which only root may use, as in other pings.
const LEAST: Duration = Duration::from_millis(2);
/// The longest time that is taken: ten years. What is added to a clock must not leave its range.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

#[derive(Parser, Debug)]
struct Options {
    /// Only IPv4
    #[arg(short = '4', conflicts_with = "v6")]
    v4: bool,
    /// Only IPv6
    #[arg(short = '6')]
    v6: bool,
    /// Number of packets to send
    #[arg(short, value_name = "COUNT")]
    count: Option<u16>,
    /// Interval between two packets, in seconds
    #[arg(short, value_name = "SECONDS", default_value_t = 1.0)]
    interval: f64,
    /// Timeout of the last answer, in seconds
    #[arg(short = 'W', value_name = "SECONDS", default_value_t = 10.0)]
    wait: f64,
    /// End after so many seconds, whatever came
    #[arg(short = 'w', value_name = "SECONDS")]
    deadline: Option<f64>,
    /// Bytes of data
    #[arg(short, value_name = "BYTES", default_value_t = 56, value_parser = clap::value_parser!(u16).range(0..=65000))]
    size: u16,
    /// Time to live: the number of routers that may be passed
    #[arg(short, value_name = "TTL")]
    ttl: Option<u8>,
    /// Send from that interface or address
    #[arg(short = 'I', value_name = "INTERFACE|ADDRESS")]
    from: Option<String>,
    /// Numbers only, no names
    #[arg(short)]
    numeric: bool,
    /// Only the summary
    #[arg(short)]
    quiet: bool,
    /// Host to ping
    host: String,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    for number in [Some(options.interval), Some(options.wait), options.deadline].into_iter().flatten() {
        seconds(number)?;
    }
    let mut ping = Ping::prepare(options).map_err(|e| e.with_exit(NOT_TRIED))?;
    ping.say_first()?;
    ping.talk().map_err(|e| e.with_exit(NOT_TRIED))?;
    ping.say_last()?;
    Ok(if ping.statistics.received > 0 { Exit::OK } else { Exit::FAILED })
}

struct Ping {
    options: Options,
    to: SocketAddr,
    socket: OwnedFd,
    interrupts: SignalFd,
    icmp: Icmp,
    statistics: Statistics,
}

impl Ping {
    fn prepare(options: Options) -> Result<Self> {
        let to = resolve(&options)?;
        let (socket, raw) = open(to.ip())?;
        if let Some(from) = &options.from {
            bind(&socket, from)?;
        }
        if let Some(ttl) = options.ttl {
            let set = if to.is_ipv4() {
                rustix::net::sockopt::set_ip_ttl(&socket, ttl.into())
            } else {
                rustix::net::sockopt::set_ipv6_unicast_hops(&socket, Some(ttl))
            };
            set.doing("set the TTL")?;
        }
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.thread_block().doing("hold back SIGINT")?;
        let interrupts = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC).doing("wait for SIGINT")?;
        let icmp = Icmp { v4: to.is_ipv4(), raw, id: std::process::id() as u16 };
        let statistics = Statistics::new(to.ip(), &options.host);
        Ok(Self { options, to, socket, interrupts, icmp, statistics })
    }

    /// Send and hear until the count, the time limit or Ctrl-C.
    fn talk(&mut self) -> Result<()> {
        let interval = seconds(self.options.interval)?.max(LEAST);
        let wait = seconds(self.options.wait)?;
        let limit = self.options.deadline.map(seconds).transpose()?.map(|d| Instant::now() + d);
        let mut next = Instant::now();
        loop {
            let done = self.options.count.is_some_and(|count| self.statistics.sent >= u64::from(count));
            if !done && Instant::now() >= next {
                self.send()?;
                next += interval;
                continue;
            }
            // After the last one only its answer is waited for.
            let until = if done { self.statistics.last_sent() + wait } else { next };
            let until = limit.map_or(until, |limit| until.min(limit));
            let finished = done && self.statistics.all_heard();
            if finished || limit.is_some_and(|limit| Instant::now() >= limit) {
                return Ok(());
            }
            match self.wait(until)? {
                Event::Packet => self.hear()?,
                Event::Interrupt => return Ok(()),
                Event::Time if done => return Ok(()),
                Event::Time => {}
            }
        }
    }

    fn send(&mut self) -> Result<()> {
        let seq = self.statistics.sending();
        let bytes = self.icmp.request(seq, self.options.size.into());
        match rustix::net::sendto(&self.socket, &bytes, SendFlags::empty(), &self.to) {
            Ok(_) => Ok(()),
            // A host that is not there makes later sends fail; the next one may not.
            Err(e) if [rustix::io::Errno::HOSTUNREACH, rustix::io::Errno::HOSTDOWN].contains(&e) => Ok(()),
            Err(e) => Err(std::io::Error::from(e)).doing(format_args!("send to {}", self.to.ip())),
        }
    }

    fn wait(&self, until: Instant) -> Result<Event> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let interrupts = self.interrupts.as_fd();
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN), PollFd::from_borrowed_fd(interrupts, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(Event::Time),
            Ok(_) if !fds[1].revents().is_empty() => Ok(Event::Interrupt),
            Ok(_) => Ok(Event::Packet),
            Err(e) => Err(e).doing("wait for an answer"),
        }
    }

    fn hear(&mut self) -> Result<()> {
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let received = rustix::net::recvfrom(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT);
        // An error that came back for an earlier packet is no reason to end.
        let Ok((len, _, Some(from))) = received else { return Ok(()) };
        let from = SocketAddr::try_from(from).doing("read a sender's address")?.ip();
        match self.icmp.read(&buffer[..len]) {
            Some(Heard::Reply { seq, bytes, ttl }) => {
                let Some(took) = self.statistics.heard(seq) else { return Ok(()) };
                let ttl = ttl.map(|ttl| format!(" ttl={ttl}")).unwrap_or_default();
                self.say(&format!("{bytes} bytes from {from}: icmp_seq={seq}{ttl} time={} ms", statistics::milliseconds(took)))
            }
            Some(Heard::Refused { seq, why }) => {
                self.statistics.refused(seq);
                self.say(&format!("From {from} icmp_seq={seq} {why}"))
            }
            None => Ok(()),
        }
    }

    fn say(&self, line: &str) -> Result<()> {
        if self.options.quiet { Ok(()) } else { writeln!(std::io::stdout(), "{line}").doing("write") }
    }

    fn say_first(&self) -> Result<()> {
        let (host, addr, size) = (&self.options.host, self.to.ip(), self.options.size);
        let whole = usize::from(size) + icmp::HEADER + if self.to.is_ipv4() { 20 } else { 40 };
        writeln!(std::io::stdout(), "PING {host} ({addr}) {size}({whole}) bytes of data.").doing("write")
    }

    fn say_last(&self) -> Result<()> {
        write!(std::io::stdout(), "{}", self.statistics).doing("write")
    }
}

enum Event {
    Packet,
    Interrupt,
    Time,
}

/// The host's first address of the wanted family.
fn resolve(options: &Options) -> Result<SocketAddr> {
    let found = (options.host.as_str(), 0).to_socket_addrs().doing(format_args!("find {}", options.host))?;
    let mut wanted = found.filter(|addr| (!options.v4 || addr.is_ipv4()) && (!options.v6 || addr.is_ipv6()));
    wanted.next().ok_or_else(|| Error::new(format!("find {}: it has no address of that family", options.host)))
}

/// A raw socket, or one of the kind that everybody may have where the kernel allows it; whether it is raw.
fn open(to: IpAddr) -> Result<(OwnedFd, bool)> {
    let (family, protocol) =
        if to.is_ipv4() { (AddressFamily::INET, ipproto::ICMP) } else { (AddressFamily::INET6, ipproto::ICMPV6) };
    let open = |kind| rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol));
    match open(SocketType::RAW) {
        Ok(socket) => Ok((socket, true)),
        Err(_) => Ok((open(SocketType::DGRAM).doing("open a socket for ICMP")?, false)),
    }
}

/// Send from an address, or by an interface.
fn bind(socket: &OwnedFd, from: &str) -> Result<()> {
    match from.parse::<IpAddr>() {
        Ok(addr) => rustix::net::bind(socket, &SocketAddr::new(addr, 0)).doing(format_args!("send from {from}")),
        Err(_) => setsockopt(socket, sockopt::BindToDevice, &OsString::from(from)).doing(format_args!("send by {from}")),
    }
}

fn seconds(number: f64) -> Result<Duration> {
    let time = Duration::try_from_secs_f64(number).ok().filter(|time| *time <= LONGEST);
    time.ok_or_else(|| Error::usage(format!("{number} is not a number of seconds, at most {}", LONGEST.as_secs())))
}
